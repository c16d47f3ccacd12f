/*
 * The tables as the event lines tell them: what a sink that applies each
 * transaction once would hold.
 *
 * A row is found by the replica identity of its table, or by the primary key; by
 * the whole row when there is neither, and then equal rows are counted.  What is
 * known of a key outlives its row: its counter and its version never go back.
 */
#ifndef REPLICA_H
#define REPLICA_H

#include <stddef.h>
#include <stdint.h>

#include "line.h"

struct column {
	char *name, *type;
	int in_key;
	int in_source; /* 0: dropped at the source, or not yet made there */
};

struct row {
	struct row *next;
	char *key;
	size_t key_len;
	long copies;   /* 0: the row is gone */
	long seen;     /* by replica_take() */
	uint64_t lsn;  /* of its newest version */
	long long n;   /* its counter */
	char **values; /* by column; NULL is null */
	size_t nvalues;
};

struct table {
	char *schema, *name;
	char *root;     /* of the partition, else the table's own name */
	size_t members; /* published tables with the same root */
	char identity;  /* as pg_class.relreplident */
	int whole;      /* the key is the whole row */
	int fluid;      /* its columns change at run time */
	struct column *columns;
	size_t ncolumns;
	int n, v, stamp, big; /* columns with a meaning, see tables.h, or -1 */
	struct row **buckets;
	size_t nbuckets, nrows;
	long inserted, updated, deleted, truncated; /* lines that were applied */
};

struct replica {
	struct table *tables;
	size_t n;
};

void replica_free(struct replica *r);

/* Adding is for source.c. Values are copied. */
struct table *replica_add_table(
    struct replica *r, const char *schema, const char *name, const char *root, char identity);
struct column *replica_add_column(struct table *t, const char *name, const char *type);
/* All columns are there. */
void replica_finish_table(struct table *t);

/* NULL when it is not published. */
struct table *replica_table(const struct replica *r, const char *schema, const char *name);

/* The values of the key, or of all columns, each with its length; allocated, *len bytes. */
char *replica_key(const struct table *t, char *const *values, size_t *len);

/* A row line, checked and on its way to be applied. */
struct change {
	char action;
	struct table *table;
	uint64_t lsn;
	char **new, **old; /* by column */
	char *given;       /* by column: '+' in new, '=' unchanged, ' ' neither */
	char *identified;  /* by column: '+' in old, or ' ' */
	size_t ncolumns;   /* of the four */
};

/* 0, or -1 after reporting, and then there is nothing to free. */
int replica_read_change(const struct replica *r, struct change *c, const struct line *l);
void replica_free_change(struct change *c);

/* Apply it; the change is used up, and still to be freed. */
void replica_apply(struct change *c);

/* The row of the source with these values is in the replica, unless a problem is reported. */
void replica_take(struct table *t, char *const *values);
/* What was not taken is too much. */
void replica_finish(const struct table *t);

#endif
