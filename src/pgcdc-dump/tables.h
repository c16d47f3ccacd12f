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
	char *attnames; /* the columns that are published, as an array has them; NULL: all */
	char *filter;   /* which rows are, as SQL has it; NULL: all */
	int is_gone;    /* it was dropped */
	int is_altered; /* and has to be described anew */

	/* What an ALTER may change. */
	char *schema, *name;           /* of the heap ... */
	char *from;                    /* ... and public."Orders", as SQL has them */
	char *line_schema, *line_name; /* on the line */
	char *state;                   /* as tables_state_sql has it */
	struct buf columns;            /* id,"Note", as SQL has them, NUL-terminated */
	struct buf look;               /* what tables_look_sql() found */
	struct buf where;              /* conditions of --where, NUL-terminated; empty: none */
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
 * A table was altered: its publications may have its columns and its filter under other names now.
 * 0, or the exit code after reporting.
 */
int tables_find_again(struct table *t, PGconn *conn, const struct options *o);

/*
 * Fill in what an ALTER may change, or find the table gone; the fields before it are set.  0, or the
 * exit code after reporting.
 */
int tables_describe(struct table *t, PGconn *conn, const struct wanted *w);

/*
 * A table was altered: describe it anew, or find it gone.  *is_rewritten: its rows may be on other
 * pages than before.  0, or the exit code after reporting.
 */
int tables_renew(struct table *t, PGconn *conn, const struct wanted *w, int *is_rewritten);

/* The file that its rows are in, which is another one when they were rewritten. */
unsigned long tables_file(const struct table *t);

/* Free one, which is not among them any more. */
void tables_forget(struct table *t);

void tables_free(struct tables *ts);

/*
 * SQL for the state of the table whose OID is the first parameter, to be asked on a connection that
 * has locked it: the file of its rows, then its name and columns.
 */
extern const char tables_state_sql[];

/*
 * Append SQL that locks the table against DDL, and whose answer, without rows, tells what the names
 * in it mean now: a catalog that is read in a snapshot shows what they meant in it.
 */
void tables_look_sql(struct buf *b, const struct table *t);

/* Does this answer find the columns that were described, of the same table? */
int tables_is_as_before(const struct table *t, const PGresult *res);

/* Is it the error of a table that is not there under its name, or lacks a column? */
int tables_is_altered(const PGresult *res);

#endif
