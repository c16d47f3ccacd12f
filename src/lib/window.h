/*
 * The contiguous watermark over completions that come in any order: a sink hands out units of work
 * (messages, documents), is told of each that it is durable, and may acknowledge a token when
 * all units before it are.
 *
 * Units are numbered from 0 in the order in which they are added.  A unit costs one bit from
 * its addition until all before it are done too, a mark about thirty bytes.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "ack.h"
#include "buf.h"

/* Start with all zero; only window_* write it. */
struct window {
	uint64_t first; /* the oldest unit that is not done, or next */
	uint64_t next;  /* the number that the next unit gets */
	uint64_t open;  /* units that are not done */

	uint64_t *done; /* a ring of bits, cap of them: unit n has bit n % cap */
	uint64_t cap;
	struct buf marks; /* of those not given yet: struct mark and its token, each */
	size_t given;     /* bytes at their front that are given */
	char token[ACK_TOKEN_SIZE];
};

/* Add a unit. 0 and its number, or -1: no memory. */
int window_add(struct window *w, uint64_t *unit);

/*
 * When every unit added so far is done, token may be acknowledged.  It has less than
 * ACK_TOKEN_SIZE bytes.  0, or -1: no memory.
 */
int window_mark(struct window *w, const char *token, size_t len);

/* The unit is done.  Each may be told once. */
void window_done(struct window *w, uint64_t unit);

/*
 * The newest token that may be acknowledged and was not given before, NULL if there is none.
 * Older ones are forgotten, as tokens are cumulative.  It lives until the next call.
 */
const char *window_token(struct window *w);

void window_free(struct window *w);

#endif
