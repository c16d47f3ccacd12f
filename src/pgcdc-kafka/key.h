/*
 * Keys of messages: events with the same key go to the same partition, and so stay in order.
 *
 *	schema    the name of the schema, as pgstream has it
 *	table     schema and table, with a '.' between them
 *	identity  what identifies the row, a JSON object in which names and values are as they
 *	          stand on the line: {"schema":"s","table":"t","identity":{"id":1}}; the
 *	          rows of a table that has none share {"schema":"s","table":"t"}
 *	none      no key
 */
#ifndef KEY_H
#define KEY_H

#include "buf.h"
#include "event.h"

enum key_kind { KEY_SCHEMA, KEY_TABLE, KEY_IDENTITY, KEY_NONE };

/* The kind with this name. 0, or -1 if there is none. */
int key_kind(enum key_kind *kind, const char *name);

/*
 * Append to key what a row event has; with is_old, the identity that an update took away.
 * 1; 0 when it has no key; or -1: the identity cannot be told, as pgcdc-translate has not been
 * there, or one of its columns is missing.  Memory: key->failed.
 */
int key_make(struct buf *key, enum key_kind kind, const struct event *e, int is_old);

#endif
