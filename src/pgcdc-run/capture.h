/*
 * What a program prints.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "buf.h"

/*
 * Run a program to its end, and append its standard output and a NUL.  It reads what we do, and
 * argv and env are as spawn.h has them.  0 and how it ended, as waitpid(2) says it; or -1 with errno.
 */
int
capture_run(struct buf *text, const char *path, char *const *argv, char *const *env, int *status);

#endif
