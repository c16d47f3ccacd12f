/*
 * A row of COPY TO STDOUT in its text format (PostgreSQL documentation, COPY, "Text Format") as an
 * R line (pgcdc-events(5)): bytes in, bytes out.
 */
#ifndef ROW_H
#define ROW_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "value.h"

struct row_column {
	size_t at, len; /* its opening in the text: ,{"name":"id","type":"bigint","value": */
	enum value_form form;
};

/* What the lines of a table share.  Start with all zero. */
struct row_shape {
	struct buf text;           /* ,"schema":"public","table":"orders","columns":[ ... */
	size_t head;               /* ... is so long, and the openings of the columns follow */
	int is_object;             /* for row_object(): no "columns" there, and they are ,"id": */
	struct row_column *column; /* n of them */
	size_t n;
};

/* Name the table. 0, or -1: a name is not valid UTF-8.  Memory: s->text.failed. */
int row_shape_begin(struct row_shape *s, const char *schema, const char *table);

/*
 * The next column, with its type's name and OID. 0, or -1: a name is not valid UTF-8.  Memory:
 * s->text.failed.
 */
int row_shape_add(struct row_shape *s, const char *name, const char *type, uint32_t oid);

void row_shape_free(struct row_shape *s);

/*
 * Append the line of the row in the len bytes at row, without its line feed; lsn is as on the line,
 * without quotes, and scratch is for our use between calls.  NULL, or a text that says what is
 * wrong with the row; then what was appended is undefined, and the caller resets out->len.
 */
const char *row_write(struct buf *out, const struct row_shape *s, const char *lsn, const char *row,
    size_t len, struct buf *scratch);

/* The row alone, as {"id":1,"note":null}, without a line feed. As row_write(). */
const char *row_object(
    struct buf *out, const struct row_shape *s, const char *row, size_t len, struct buf *scratch);

#endif
