/* How a run of the consumer ends. */
#ifndef LEAVE_H
#define LEAVE_H

#include "consume.h"

/*
 * The order of a clean end: a last token, output flushed and closed, so that the sinks flush;
 * their acks; the commit; then we leave the group.  When the downstream has gone by itself, its
 * acks still count.  The exit code, after reporting.
 */
int leave_run(struct consume *c, int downstream_gone);

/* After an error: write what is there, and leave the group so that others go on at once. */
void leave_quickly(struct consume *c);

#endif
