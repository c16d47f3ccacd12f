/*
 * The pipeline in the words of a shell, to be learnt from and pasted.
 */
#ifndef PRINT_H
#define PRINT_H

#include "pipeline.h"

/*
 * Print a POSIX shell's way to run the pipeline, which was made for the folder "$dir".
 * What is secret is left out, and has to be set by the reader.  folder is its path, NULL
 * for a temporary one.  Unless is_last, what is printed next runs if this has ended well.  0, or the exit code after reporting.
 */
int print_pipeline(const struct pipeline *p, const char *folder, int is_last);

#endif
