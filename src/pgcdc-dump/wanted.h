/* What of a table is wanted, as the options say: which columns, rows and pages. */
#ifndef WANTED_H
#define WANTED_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "opt.h"
#include "selection.h"

/* Their texts, as they are given. */
struct wanted_options {
	struct opt_list columns, exclude_columns; /* as selection.h has them */
	struct opt_list where;                    /* "schema.table:expression" */
	struct opt_list
	    pages; /* "schema.table:first-last", "schema.table:first-" or "schema.table" */
};

struct condition {
	const char *table; /* pattern */
	const char *sql;
	int is_seen; /* it has matched a table */
};

struct pages {
	const char *table;
	uint32_t first, end; /* end is behind the last one; PLAN_END: whatever there is */
};

/* For the life of the program. */
struct wanted {
	struct selections columns, exclude_columns;
	struct condition *where;
	struct pages *pages;
	size_t n_where, n_pages;
};

/*
 * Parse them; of --pages=- the ranges are on standard input, one a line.  0, or the exit code after
 * reporting what is wrong.
 */
int wanted_parse(struct wanted *w, const struct wanted_options *o);

/* Is the column of this table wanted? */
int wanted_has(const struct wanted *w, const char *schema, const char *table, const char *column);

/* Append the conditions for rows of this table, joined by AND; nothing when there are none. */
void wanted_where(const struct wanted *w, struct buf *b, const char *schema, const char *table);

/* A table is dumped, and with column it has that column: what matches them is not misspelt. */
void wanted_see(const struct wanted *w, const char *schema, const char *table, const char *column);

/* Warn of what has matched nothing. */
void wanted_warn_unseen(const struct wanted *w);

/* The next pages of this table from *i on, which is moved behind them; NULL: there are no more. */
const struct pages *
wanted_pages(const struct wanted *w, size_t *i, const char *schema, const char *table);

#endif
