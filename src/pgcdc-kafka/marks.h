/*
 * What the tokens on the stream stand for: a mark says that when this token is acknowledged, a
 * partition may be committed up to an offset.  At most one mark a token and partition.
 */
#ifndef MARKS_H
#define MARKS_H

#include <stddef.h>
#include <stdint.h>

#include "partition.h"

struct mark;

/* Start with all zero. */
struct marks {
	struct mark *ring; /* n of them from first on, in room for cap, a power of two */
	size_t first, n, cap;
	uint64_t messages; /* that wait for their acks */
};

/*
 * All that was taken of the partition comes before this token, which is not below those before
 * it.  0, or -1: no memory.
 */
int marks_add(struct marks *m, uint64_t token, struct partition *p);

/* This token and all below are acknowledged: p->acked follows. */
void marks_acked(struct marks *m, uint64_t token);

/* The partition is given up: its marks count for nothing. */
void marks_forget(struct marks *m, const struct partition *p);

void marks_free(struct marks *m);

#endif
