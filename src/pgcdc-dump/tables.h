/* The tables that are dumped, each a heap of its own: of a partitioned table its leaves. */
#ifndef TABLES_H
#define TABLES_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "row.h"

struct table {
	char *oid;      /* of the heap */
	char *line_oid; /* of the table that its rows have on the line: itself, or its root */
	char *attnums;  /* the columns that are published, "1 3", in the line's table; NULL: all */
	char *filter;   /* which rows are, as SQL has it; NULL: all */
	int is_gone;    /* it was dropped */
	int is_altered; /* and has to be described anew */

	/* What an ALTER may change. */
	char *from;         /* public."Orders", as SQL has it */
	char *state;        /* as tables_state_sql has it */
	struct buf columns; /* id,"Note", as SQL has them, NUL-terminated */
	struct buf numbers; /* their numbers in the heap, "1 3 " */
	struct row_shape shape;
	uint32_t pages;
};

struct tables {
	struct table *table;
	size_t n;
};

/*
 * Find the tables that the options name, and look whether they can be read.  Start with all zero.
 * 0, or the exit code after reporting.
 */
int tables_find(struct tables *ts, PGconn *conn, const struct options *o);

/*
 * A table was altered: describe it anew, or find it gone.  *is_rewritten: its rows may be on other
 * pages than before.  0, or the exit code after reporting.
 */
int tables_renew(struct table *t, PGconn *conn, int *is_rewritten);

void tables_free(struct tables *ts);

/*
 * SQL for the state of the table whose OID is the first parameter, to be asked on a connection that
 * has locked it: the file of its rows, then its name and columns.
 */
extern const char tables_state_sql[];

#endif
