/*
 * Lines of a transaction that are held back.  Rows of CREATE TABLE AS come before the row of the
 * schema log that defines their table, which stands further down in the same transaction; where
 * there is no store to tell it, they wait for that.
 */
#ifndef HOLD_H
#define HOLD_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "tables.h"

struct hold {
	struct buf lines;    /* whole ones, with their LFs */
	size_t at;           /* where the next to be given stands */
	uint64_t number;     /* of that line, in the input */
	struct table *table; /* whose definition is waited for; NULL: lines may be given */
	uint64_t lsn;        /* of its row */
};

/*
 * Wait for the definition of a table for a row at lsn, the line of that number: a new line, or the
 * one that hold_next() gave last.
 */
void hold_begin(struct hold *h, struct table *table, uint64_t lsn, uint64_t number,
    const char *line, size_t len);

/* Hold back one more line of len bytes and its LF. */
void hold_add(struct hold *h, const char *line, size_t len);

/* Bytes that are held back. */
static inline size_t
hold_size(const struct hold *h)
{
	return h->lines.len - h->at;
}

/*
 * The next line that waits no more, without its LF: 1, or 0 when there is none.  It lives until the
 * next call of hold_...().
 */
int hold_next(struct hold *h, const char **line, size_t *len, uint64_t *number);

/* Forget the lines. */
void hold_free(struct hold *h);

#endif
