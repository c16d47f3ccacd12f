/*
 * The consumer: librdkafka as a member of a group.  What concerns the group, errors and the log
 * come from one queue, messages from another, so that the first can be served while nobody
 * takes the second.
 */
#ifndef CONSUMER_H
#define CONSUMER_H

#include <librdkafka/rdkafka.h>

#include "consume_options.h"

/* What delivery rests on. */
extern const struct client_rule consumer_rules[];

struct consumer {
	rd_kafka_t *rk;
	rd_kafka_queue_t *events, *messages;
	int events_fd, messages_fd; /* readable when there is something new */
	size_t most;                /* messages that were waiting, since librdkafka was woken */
	int is_joining;             /* the group is agreeing anew: nothing should be committed */
};

/* Start with descriptors of -1.  Joins the group.  0, or the exit code after reporting. */
int consumer_open(struct consumer *c, const struct consume_options *o);

/* The next event, which the caller destroys, or NULL: wait for c->events_fd. */
rd_kafka_event_t *consumer_event(struct consumer *c);

/*
 * Pass a message of librdkafka on, and see in it whether the group is agreeing anew.  A commit
 * would then be answered behind that, as one of a past generation; and with that answer
 * librdkafka 2.0.2 gives up all partitions as lost.
 */
void consumer_log(struct consumer *c, rd_kafka_event_t *event);

/* Has a broker ever answered?  Does not wait. */
int consumer_is_answered(const struct consumer *c);

/* The brokers to begin with, for messages. */
#define CONSUMER_BROKERS_SIZE 512
void consumer_brokers(const struct consumer *c, char brokers[CONSUMER_BROKERS_SIZE]);

/*
 * At most n messages, which the caller destroys; how many.  Less than n: there are no more now,
 * wait for c->messages_fd.  Some only tell of an error, as the end of a partition.
 */
size_t consumer_take(struct consumer *c, rd_kafka_message_t **m, size_t n);

/* From now on the partition's messages come from that queue, not as events. */
void consumer_forward(struct consumer *c, const char *topic, int32_t partition);

/*
 * Free everything, at the end of the program, whose exit code is code: should librdkafka not come
 * to an end, the program ends here.  The group should have been left before: else it notices
 * only after session.timeout.ms.
 */
void consumer_close(struct consumer *c, int code);

#endif
