/*
 * The file for messages that are no events: one JSON object a line,
 *
 *	{"topic":"t","partition":0,"offset":7,"timestamp":"...","key":"...","value":"...","why":"..."}
 *
 * durable before its offset may count as done.  key_hex and value_hex stand where the bytes are
 * no UTF-8.
 */
#ifndef ASIDE_H
#define ASIDE_H

#include <librdkafka/rdkafka.h>

#include "buf.h"

struct aside {
	const char *path; /* the caller's; NULL: there is none */
	int fd;
	struct buf line;
	uint64_t n; /* messages that this run has put there */
};

/* Open the file for appending; make it if it is missing. 0, or the exit code after reporting. */
int aside_open(struct aside *a, const char *path);

/* Put a message there.  0 when it is durable, or the exit code after reporting. */
int aside_put(struct aside *a, const rd_kafka_message_t *m, const char *why);

void aside_close(struct aside *a);

#endif
