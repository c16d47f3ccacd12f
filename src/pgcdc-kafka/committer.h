/*
 * Offsets go to the group: what is acknowledged and not committed yet, on a timer, one commit at
 * a time; one that fails is tried again after a pause.
 */
#ifndef COMMITTER_H
#define COMMITTER_H

#include <stdint.h>

#include "consumer.h"
#include "out.h"
#include "partition.h"

struct committer {
	const struct consume_options *options;
	struct consumer *consumer;
	const struct partitions *partitions;
	const struct out *out; /* of the lines; what was written to one that is closed is synced */
	int is_asked;          /* one is on its way */
	int64_t next;          /* when the next one is due */
	int64_t pause;         /* after the next failure, in microseconds; 0: none has failed */
	uint64_t failures;     /* since the last success */
	uint64_t n;            /* commits that have succeeded */
};

/* Commit what is due. 0, or the exit code after reporting. */
int committer_tend(struct committer *c);

/* It is wanted now, not when the timer says; a pause after a failure stays. */
void committer_hurry(struct committer *c);

/*
 * With --ack=stdout: a file that the lines were written to must have them before they count as
 * done, and so before it is closed.  0, or the exit code after reporting.
 */
int committer_sync(const struct committer *c);

/* What has become of a commit. 0, or the exit code after reporting. */
int committer_take(struct committer *c, rd_kafka_event_t *event);

/* Nothing is left to do: all that is acknowledged is committed. */
int committer_is_settled(const struct committer *c);

/* When committer_tend() has something to do, besides when the consumer is not joining any more. */
int64_t committer_deadline(const struct committer *c);

#endif
