/*
 * One transaction of the recording between its B and its C: what it changes, and
 * whether that is what its row in the control table says.
 */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include <stdint.h>

#include "line.h"
#include "replica.h"
#include "source.h"

struct transaction {
	int open;
	uint64_t lsn, last_lsn;
	int64_t xid, seq;
	char timestamp[32], origin[64];
	uint64_t hash;
	struct change *changes;
	size_t n;
	int others; /* rows that are no part of the workload */
	int messages;
	char message_head[64]; /* of its messages: "client/seq/" */
};

/* Messages outside of transactions, by the transaction that wrote them. */
struct loose;

/* B */
void transaction_begin(struct transaction *t, const struct line *l);

/* A line up to and with C. 0, or -1 after reporting. */
int transaction_line(struct transaction *t, const struct replica *r, const struct line *l);

/* Forget it, complete or cut. */
void transaction_end(struct transaction *t);

/* A message outside of transactions that was not there before. */
void transaction_loose_message(struct loose **all, const struct line *l);
void transaction_free_loose(struct loose **all);

/* Check the complete transaction against its control row, and apply it. */
void transaction_apply(struct transaction *t, struct loose **all, const struct source *s);

#endif
