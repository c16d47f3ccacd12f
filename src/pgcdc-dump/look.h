/* Looking at a table: what its names mean now, whatever a catalog says that is read in a snapshot. */
#ifndef LOOK_H
#define LOOK_H

#include <libpq-fe.h>

#include "tables.h"

/*
 * Look at a table that was described, whether it and the condition of --where can be read, and how large
 * it is; this waits for whoever has locked it.  0, or the exit code after reporting.
 */
int look_at(struct table *t, PGconn *conn, const struct wanted *w);

/*
 * Append SQL that locks the table against DDL, and whose answer, without rows, tells what the names
 * in it, and in the conditions of its rows, mean now.
 */
void look_sql(struct buf *b, const struct table *t);

/* Does this answer find the columns that look_at() has found, of the same table? */
int look_is_as_before(const struct table *t, const PGresult *res);

/* Is it the error of a table that is not there under its name, or lacks a column? */
int look_is_altered(const PGresult *res);

#endif
