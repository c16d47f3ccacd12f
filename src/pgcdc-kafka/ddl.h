/*
 * A row of the schema log as what pgstream 1.x makes of a change of the schema: a logical
 * message with the prefix "pgstream.ddl", whose content is the command and what it was about
 * (wal.DDLEvent in pgstream's source).
 */
#ifndef DDL_H
#define DDL_H

#include "buf.h"
#include "event.h"

/*
 * Append the value of the message.  A definition that is only repeated becomes a CREATE TABLE
 * with an empty text, which changes nothing where the table is.
 * 1; 0: it says nothing that pgstream has a word for, such as a gap; or -1: the row is damaged.
 * Memory: b->failed.
 */
int ddl_message(struct buf *b, const struct event *e);

#endif
