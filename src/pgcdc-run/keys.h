/*
 * Keys of the configuration file that set an option of a program: is there such an option?  The
 * program is asked, by its --help, so that its own table of options stays the only one.
 */
#ifndef KEYS_H
#define KEYS_H

#include "pipeline.h"

/*
 * Look at all keys of the file, also those of programs that the pipeline does not have, if
 * they are installed; its stages tell which sinks have keys of their own.  0, or the exit code after reporting the
 * first one that sets nothing.
 */
int keys_check(const struct pipeline *p, const struct config *c);

#endif
