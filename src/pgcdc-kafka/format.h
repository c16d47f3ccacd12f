/*
 * The dialects that the value of a message can have:
 *
 *	pgcdc        the event line (pgcdc-events(5)), byte for byte
 *	pgstream-v0  as pgstream 0.x writes it: wal.Data through Go's encoding/json
 *	pgstream-v1  as pgstream 1.x writes it, 1.4.1 in doubt
 *	wal2json     as the output plugin writes it with format-version 2, include-xids,
 *	             include-timestamp and include-lsn
 *
 * The last three have no place for "unchanged": the column is missing there.  Numbers keep all of
 * their digits, where pgstream rounds to a double.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include "buf.h"
#include "event.h"

/* In the order of its option, see produce_options.c. */
enum format_kind { FORMAT_PGCDC, FORMAT_PGSTREAM_V0, FORMAT_PGSTREAM_V1, FORMAT_WAL2JSON };

int format_is_pgstream(enum format_kind kind);

/*
 * Append a row event, which is no row of the schema log for pgstream, in a dialect other than
 * pgcdc.  With the action 'D' or 'I' it is that part of an update (split.h); 0: the event's own.
 * Memory: b->failed.
 */
void format_row(struct buf *b, enum format_kind kind, const struct event *e, char action);

/* The text of an xid (github.com/rs/xid), in order of the number; pgstream's ids are such. */
#define FORMAT_XID_SIZE 21
void format_xid(char dst[FORMAT_XID_SIZE], uint64_t number);

/* Escape what Go's encoding/json does from this offset of b on: '<', '>', '&', U+2028, U+2029. */
void format_escape_html(struct buf *b, size_t from);

/* The time of a commit without the zeros at its end, as Postgres prints it; "" when absent. */
void format_timestamp(struct buf *b, struct event_span timestamp);

#endif
