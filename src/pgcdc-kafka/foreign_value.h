/* Values, types and times as another program has written them, in our form (pgcdc-events(5)). */
#ifndef FOREIGN_VALUE_H
#define FOREIGN_VALUE_H

#include <stdint.h>

#include "buf.h"
#include "event.h"

/*
 * Append a value of this type; absent is null.  With is_base64 a bytea may be in base64, as
 * pgstream has it from 1.4.1 on: it is taken so unless it is an even number of hexadecimal digits.
 */
void foreign_value(struct buf *b, struct event_span type, struct event_span value, int is_base64);

void foreign_type(struct buf *b, struct event_span type);

/* Append a time with six digits behind the point; a zone stays what it is. */
void foreign_timestamp(struct buf *b, struct event_span timestamp);

/* The number of an xid that format_xid() has made; 0: it is another. */
uint64_t foreign_xid(struct event_span xid);

#endif
