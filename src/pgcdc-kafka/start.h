/* Where a partition begins: where the group has committed, or what --start says. */
#ifndef START_H
#define START_H

#include <librdkafka/rdkafka.h>

#include "consume_options.h"

struct start {
	int is_committed; /* the group has committed this very position */
	int64_t goal;     /* with --drain: the end of what is there now */
};

/* The broker has not answered in time: ask again. */
#define START_AGAIN (-1)

/*
 * Set the offset of each partition of the list to a position in its log, and of start, which has
 * room for as many, the entry with the same number.  This asks the broker, and waits a moment
 * for it.  0, START_AGAIN, or the exit code after reporting.
 */
int start_find(rd_kafka_t *rk, const struct consume_options *o,
    rd_kafka_topic_partition_list_t *partitions, struct start *start);

/* The beginning and the end of what is in a partition now.  As start_find(). */
int
start_limits(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t *first, int64_t *end);

#endif
