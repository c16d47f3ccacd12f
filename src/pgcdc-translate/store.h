/*
 * The database with the schema log (pgcdc-schema(5)): asked for a definition when the stream names
 * a table at an LSN for which none is known, and told which rows of the log are confirmed.
 */
#ifndef STORE_H
#define STORE_H

#include <poll.h>
#include <stdint.h>

#include "link.h"
#include "mark.h"
#include "options.h"
#include "survey.h"

struct store {
	const struct options *options; /* the caller's */
	struct link link;
	struct mark mark; /* the owner of the stream sets its slot */
	struct survey survey;
};

/* A table, for a row of the stream. */
struct store_question {
	const char *schema, *name;
	uint64_t lsn;    /* of the row */
	uint64_t commit; /* where the commit of its transaction begins; 0: not known */
	const char *xid; /* of the transaction, decimal digits; NULL: not known */
	int is_lacking;  /* the row has a column that its definition lacks */
};

/* What the store says of it. */
struct store_answer {
	char *table;        /* JSON of it, which the caller frees; NULL: it knows none */
	char *row;          /* JSON of "columns" of the row of the log; NULL when there is none */
	uint64_t schema_id; /* of the row of the log; 0: from the catalog */
	uint64_t lsn;       /* of that row */
	uint64_t from, until;
};

/* Connect and see what it is.  0, or the exit code after reporting. */
int store_open(struct store *s, const struct options *o);

/*
 * Is the stream's slot, s->mark.slot, one of this database?  Where the store does not know the
 * slot, or is away, that is not known.  0, or the exit code after reporting.
 */
int store_check_slot(struct store *s);

/*
 * The definition of a table.  While the store is away, or does not show that transaction yet, this
 * waits for it, at most --store-timeout.  0, or the exit code after reporting.
 */
int store_ask(struct store *s, struct store_answer *a, const struct store_question *q);

/*
 * Note where the commit of these rows of the log is, an array of their ids in the text form of
 * Postgres.  It waits as store_ask() does; a store that can't be written to gets a warning.
 * 0, or the exit code after reporting.
 */
int store_commit(struct store *s, const char *ids, uint64_t lsn);

/* What to wait for, and until when, besides. */
struct pollfd store_pollfd(const struct store *s);
int64_t store_deadline(const struct store *s);

/*
 * After such a wait: keep the connection, or come back to a store that has gone away, and mark
 * what the slot has confirmed.  It does not wait, and never ends the run.
 */
void store_tend(struct store *s, short revents);

void store_close(struct store *s);

#endif
