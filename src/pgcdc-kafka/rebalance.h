/*
 * Partitions come and go, as the group agrees.  One that goes is given up when what was taken of
 * it is acknowledged and committed, or --revoke-timeout is over; one that is lost, because the
 * group has done without us, at once, and nothing of it is committed.
 */
#ifndef REBALANCE_H
#define REBALANCE_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct consume;
struct partition;

/* Start with all zero. */
struct rebalance {
	rd_kafka_topic_partition_list_t *coming; /* asked to take, not answered; NULL: none */
	rd_kafka_topic_partition_list_t *going;  /* asked to give up, not answered; NULL: none */
	int is_marked;                           /* what was taken of going is before a token */
	uint64_t token;                          /* when that is acknowledged, going may go */
	int64_t deadline;                        /* ... or then */
	int64_t next;                            /* when to look again */
	int is_answered;                         /* we were given what there is for us once */
	int is_over;                             /* give up what we are asked to, at once */
};

/* The group wants something of us. */
void rebalance_take(struct consume *c, rd_kafka_event_t *event);

/* Do what can be done about it. 0, or the exit code after reporting. */
int rebalance_tend(struct consume *c);

/*
 * What comes next of the partition is not in its log any more: go on where --reset says.  0, or
 * the exit code after reporting.
 */
int rebalance_reset(struct consume *c, struct partition *p);

/* When rebalance_tend() has something to do; besides when an ack comes or a commit. */
int64_t rebalance_deadline(const struct consume *c);

/* Nothing more is taken: what we were asked to take we do not. */
void rebalance_end(struct consume *c);

#endif
