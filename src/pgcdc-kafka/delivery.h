/*
 * What the producer tells of its messages: that they are durable, or why they never will be; and
 * of its own troubles.
 */
#ifndef DELIVERY_H
#define DELIVERY_H

#include "buf.h"
#include "dead_letter.h"
#include "producer.h"
#include "window.h"

/* All but the last two fields are the caller's. */
struct delivery {
	struct producer *producer;
	struct window *window;           /* in which the units of messages become done */
	struct dead_letter *dead_letter; /* for what is too large */
	const struct buf *head;          /* the stream's H line */
	int is_fatal;                    /* the producer has given up */
	int is_failed;                   /* a transaction of Kafka has */
};

/* Take what there is, without a wait. 0, or the exit code after reporting. */
int delivery_serve(struct delivery *d);

/* The producer has given up: report why. The exit code. */
int delivery_fatal(struct delivery *d);

#endif
