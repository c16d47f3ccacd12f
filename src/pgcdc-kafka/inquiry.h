/*
 * Questions to the brokers, above all those of a check.  Each is waited for, and none changes
 * anything there.
 */
#ifndef INQUIRY_H
#define INQUIRY_H

#include <librdkafka/rdkafka.h>

#include "findings.h"

struct inquiry {
	rd_kafka_t *rk;           /* the caller's, and its main queue */
	rd_kafka_queue_t *events; /* with events of errors, of deliveries and of the log */
	rd_kafka_queue_t *answers;
	int is_patient; /* the caller's: wait without end, and ask again what no broker answered */
	int is_reading; /* what a partition says of itself is for us */
	int is_delivered;             /* the message that is under way has come back, */
	rd_kafka_resp_err_t delivery; /* with this */
};

/* A setting by its name; an empty value: it has none. */
struct setting {
	const char *name;
	char value[128];
};

void inquiry_open(struct inquiry *q, rd_kafka_t *rk, rd_kafka_queue_t *events);
void inquiry_close(struct inquiry *q);

/*
 * These return 0, or the exit code after reporting that nobody answers or that we are not let in.
 * That a right is missing is an answer, and *error, or the error of a part.
 */

/* The brokers, one at least, and with all_topics the topics that we may see; the caller destroys it. */
int inquiry_metadata(struct inquiry *q, int all_topics, const struct rd_kafka_metadata **cluster);

/*
 * The brokers, which are a finding, and all topics that we may see; the caller destroys the cluster.
 */
int
inquiry_cluster(struct inquiry *q, struct findings *f, const struct rd_kafka_metadata **cluster);

/* The values of n settings of a topic or, by its number, of a broker. */
int inquiry_settings(struct inquiry *q, rd_kafka_ResourceType_t type, const char *name,
    struct setting *settings, size_t n, rd_kafka_resp_err_t *error);

/* Would this topic be made?  If not, reason has what the broker says. */
int inquiry_create(
    struct inquiry *q, rd_kafka_NewTopic_t *wish, rd_kafka_resp_err_t *error, char reason[512]);

/*
 * May we write to a topic that takes at most so many bytes at once?  It is sent more, which the
 * broker refuses after it has looked who sends it: with
 * RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, if we may.  Only for a producer.
 */
int
inquiry_write(struct inquiry *q, const char *topic, size_t most_bytes, rd_kafka_resp_err_t *error);

/*
 * May we read a partition?  Only for a consumer with enable.partition.eof: that there is nothing
 * behind its end is an answer, too, and no error.
 */
int
inquiry_read(struct inquiry *q, const char *topic, int32_t partition, rd_kafka_resp_err_t *error);

/* May we commit positions of a group?  It is tried with a topic that no broker can have. */
int inquiry_group(struct inquiry *q, const char *group, rd_kafka_resp_err_t *error);

/* How the members of a group share partitions; empty: there is none, or they are agreeing. */
int inquiry_assignor(
    struct inquiry *q, const char *group, struct setting *assignor, rd_kafka_resp_err_t *error);

/* What a group has committed of these partitions, into their offsets; below 0: nothing. */
int inquiry_committed(struct inquiry *q, const char *group, rd_kafka_topic_partition_list_t *list,
    rd_kafka_resp_err_t *error);

/*
 * The first offset of each of these partitions, with RD_KAFKA_OFFSET_BEGINNING in them, or the one
 * behind the last, with RD_KAFKA_OFFSET_END.
 */
int inquiry_offsets(struct inquiry *q, rd_kafka_topic_partition_list_t *list);

#endif
