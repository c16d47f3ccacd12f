/*
 * The replication stream's messages become event lines: transactions are
 * opened when their first line is due, tables are filtered, events are
 * numbered and acks are linked.  No I/O but the question for a type's name.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdint.h>

#include "buf.h"
#include "encode.h"
#include "relation.h"
#include "types.h"

struct events {
	struct types *types;
	struct relations *relations;
	struct buf *out;   /* lines go here */
	uint64_t max_line; /* bytes, without the line feed */
	uint64_t prev;     /* the newest token on the stream */

	int in_transaction; /* between the server's B and C */
	int open;           /* ... and our B line is out */
	struct encode_transaction tx;
	uint64_t seq;
	struct {
		uint32_t xid;
		int64_t time;
	} begin;

	uint64_t n_events, n_transactions; /* row lines and messages; C lines */
};

/* What a message has done to the stream. */
enum events_result {
	EVENTS_NOTHING, /* nothing that moves the position */
	EVENTS_TOKEN,   /* a line with a new token: *lsn */
	EVENTS_SILENT,  /* a transaction without lines ended at *lsn */
};

/*
 * start: the position at which the stream starts.  types and filter stay the caller's.
 * 0, or -1 when memory is short.
 */
int events_init(struct events *e, struct buf *out, struct types *types, const struct filter *filter,
    uint64_t start, uint64_t max_line);
void events_free(struct events *e);

/*
 * Take one pgoutput message, len bytes, which the server placed at record.
 * 0, or the exit code after reporting; then no part of a line is left in e->out.
 */
int events_take(struct events *e, uint64_t record, const void *bytes, size_t len,
    enum events_result *result, uint64_t *lsn);

#endif
