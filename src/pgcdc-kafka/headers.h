/*
 * The headers of a message, so that who routes or counts events need not parse them: texts, by
 * these names, of those that the line has.
 *
 *	system_identifier  commit_lsn  lsn  seq  xid  action  schema  table  content-type
 */
#ifndef HEADERS_H
#define HEADERS_H

#include <librdkafka/rdkafka.h>

#include "event.h"

/* What the event's line does not say itself. */
struct headers_context {
	const char *system_identifier;
	const char *commit_lsn; /* empty: not known */
	char action;            /* instead of the line's, 0: that */
};

/* NULL: no memory. */
rd_kafka_headers_t *headers_make(const struct event *e, const struct headers_context *context);

#endif
