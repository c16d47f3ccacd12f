/*
 * The partitions that the group has given us, and how far each has come.  Offsets are those of
 * the next message, as Kafka commits them.
 */
#ifndef PARTITION_H
#define PARTITION_H

#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdint.h>

struct partition {
	char *topic;
	int32_t number;
	const rd_kafka_topic_t *handle; /* of its messages, to know it by; NULL: none came yet */
	int64_t next;                   /* all before it was taken */
	int64_t acked;                  /* all before it is acknowledged, and may be committed */
	int64_t committed;              /* the group has it; -1: none */
	int64_t goal;                   /* with --drain: where it ends */
	uint64_t unmarked;              /* messages taken since the last mark */
	int is_dirty;                   /* next has moved since the last mark */
	int is_leaving;                 /* revoked: nothing more is taken */
	int is_gone;                    /* what is next is not in the log any more */
	int is_drained;
};

/* Start with all zero. */
struct partitions {
	struct partition **item;
	size_t n;
	struct partition *last; /* the one found last: messages come in runs */
};

/* NULL if we do not have it. */
struct partition *partition_find(const struct partitions *ps, const char *topic, int32_t number);

/* Begin at this offset, which nothing before is wanted of.  NULL: no memory. */
struct partition *
partition_add(struct partitions *ps, const char *topic, int32_t number, int64_t start);

/* Give it up, and free it. */
void partition_remove(struct partitions *ps, struct partition *p);

void partition_free(struct partitions *ps);

#endif
