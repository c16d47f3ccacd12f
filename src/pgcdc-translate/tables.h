/*
 * The tables that the stream names, and what is known of their definitions, by interval of the
 * log.  A name is another table before and after a rename, so the key is the name alone.
 */
#ifndef TABLES_H
#define TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "definition.h"
#include "event.h"
#include "filter.h"

/* Intervals kept for a table that a store could tell again. */
#define TABLES_INTERVALS 16

struct table {
	char *schema, *name; /* as they are, without quotes */
	char *key;           /* as they stand on a line, one behind the other */
	size_t schema_len, key_len;
	int passes;                     /* the filter lets it through */
	struct definition **definition; /* n of them, by their interval */
	size_t n, cap;
};

struct tables {
	struct table **slot; /* a hash table of cap entries, n in use */
	size_t n, cap;
	struct table *last;          /* the table that was asked for last, or NULL */
	const struct filter *filter; /* the caller's */
};

/*
 * The table with these names, JSON strings as they stand on a line; a new one without
 * definitions the first time.  It lives until tables_free().  NULL with errno: ENOMEM, or EBADMSG
 * for a name that no database can have.
 */
struct table *tables_get(struct tables *ts, struct event_span schema, struct event_span name);

/* The same by its plain names. */
struct table *tables_get_plain(struct tables *ts, const char *schema, const char *name);

/* The definition for a row at lsn, or NULL when it is not known. */
struct definition *table_at(const struct table *t, uint64_t lsn);

/*
 * The same for a row that a dump has read, which stands in no order with the log: what was the newest
 * definition when it was told may not be it any more.
 */
struct definition *table_at_dumped(const struct table *t, uint64_t lsn);

/* Where that begins, not below from, which is not known of the table up to the LSN to. */
uint64_t table_unknown(const struct table *t, uint64_t from, uint64_t to);

/* Is this row of the log known? */
int table_knows(const struct table *t, uint64_t schema_id);

/*
 * Add a definition, which is the table's from here on.  It ends the interval that it begins in,
 * and itself ends where the next one begins.  One that is uncommitted hides the others until
 * tables_commit() and is the last one.  With most > 0 no more than that many are kept.
 * 0, or -1 when there is no memory; then it is freed.
 */
int table_add(struct table *t, struct definition *d, size_t most);

/*
 * The transaction in hand ends with the commit record at lsn: from there on its definitions that
 * are uncommitted hold, and until there what they took the name from.  UINT64_MAX: it was cut.
 */
void tables_commit(struct tables *ts, uint64_t lsn);

/* From lsn on the name is not that of the table any more. */
void table_end(struct table *t, uint64_t lsn);

/* Forget the definition from this row of the log. */
void table_forget_row(struct table *t, uint64_t schema_id);

/* Forget the definitions of the table, or of all: the log is another one now. */
void table_forget(struct table *t);
void tables_forget(struct tables *ts);

void tables_free(struct tables *ts);

#endif
