/*
 * The topics that are written to.  Each is looked for when it is needed first: that it is missing,
 * or closed to us, must be known before anything is sent there.
 */
#ifndef TOPICS_H
#define TOPICS_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "opt.h"

struct topic {
	char *name;
	rd_kafka_topic_t *handle;
	int64_t news; /* when all brokers know of it, if we have made it */
};

/* How a topic is made that is missing. */
struct topic_wish {
	int is_one;                       /* to be made at all */
	uint64_t partitions, replication; /* 0: the broker's default */
	int may_differ;                   /* one that is there may have other partitions */
	struct opt_list config;           /* "name=value" */
};

struct topics {
	rd_kafka_t *rk; /* the caller's */
	struct topic_wish wish;
	/* Serve the producer's events while the broker is waited for: 0, or the exit code. */
	int (*serve)(void *context);
	void *context;
	void *tree; /* tsearch(3), by name */
};

/*
 * The topic with this name; it is made by our wish when it is missing.  While no broker
 * answers this waits.  It lives until topics_free().  0, or the exit code after reporting.
 * With may_miss, NULL where it is missing and we make none.
 */
int topics_get(struct topics *ts, const char *name, int may_miss, struct topic **topic);

/* How many partitions it has now. 0, or the exit code after reporting. */
int topics_partitions(struct topics *ts, struct topic *topic, int32_t *n);

/*
 * Messages do not arrive: is each topic that was got still there, as far as a broker answers?
 * 0, or the exit code after reporting.
 */
int topics_look(struct topics *ts);

/*
 * The topic of this name as it would be made, which the caller destroys.  0, or the exit code after
 * reporting.
 */
int topics_wish(rd_kafka_NewTopic_t **made, const struct topic_wish *wish, const char *name);

void topics_free(struct topics *ts);

#endif
