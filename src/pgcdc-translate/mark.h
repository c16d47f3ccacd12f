/*
 * Rows of the schema log that the stream's slot has confirmed are marked so ("acked" in
 * pgcdc-schema(5)), on a timer and beside the stream.
 */
#ifndef MARK_H
#define MARK_H

#include <stdint.h>

#include "link.h"

struct mark {
	int64_t interval; /* microseconds; 0: nothing is marked */
	char slot[64];    /* of the stream; empty: not known yet */
	int64_t next;     /* when it is time to, as loop_now() */
	int is_asked;     /* and the server has not answered yet */
};

/*
 * When it is time to, begin to mark; or take the answer.  It does not wait, and that it cannot
 * be done is no more than a warning.
 */
void mark_tend(struct mark *m, struct link *l);
int64_t mark_deadline(const struct mark *m);

/* Wait for the answer, which would stand before the next one. As link_await_result(). */
int mark_finish(struct mark *m, struct link *l, int64_t deadline, int64_t grace);

#endif
