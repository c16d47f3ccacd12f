/*
 * The source's way back: what comes through its ack FIFO, into the decision of what may be
 * confirmed (confirm.h).
 */
#ifndef ACKS_H
#define ACKS_H

#include <stdint.h>

#include "ack.h"
#include "confirm.h"

struct acks {
	struct ack_fifo *fifo;   /* the caller's; NULL: there is none */
	const char *path;        /* the FIFO's, the caller's */
	struct confirm *confirm; /* the caller's */
	const char *form;        /* what a line should look like, for a warning */
	/* The number that a token stands for: 0, or -1 with *why if it is none of ours. */
	int (*parse)(void *context, uint64_t *number, const char *token, const char **why);
	void *context;

	int left; /* lines are left in the FIFO's buffer, as others had their turn */
	uint64_t n_taken, n_ignored;
};

/*
 * Take what the FIFO holds, or some of it, which a->left says.  What is none of ours is counted
 * and warned about, now and then.  0, or the exit code after reporting.
 */
int acks_read(struct acks *a);

#endif
