/*
 * Keys of messages: events with the same key go to the same partition, and so stay in order.
 *
 *	schema    the name of the schema, as pgstream has it
 *	table     schema and table, with a '.' between them
 *	identity  what identifies the row, a JSON object in which names and values are as they
 *	          stand on the line: {"schema":"s","table":"t","identity":{"id":1}}; the
 *	          rows of a table that has none share {"schema":"s","table":"t"}, which
 *	          is also that of a TRUNCATE
 *	none      no key
 */
#ifndef KEY_H
#define KEY_H

#include "buf.h"
#include "event.h"

/* In the order of its option, see produce_options.c. */
enum key_kind { KEY_SCHEMA, KEY_TABLE, KEY_IDENTITY, KEY_NONE };

enum key_made {
	KEY_UNKNOWN = -1, /* the identity: pgcdc-translate was not there, or a column is missing */
	KEY_ABSENT,
	KEY_OF_MANY, /* other rows have it, too */
	KEY_OF_ROW,
};

/*
 * Append to key what a row event has; with is_old, the identity that an update took away.
 * Memory: key->failed.
 */
enum key_made key_make(struct buf *key, enum key_kind kind, const struct event *e, int is_old);

#endif
