/*
 * Values that another program has written: pgstream 0.x and 1.x, and wal2json with format-version
 * 2, as event lines (pgcdc-events(5)).
 *
 * A line that comes out has of "lsn", "xid", "timestamp" and "metadata" what was there, and no
 * "seq" and no "unchanged": that a column was not changed, and so is missing, nobody says.  What
 * an update has only among its old values is put into "columns".
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include "buf.h"

enum foreign {
	FOREIGN_OURS,    /* an event line: take it as it is */
	FOREIGN_EVENT,   /* the line was appended */
	FOREIGN_NOTHING, /* it says nothing that is an event */
	FOREIGN_BAD      /* it is no event */
};

/*
 * Look at a value, and append the line that it stands for when it is not one itself.  With the
 * last two *why says, in words for a message, why.  FOREIGN_OURS means that nothing speaks against
 * it; the value may still be no JSON.  Memory: b->failed.
 */
enum foreign foreign_read(struct buf *b, const char *value, size_t len, const char **why);

#endif
