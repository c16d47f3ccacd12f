/*
 * The headers of a message: what its line does not say itself,
 *
 *	system_identifier  epoch  commit_lsn
 *
 * and, for who routes or counts events without parsing them, the texts of those that it has of
 *
 *	lsn  seq  xid  action  schema  table
 *
 * and content-type.  Each costs the producer about as much as all else that we do with a line.
 */
#ifndef HEADERS_H
#define HEADERS_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "event.h"

/* In the order of its option, see produce_options.c. */
enum headers_kind { HEADERS_NONE, HEADERS_ORIGIN, HEADERS_ALL };

/* What the event's line does not say itself. */
struct headers_context {
	enum headers_kind kind;
	const char *system_identifier;
	uint64_t epoch;         /* 0: none */
	const char *commit_lsn; /* empty: not known */
	char action;            /* instead of the line's, 0: that */
};

/* NULL: no memory; or of the kind HEADERS_NONE. */
rd_kafka_headers_t *headers_make(const struct event *e, const struct headers_context *context);

#endif
