/*
 * How far a transactional producer has come, kept in a compacted topic of its own.  Partition 0
 * has a message for each Kafka transaction, written in it, with the transactional id as its key:
 *
 *	{"format":1,"system_identifier":"7445...","epoch":0,"position":"0/D224188"}
 *
 * Every source transaction whose commit ends at or below the position is in the topics.  One
 * that was split stands behind it, with the last of its rows that is there:
 *
 *	"split":{"lsn":"0/D225000","seq":1700000}
 */
#ifndef POSITION_H
#define POSITION_H

#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct position {
	char system_identifier[32]; /* empty: nothing is there yet */
	uint64_t epoch;
	uint64_t done;  /* the commit's end, an LSN */
	uint64_t split; /* where the commit of the transaction that was split begins; 0: none */
	uint64_t seq;
};

/* Append the message's value. Memory: b->failed. */
void position_write(struct buf *b, const struct position *p);

/* Read the len bytes of a value. 0, or -1: it is none of ours. */
int position_parse(struct position *p, const char *value, size_t len);

/* Whose position, and where it is. */
struct position_place {
	rd_kafka_t *asker;  /* a client that reads what is not committed, too */
	rd_kafka_t *reader; /* a consumer that does not */
	const char *topic;
	const char *id;
	/* Called while brokers are waited for: 0, or an exit code that ends it. */
	int (*serve)(void *context);
	void *context;
};

/*
 * Read the newest position of the id, which nobody else may be writing.  Transactions of others
 * that are open in the topic are waited for: ours may be behind them.
 * 0, or the exit code after reporting.
 */
int position_read(struct position *p, const struct position_place *place);

#endif
