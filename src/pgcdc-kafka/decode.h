/*
 * The value of a message becomes an event line (pgcdc-events(5)).
 *
 * What pgcdc-kafka produce has written is such a line and passes byte for byte; what others have
 * written is rewritten (foreign.h).  It has to be a row or a message, without tokens: those are the
 * consumer's own.
 */
#ifndef DECODE_H
#define DECODE_H

#include <stddef.h>

#include "buf.h"
#include "event.h"

/* Start with all zero. */
struct decode {
	struct event event; /* of the line that was made last */
	struct buf buf;     /* a line that is not the value itself */
	char error[256];    /* why the value is no event */
};

/* It is well-formed, and no event: nothing is lost with it. */
#define DECODE_NOTHING 1

/*
 * The line, without LF, of the len bytes at value; it lives until the next call, and as long as
 * the value does.  0, DECODE_NOTHING, or -1 with d->error and errno EBADMSG (no event) or ENOMEM.
 */
int decode_value(struct decode *d, const void *value, size_t len, struct event_span *line);

void decode_free(struct decode *d);

#endif
