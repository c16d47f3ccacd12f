/*
 * Rows of the schema log of pgstream 0.x (pgstream.schema_log), each of which has a whole schema,
 * as rows of ours (pgcdc-schema(5)).
 */
#ifndef FOREIGN_SCHEMA_H
#define FOREIGN_SCHEMA_H

#include "buf.h"
#include "event.h"

/*
 * Append the rest of the line, from the comma before "schema" to its end.  That a table is gone is
 * only told by its absence.  0, or -1: the row is damaged.  Memory: b->failed.
 */
int foreign_schema(struct buf *b, struct event_span columns, struct event_span lsn);

#endif
