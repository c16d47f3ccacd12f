/* A connection that reads one range of pages at a time, without ever blocking. */
#ifndef WORKER_H
#define WORKER_H

#include <libpq-fe.h>

#include "digest.h"
#include "plan.h"
#include "snapshot.h"
#include "tables.h"

/*
 * No setting of a role or a database ends what takes long, writes names in another way, or hides
 * rows: what a policy would keep from us is an error.
 */
#define SESSION_SETTINGS                                                              \
	"SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings"  \
	" WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout'," \
	" 'idle_session_timeout', 'idle_in_transaction_session_timeout');"            \
	"SET client_min_messages = 'warning';"                                        \
	"SET row_security = off;"                                                     \
	"SET quote_all_identifiers = off;"

enum worker_state {
	WORKER_IDLE,
	WORKER_ASKED,   /* the transaction is on its way */
	WORKER_COPYING, /* rows come */
	WORKER_ENDING,  /* all rows have come */
};

struct worker {
	PGconn *conn;
	enum worker_state state;
	const struct table *table;
	struct range range;   /* in hand, of that table */
	const char *lsn;      /* of its rows */
	uint64_t rows;        /* of it so far */
	struct digest digest; /* of them, when the table's shape is for that */
	int is_lost;          /* it has to be read again, in another snapshot ... */
	int is_altered;       /* ... as the table is not what it was: no row was taken */
	int unread;           /* rows are left in libpq's buffer, as the output was full */
	struct buf scratch, row, sql;
};

/* Connect, or again when the connection is cut. 0, or the exit code after reporting. */
int worker_open(struct worker *w, const struct connect_target *server);

int worker_is_open(const struct worker *w);

/*
 * Ask for a range, in a snapshot that stays; xmin is NULL, or of all rows only those are wanted that a
 * snapshot with this xmin may not have seen.  0, or the exit code after reporting.
 */
int worker_begin(struct worker *w, const struct table *t, const struct range *r,
    const struct snapshot *s, const char *xmin);

/*
 * Take what is here, and append lines to out until it holds limit bytes.  Afterwards the state says
 * how far the range is: WORKER_IDLE when it is read.  0, or the exit code after reporting.
 */
int worker_take(struct worker *w, struct buf *out, size_t limit);

void worker_close(struct worker *w);

#endif
