/*
 * Exactly once: source transactions are written whole in transactions of Kafka, each with the
 * position that is reached by it (position.h), and those that are there already are passed over.
 *
 * Small source transactions share one of Kafka.  It is committed when there is no more input, or
 * after --transaction-interval; but so rarely that commits, for which all messages have to be
 * delivered first, take a twentieth of the time.
 */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include <stdint.h>

#include "ack.h"
#include "buf.h"
#include "claim.h"
#include "event.h"
#include "position.h"
#include "produce_options.h"
#include "producer.h"
#include "window.h"

struct transaction {
	/* These are the caller's; without options->transactional_id nothing happens here. */
	const struct produce_options *options;
	struct producer *producer;
	struct window *window;
	int (*settle)(void *context); /* serve the producer until all messages are delivered */
	void *context;

	struct claim claim;
	struct position position; /* that claim_take() has found, and where we are */
	struct buf value;

	int is_open;   /* a transaction of Kafka */
	int64_t begun; /* when, loop_now() */
	int64_t due;   /* when it is to be committed under load */
	int64_t cost;  /* microseconds that the last commit took */

	int64_t moved;      /* when a message was delivered last */
	uint64_t delivered; /* messages then, as the window counts */
	int64_t held_up;    /* microseconds in which none was, of pauses */

	/* Of the source transaction in hand. */
	int in_source;
	int is_done;  /* it is in the topics already */
	uint64_t lsn; /* where its commit begins */
	char xid[24];
	int64_t seq;          /* of its row that was written last; -1: none */
	uint64_t rows, bytes; /* of it so far */

	char token[ACK_TOKEN_SIZE]; /* to be acknowledged with the next commit; empty: none */
	char sent[ACK_TOKEN_SIZE];
};

/*
 * Take note of a line, of a row behind its messages; token is what it has as "ack", or NULL.
 * 0, or the exit code after reporting.
 */
int transaction_line(struct transaction *t, const struct event *e, const char *token);

/* The row was written already: nothing is to be done with it. */
#define TRANSACTION_DONE (-3)

/*
 * A row line of len bytes has come.  0: send it, a transaction is open; TRANSACTION_DONE; or the
 * exit code after reporting.
 */
int transaction_row(struct transaction *t, const struct event *e, size_t len);

/*
 * Commit what is open if it is time, or if is_idle: there is no more input now.  *token is what
 * may be acknowledged, or NULL.  0, or the exit code after reporting.
 */
int transaction_commit(struct transaction *t, int is_idle, const char **token);

/* When transaction_commit() must be called again though nothing has come, or LOOP_NEVER. */
int64_t transaction_deadline(const struct transaction *t);

/* The end: what is open is taken back, so that readers need not wait for its time to be over. */
void transaction_stop(struct transaction *t);

#endif
