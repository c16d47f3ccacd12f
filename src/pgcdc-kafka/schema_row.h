/* Rows of the schema log in the stream (pgcdc-schema(5)): what they are about. */
#ifndef SCHEMA_ROW_H
#define SCHEMA_ROW_H

#include "buf.h"
#include "event.h"

int schema_row_is(const struct event *e);

/* Append the schema that it is about, "pgcdc" when it is none. Memory: key->failed. */
void schema_row_key(struct buf *key, const struct event *e);

/* The row can't be read, or memory is short. */
#define SCHEMA_ROW_DAMAGED (-2)

/*
 * Call each with the names of every table that the row describes, renames or drops.
 * 0, what each said if that is not 0, or SCHEMA_ROW_DAMAGED.
 */
int schema_row_tables(const struct event *e,
    int (*each)(void *context, const char *schema, const char *table), void *context);

#endif
