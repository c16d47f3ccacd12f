/*
 * An update that changes the key of its row, as two events: the row of the old key is deleted and
 * that of the new one inserted, so that each is in order with the others of its key.  Both have
 * the position of the update.  Values that it left where they were stay in "unchanged".
 */
#ifndef SPLIT_H
#define SPLIT_H

#include "buf.h"
#include "event.h"

/* Append the delete. Memory: b->failed. */
void split_delete(struct buf *b, const char *line, size_t len, const struct event *e);

/* Append the insert. */
void split_insert(struct buf *b, const char *line, size_t len, const struct event *e);

#endif
