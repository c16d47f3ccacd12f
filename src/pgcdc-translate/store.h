/*
 * The database with the schema log (pgcdc-schema(5)): asked for a definition when the stream names
 * a table at an LSN for which none is known, and told which rows of the log are confirmed.
 */
#ifndef STORE_H
#define STORE_H

#include <libpq-fe.h>
#include <poll.h>
#include <stdint.h>

#include "options.h"

struct store {
	const struct options *options; /* the caller's */
	PGconn *conn;
	int keeps_log;              /* else init was run with --no-ddl: there is only the catalog */
	char system_identifier[32]; /* empty when we may not ask for it */
	char slot[64];              /* of the stream; empty: not known yet */
	int64_t next_mark;          /* when the log is to be marked, as loop_now() */
	int is_marking;             /* and the server has not answered yet */
};

/* What the store says of a table. */
struct store_answer {
	char *table;        /* JSON of it, which the caller frees; NULL: it knows none */
	char *row;          /* JSON of "columns" of the row of the log; NULL when there is none */
	uint64_t schema_id; /* of the row of the log; 0: from the catalog */
	uint64_t lsn;       /* of that row */
	uint64_t from, until;
};

/* Connect and see what it is.  0, or the exit code after reporting. */
int store_open(struct store *s, const struct options *o);

/* Warn of each pattern that is made for none of its tables. 0, or the exit code. */
int store_check_patterns(struct store *s);

/*
 * The definition of a table for a row at lsn.  While the store is away this waits for it, at
 * most --store-timeout.  0, or the exit code after reporting.
 */
int store_ask(
    struct store *s, struct store_answer *a, const char *schema, const char *table, uint64_t lsn);

/*
 * Note where the commit of these rows of the log is, an array of their ids in the text form of
 * Postgres.  It waits as store_ask() does; a store that can't be written to gets a warning.
 * 0, or the exit code after reporting.
 */
int store_commit(struct store *s, const char *ids, uint64_t lsn);

/*
 * Mark the rows of the log that the slot has confirmed, when it is time to: begin to, or take
 * the answer.  It does not wait, and that it can't be done is no more than a warning.
 */
void store_mark(struct store *s);

/* What to wait for, and until when, besides. */
struct pollfd store_pollfd(const struct store *s);
int64_t store_deadline(const struct store *s);

void store_close(struct store *s);

#endif
