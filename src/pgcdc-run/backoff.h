/*
 * How long to wait before the line is started again: twice as long each time, with a
 * random part, so that many lines do not meet at a server that comes back.
 */
#ifndef BACKOFF_H
#define BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t min, max; /* microseconds */
	int64_t next;     /* the longest that the next wait may be; start with 0 */
};

/*
 * The wait after a run of this length: between half of b->next and all of it.  A run
 * that was longer than b->max begins anew with b->min.
 */
int64_t backoff_wait(struct backoff *b, int64_t run);

#endif
