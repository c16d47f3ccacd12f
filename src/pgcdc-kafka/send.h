/*
 * From a row line to the messages that it becomes: to which topic, under which key, and whether
 * to one partition or to each.
 */
#ifndef SEND_H
#define SEND_H

#include <stdint.h>

#include "buf.h"
#include "event.h"
#include "lsn.h"
#include "produce_options.h"
#include "producer.h"
#include "topics.h"
#include "whole_schema.h"
#include "window.h"

struct sender {
	const struct produce_options *options; /* these four are the caller's */
	struct producer *producer;
	struct window *window;
	const char *system_identifier;
	/* Serve the producer's events until every message sent so far is delivered. */
	int (*settle)(void *context);
	void *context;

	struct topics topics;
	struct whole_schema schemas;
	struct topic *topic;       /* of a --topic that is no template */
	char commit_lsn[LSN_SIZE]; /* of the transaction in hand; empty: the stream does not say */

	/* Of the line in hand. */
	const struct event *event;
	struct event_span line;
	unsigned long long number;
	int is_row_key; /* key is one row's alone */
	struct buf key, old_key, payload, schema, table;
};

/*
 * Look for the topic, if it is one for all.  serve is as in topics.h, and the fields above the
 * line are set.  0, or the exit code after reporting.
 */
int send_open(struct sender *s, int (*serve)(void *context));

/* An H or B line has come: with NULL no transaction is known. */
void send_begin(struct sender *s, const struct event *begin);

/*
 * Send a row line, which was scanned into e; its number is for messages.  The line stays where it
 * is until the units that it has added to the window are done.
 * 0, PRODUCER_FATAL, or the exit code after reporting.
 */
int send_line(struct sender *s, const struct event *e, const char *line, size_t len,
    unsigned long long number);

void send_close(struct sender *s);

#endif
