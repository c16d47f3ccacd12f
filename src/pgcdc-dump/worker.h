/* A connection that reads one range of pages at a time, without ever blocking. */
#ifndef WORKER_H
#define WORKER_H

#include <libpq-fe.h>

#include "plan.h"
#include "snapshot.h"

enum worker_state {
	WORKER_IDLE,
	WORKER_ASKED,   /* the transaction is on its way */
	WORKER_COPYING, /* rows come */
	WORKER_ENDING,  /* all rows have come */
};

struct worker {
	PGconn *conn;
	enum worker_state state;
	struct range range; /* in hand */
	const char *lsn;    /* of its rows */
	uint64_t rows;      /* of it so far */
	int is_altered;     /* its table is not what it was when the dump began: no row was taken */
	int unread;         /* rows are left in libpq's buffer, as the output was full */
	struct buf scratch, sql;
};

/* Connect. 0, or the exit code after reporting. */
int worker_open(struct worker *w, const struct connect_target *server);

/* Ask for a range, in a snapshot that stays. 0, or the exit code after reporting. */
int worker_begin(struct worker *w, const struct range *r, const struct snapshot *s);

/*
 * Take what is here, and append lines to out until it holds limit bytes.  Afterwards the state says
 * how far the range is: WORKER_IDLE when it is read.  0, or the exit code after reporting.
 */
int worker_take(struct worker *w, struct buf *out, size_t limit);

void worker_close(struct worker *w);

#endif
