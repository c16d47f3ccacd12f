/*
 * Event lines (pgcdc-events(5)): structs in, bytes out, no I/O.
 *
 * Each function appends one line with its line feed.  They return NULL, or a
 * constant text that says what about the data cannot be written; then what
 * was appended is undefined and the caller resets out->len.
 */
#ifndef ENCODE_H
#define ENCODE_H

#include <stdint.h>

#include "buf.h"
#include "lsn.h"
#include "pgoutput.h"
#include "relation.h"

/* A place in the chain of acks: "this token follows that one". */
struct encode_link {
	uint64_t prev, ack;
};

/* What all lines of a transaction share. */
struct encode_transaction {
	uint64_t lsn;    /* of its commit record */
	struct buf text; /* ,"xid":1476,"timestamp":"…" and an origin if it has one */
};

struct encode_head {
	const char *system_identifier;
	uint32_t timeline;
	const char *slot;
	uint64_t start;
	uint64_t prev; /* 0: leave it out */
};

/* Prepare tx->text, which the caller frees. The origin may be empty. */
const char *encode_transaction(struct encode_transaction *tx, uint64_t lsn, uint32_t xid,
    int64_t time, struct pgoutput_bytes origin);

const char *encode_head(struct buf *out, const struct encode_head *head);
const char *encode_begin(struct buf *out, const struct encode_transaction *tx);
const char *
encode_commit(struct buf *out, const struct encode_transaction *tx, struct encode_link link);

/* The place of an event: its WAL record and its number in the transaction. */
struct encode_place {
	uint64_t lsn, seq;
};

/* I, U and D. The tuples must have as many values as the relation has columns. */
const char *encode_change(struct buf *out, const struct encode_transaction *tx,
    struct encode_place place, const struct relation *r, const struct pgoutput_message *m);

const char *encode_truncate(struct buf *out, const struct encode_transaction *tx,
    struct encode_place place, const struct relation *r);

/* A logical message: tx is NULL for one outside of transactions, which has a link. */
const char *encode_message(struct buf *out, const struct encode_transaction *tx,
    struct encode_place place, const struct pgoutput_message *m, struct encode_link link);

#endif
