/*
 * How a run ends.
 */
#ifndef FINISH_H
#define FINISH_H

#include "stream.h"

/*
 * The order of a clean end: output flushed and closed, so that the sinks flush;
 * their acks; the confirmation.  When the downstream has gone by itself, its acks
 * still count.  The exit code, after reporting.
 */
int finish_run(struct stream *st, int downstream_gone);

/*
 * What was committed before an event that ends the run for good is delivered, though it
 * is not waited for: else no restart would ever bring it further.
 */
void finish_write_rest(struct stream *st);

#endif
