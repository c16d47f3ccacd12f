/*
 * Messages, and errors of partitions, that librdkafka gave as events, because a fetcher was
 * faster than the forwarding of its queue.  They come before all of that queue, and wait for
 * their turn in their order.
 */
#ifndef EARLY_H
#define EARLY_H

#include <librdkafka/rdkafka.h>

struct early_event;

/* Start with all zero. */
struct early {
	struct early_event *first, *last;
};

/* Put an event of a partition behind the others; it is taken over. 0, or -1: no memory. */
int early_add(struct early *e, rd_kafka_event_t *event);

/*
 * The first event, NULL if there is none, and the message that it has, NULL if it is an error.
 * They live until it is dropped.
 */
rd_kafka_event_t *early_first(const struct early *e, const rd_kafka_message_t **message);
void early_drop_first(struct early *e);

/* Drop those of a partition, or with NULL all. */
void early_drop(struct early *e, const char *topic, int32_t partition);

#endif
