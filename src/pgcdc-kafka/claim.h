/*
 * Claiming a transactional id: to become its one producer, and to find out how far the one before
 * has come.
 */
#ifndef CLAIM_H
#define CLAIM_H

#include <stdint.h>

#include "position.h"
#include "produce_options.h"
#include "producer.h"
#include "topics.h"

struct claim {
	const struct produce_options *options; /* these four are the caller's */
	struct producer *producer;
	int (*serve)(void *context); /* the producer's events: 0, or an exit code */
	void *context;

	struct topics topics;
	struct topic *topic; /* of positions */
};

/*
 * The longest that the brokers let a transaction be open, in milliseconds: --transaction-timeout,
 * or else they are asked.  0, or the exit code after reporting.
 */
int claim_longest(const struct produce_options *o, int64_t *ms);

/*
 * Take the id over and read its position.  The producer is open.  0, or the exit code after
 * reporting.
 */
int claim_take(struct claim *c, struct position *position);

void claim_close(struct claim *c);

#endif
