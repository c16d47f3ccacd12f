/* The beginning: which tables, what earlier runs have done of them, and a snapshot to read in. */
#ifndef BEGIN_H
#define BEGIN_H

#include "dump.h"

/* Up to the first range, unless d->is_complete. 0, or the exit code after reporting. */
int begin(struct dump *d);

/* Describe tables anew that were altered, and go on in another snapshot. As begin(). */
int begin_again(struct dump *d);

#endif
