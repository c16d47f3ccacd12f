/*
 * Definitions of tables, from rows of the schema log in the stream and from the store.
 */
#ifndef SCHEMAS_H
#define SCHEMAS_H

#include "translate.h"

/* Take the definitions in a row of the schema log. 0, or the exit code after reporting. */
int schemas_take(struct translate *t);

/*
 * A C line.  ALTER SCHEMA locks no tables, so what it and the commands after it made of them
 * is for rows of others only from here on.  0, or the exit code after reporting.
 */
int schemas_commit(struct translate *t);

/* The definition of the table for the row in hand at lsn, as far as it is known; NULL: it is not. */
struct definition *
schemas_known(const struct translate *t, const struct table *table, uint64_t lsn);

/*
 * The definition for a row of the table at lsn.  Where the store tells it, a line of the log
 * marked as baseline is written first.  0, or the exit code after reporting.
 */
int schemas_find(
    struct translate *t, struct table *table, uint64_t lsn, struct definition **definition);

/*
 * The row at lsn has a column that its definition lacks.  That is an error where the log is kept;
 * else the catalog is asked anew, and what it does not know either has no id from here on.
 * 0 and another definition, or the exit code after reporting.
 */
int schemas_renew(struct translate *t, struct table *table, uint64_t lsn, struct event_span column,
    struct definition **definition);

#endif
