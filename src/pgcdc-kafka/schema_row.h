/* Rows of the schema log in the stream (pgcdc-schema(5)): what they are about. */
#ifndef SCHEMA_ROW_H
#define SCHEMA_ROW_H

#include <jansson.h>

#include "buf.h"
#include "event.h"

/* Append the schema that it is about, "pgcdc" when it is none. Memory: key->failed. */
void schema_row_key(struct buf *key, const struct event *e);

/* Does it only say what a table is, as opposed to what became of it? */
int schema_row_is_baseline(const struct event *e);

/* The names of the columns of a table's primary key, an array that the caller owns. */
json_t *schema_row_primary_key(const json_t *table);

/* The row can't be read, or memory is short. */
#define SCHEMA_ROW_DAMAGED (-2)

/* The value of a column of it; p is NULL when there is none. */
struct event_span schema_row_value(const struct event *e, const char *column);

/*
 * The document in a column of it, which the caller owns; NULL when it is null.
 * 0, or -1: it is damaged, or memory is short.
 */
int schema_row_document(json_t **json, const struct event *e, const char *column);

/*
 * Call each with the names of every table that the row describes, renames or drops.
 * 0, what each said if that is not 0, or SCHEMA_ROW_DAMAGED.
 */
int schema_row_tables(const struct event *e,
    int (*each)(void *context, const char *schema, const char *table), void *context);

#endif
