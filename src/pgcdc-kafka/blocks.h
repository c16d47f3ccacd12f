/*
 * Blocks of input whose lines are on their way as messages: a message is not copied, so what it
 * lies in is kept until its delivery.  Units are those of window.h.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Start with all zero; only blocks_* write it. */
struct blocks {
	struct buf queue; /* struct block, each; the oldest first */
	size_t freed;     /* bytes at its front whose blocks are freed */
	size_t bytes;     /* in the blocks that are kept */
};

/* Take over memory of size bytes until every unit below the number is done. 0, or -1: no memory. */
int blocks_keep(struct blocks *b, char *memory, size_t size, uint64_t until);

/* Every unit below the number is done: free what was kept for them. */
void blocks_done(struct blocks *b, uint64_t first);

void blocks_free(struct blocks *b);

#endif
