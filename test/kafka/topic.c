#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "settings.h"
#include "topic.h"

static long
number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end != '\0' || end == text || n < 0 || n > INT32_MAX)
		errx(CLIENT_USAGE, "\"%s\" is not a number that could be meant", text);
	return n;
}

/* Partitions that have a leader; 0 when there is no such topic. */
static int
count_partitions(const char *topic)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error = rd_kafka_metadata(
	    client, 1, NULL, &metadata, CLIENT_PATIENCE_MS);
	int n = 0;

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		errx(CLIENT_FAILED, "could not get metadata: %s", rd_kafka_err2str(error));
	for (int t = 0; t < metadata->topic_cnt; t++) {
		const rd_kafka_metadata_topic_t *found = &metadata->topics[t];

		for (int p = 0; p < found->partition_cnt && strcmp(found->topic, topic) == 0; p++)
			n += found->partitions[p].leader >= 0;
	}
	rd_kafka_metadata_destroy(metadata);
	return n;
}

/* Only who can tell the offsets leads the partition: a broker is said to lead before it does. */
void
topic_ends(const char *topic, int32_t partition, int64_t *first, int64_t *next)
{
	rd_kafka_resp_err_t error;
	int looks = 0;

	while ((error = rd_kafka_query_watermark_offsets(client, topic, partition, first, next,
		    CLIENT_PATIENCE_MS)) == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION)
		client_pause(topic, looks++);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		errx(CLIENT_FAILED, "could not get the offsets of topic \"%s\": %s", topic,
		    rd_kafka_err2str(error));
}

static void
wait_for_partitions(const char *topic, int wanted)
{
	int64_t first, next;

	for (int looks = 0; count_partitions(topic) != wanted; looks++)
		client_pause(topic, looks);
	for (int p = 0; p < wanted; p++)
		topic_ends(topic, p, &first, &next);
}

/* Waits for the answer to a request about topics. */
static void
finish(const rd_kafka_topic_result_t **(*results_of)(const rd_kafka_event_t *, size_t *))
{
	rd_kafka_event_t *event = client_answer();
	size_t n;
	const rd_kafka_topic_result_t **results = results_of(event, &n);

	for (size_t i = 0; i < n; i++)
		if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR)
			errx(CLIENT_FAILED, "topic \"%s\": %s",
			    rd_kafka_topic_result_name(results[i]),
			    rd_kafka_topic_result_error_string(results[i]));
	rd_kafka_event_destroy(event);
}

void
topic_create(int n, char **args)
{
	int partitions = n > 1 ? (int)number(args[1]) : 1;
	rd_kafka_NewTopic_t *topic;
	char why[512], *value;

	if ((topic = rd_kafka_NewTopic_new(args[0], partitions, 1, why, sizeof why)) == NULL)
		errx(CLIENT_USAGE, "%s", why);
	for (int i = 2; i < n; i++) {
		if ((value = settings_value(args[i])) == NULL)
			errx(CLIENT_USAGE, "\"%s\" is not NAME=VALUE", args[i]);
		rd_kafka_NewTopic_set_config(topic, args[i], value);
	}
	rd_kafka_CreateTopics(client, &topic, 1, NULL, client_queue);
	finish(rd_kafka_CreateTopics_result_topics);
	rd_kafka_NewTopic_destroy(topic);
	wait_for_partitions(args[0], partitions);
}

void
topic_delete(int n, char **args)
{
	rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(args[0]);

	(void)n;
	rd_kafka_DeleteTopics(client, &topic, 1, NULL, client_queue);
	finish(rd_kafka_DeleteTopics_result_topics);
	rd_kafka_DeleteTopic_destroy(topic);
	wait_for_partitions(args[0], 0);
}

void
topic_grow(int n, char **args)
{
	rd_kafka_NewPartitions_t *partitions;
	char why[512];

	(void)n;
	partitions = rd_kafka_NewPartitions_new(args[0], number(args[1]), why, sizeof why);
	if (partitions == NULL)
		errx(CLIENT_USAGE, "%s", why);
	rd_kafka_CreatePartitions(client, &partitions, 1, NULL, client_queue);
	finish(rd_kafka_CreatePartitions_result_topics);
	rd_kafka_NewPartitions_destroy(partitions);
	wait_for_partitions(args[0], (int)number(args[1]));
}

void
topic_describe(int n, char **args)
{
	int partitions = count_partitions(args[0]);
	int64_t first, next;

	(void)n;
	if (partitions == 0)
		errx(CLIENT_FAILED, "no topic \"%s\"", args[0]);
	for (int p = 0; p < partitions; p++) {
		topic_ends(args[0], p, &first, &next);
		printf("%d %lld %lld\n", p, (long long)first, (long long)next);
	}
}

void
topic_trim(int n, char **args)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	const rd_kafka_topic_partition_list_t *results;
	rd_kafka_DeleteRecords_t *before;
	rd_kafka_event_t *event;

	(void)n;
	rd_kafka_topic_partition_list_add(list, args[0], (int32_t)number(args[1]))->offset = number(
	    args[2]);
	before = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(client, &before, 1, NULL, client_queue);
	event = client_answer();
	results = rd_kafka_DeleteRecords_result_offsets(event);
	for (int i = 0; i < results->cnt; i++)
		if (results->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
			errx(CLIENT_FAILED, "topic \"%s\": %s", args[0],
			    rd_kafka_err2str(results->elems[i].err));
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteRecords_destroy(before);
	rd_kafka_topic_partition_list_destroy(list);
}
