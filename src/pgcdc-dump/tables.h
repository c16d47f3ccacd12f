/* The tables that are dumped, each a heap of its own: of a partitioned table its leaves. */
#ifndef TABLES_H
#define TABLES_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "row.h"

struct table {
	char *oid;        /* of the heap */
	char *line_oid;   /* of the table that its rows have on the line: itself, or its root */
	char *attnames;   /* the columns that are published, as an array has them; NULL: all */
	char *filter;     /* which rows are, as SQL has it; NULL: all */
	int is_gone;      /* it was dropped */
	int is_altered;   /* it has to be described anew ... */
	int is_rewritten; /* ... and its rows may be on other pages then */

	/* What an ALTER may change. */
	char *schema, *name;           /* of the heap ... */
	char *from;                    /* ... and public."Orders", as SQL has them */
	char *line_schema, *line_name; /* on the line */
	char *state;                   /* as tables_state_sql has it */
	struct buf columns;            /* id,"Note", as SQL has them, NUL-terminated */
	struct row_shape shape;

	/* What looking at it tells. */
	struct buf look;  /* what look_sql() found; empty: something else than was described */
	struct buf where; /* conditions of --where, NUL-terminated; empty: none */
	uint32_t pages;
};

struct tables {
	struct table *table;
	size_t n;
};

/*
 * Find the tables that the options name, and describe them; the connection is in a transaction with one
 * snapshot, else what publications say of a table may be older than what is described.  Start with all
 * zero.  At first what is named has to be there; later it may be gone.  0, or the exit code after
 * reporting.
 */
int tables_find(struct tables *ts, PGconn *conn, const struct options *o, int is_first);

/* Are they the same ones, under the same names on the line, and is the same of them published? */
int tables_are_same(const struct tables *a, const struct tables *b);

/*
 * A table was altered: describe it anew in such a transaction, its columns and its filter in
 * publications, too, or find it gone, and whether it is_rewritten.  0, or the exit code after
 * reporting.
 */
int tables_find_again(struct table *t, PGconn *conn, const struct options *o);

/*
 * Fill in what an ALTER may change, or find the table gone; the fields before it are set.  What looking
 * at it tells (look.h) is to be filled in then.  0, or the exit code after reporting.
 */
int tables_describe(struct table *t, PGconn *conn, const struct wanted *w);

/* Forget what tables_describe() and look_at() have filled in. */
void tables_forget(struct table *t);

/* The file that its rows are in, which is another one when they were rewritten. */
unsigned long tables_file(const struct table *t);

void tables_free_one(struct table *t);
void tables_free(struct tables *ts);

/*
 * SQL for the state of the table whose OID is the first parameter, to be asked on a connection that
 * has locked it: the file of its rows, then its name, columns and key.
 */
extern const char tables_state_sql[];

#endif
