/* What a message of Kafka says beside its value, and how that is put on an event line. */
#ifndef RECORD_H
#define RECORD_H

#include <librdkafka/rdkafka.h>

#include "buf.h"
#include "event.h"

/* The last header of this name; p is NULL if there is none.  It lives as long as the message. */
struct event_span record_header(const rd_kafka_message_t *m, const char *name);

/*
 * Append a member "name":"bytes" of a JSON object, or "name_hex" and the bytes in hexadecimal
 * when they are not valid UTF-8, or null when p is NULL.  Memory: b->failed.
 */
void record_add_bytes(struct buf *b, const char *name, const void *p, size_t len);

/*
 * Append "topic":"...","partition":0,"offset":0,"timestamp":"...","key":"...".  The timestamp is
 * missing when the message has none.
 */
void record_add_place(struct buf *b, const rd_kafka_message_t *m);

/*
 * Append the line, an object, with a further member "kafka": an object of the place and
 * "commit_lsn", if the message has that.
 */
void record_add_with_origin(struct buf *b, struct event_span line, const rd_kafka_message_t *m);

#endif
