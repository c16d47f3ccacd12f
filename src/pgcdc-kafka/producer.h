/*
 * The producer: messages go to librdkafka, which brings each to the broker once and in the order
 * of its partition, and says of each that it is durable there.
 */
#ifndef PRODUCER_H
#define PRODUCER_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "produce_options.h"

struct producer {
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	int fd;               /* readable when producer_event() has something */
	int is_lost;          /* it was reported as fenced, or as given up: leave it alone */
	uint64_t bytes;       /* of messages on their way, with what librdkafka needs for them */
	int64_t linger;       /* microseconds that a batch waits to be filled */
	uint64_t batch_bytes; /* that it has at most, unless one message is larger */
	int64_t longest;      /* microseconds that a transaction may be open; 0: there are none */
	int64_t aborted_at;   /* when the broker takes back the one that is, or LOOP_NEVER */
};

struct producer_message {
	rd_kafka_topic_t *topic;
	int32_t partition; /* or RD_KAFKA_PARTITION_UA: by the key */
	const void *key, *payload;
	size_t key_len, payload_len; /* a payload of NULL is a tombstone */
	int payload_stays;           /* until its delivery: it need not be copied */
	rd_kafka_headers_t *headers; /* taken over; NULL: none */
	uint64_t unit;               /* comes back with the delivery */
};

/*
 * Make it; with a transactional id, for transactions of at most so many milliseconds, else 0.
 * 0, or the exit code after reporting.
 */
int producer_open(struct producer *p, const struct produce_options *o, int64_t longest);

/* The producer has given up, and why comes with the events. */
#define PRODUCER_FATAL (-1)

/* Report why it has given up. The exit code. */
int producer_judge_fatal(struct producer *p);

/*
 * What an error of a call of transactions means, which is destroyed: 0 to try it again, or the exit
 * code after reporting, in which what could not be done begins the message.
 */
int producer_judge(struct producer *p, rd_kafka_error_t *error, const char *what);

/* Whether a message of this size is in a batch alone. */
int producer_is_alone(const struct producer *p, size_t key_len, size_t payload_len);

/* The broker does not let us go on with our transactional id: report why. The exit code. */
int producer_judge_fenced(struct producer *p);

/*
 * Hand a message over; its key is copied, and its payload unless that stays.
 * 0, PRODUCER_FATAL, or the exit code after reporting.
 */
int producer_send(struct producer *p, const struct producer_message *m);

/*
 * What waits for its batch to be filled (--linger) waits no more.  Takes a millisecond at most.
 * Returns when it is to be called again if messages are still open, as a broker that comes up
 * later has not heard it; LOOP_NEVER: they do not wait for so long.
 */
int64_t producer_hurry(struct producer *p);

/* The next event, which the caller destroys, or NULL: wait for p->fd. */
rd_kafka_event_t *producer_event(struct producer *p);

/* A message has arrived, or failed for good: its bytes are free, and this is its unit. */
uint64_t producer_delivered(struct producer *p, const rd_kafka_message_t *m);

void producer_close(struct producer *p);

#endif
