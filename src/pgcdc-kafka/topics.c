#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "loop.h"
#include "topics.h"

/* Milliseconds for an answer of the broker before the producer's events are served again. */
#define PATIENCE 250
#define LONGEST_PATIENCE 2000

/* Milliseconds for the making of a topic. */
#define CREATE_TIMEOUT 30000

/* Microseconds for a look at all topics. */
#define LOOK_TIMEOUT 1000000

/* Microseconds in which every broker has heard of a topic that was made, and between questions. */
#define NEWS_TIMEOUT (INT64_C(30) * 1000000)
#define NEWS_PAUSE 10000

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct topic *)a)->name, ((const struct topic *)b)->name);
}

static int
gave_up(const char *name)
{
	return log_temporary("the end came before a broker told of topic \"%s\"", name);
}

/* An answer that another will follow soon: a leader is being elected, or it was just made. */
static int
is_early(const struct topic *topic, rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
	       (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && loop_now() < topic->news);
}

/* What the broker says of the topic: 0 and its error and partitions, or the exit code. */
static int
ask(struct topics *ts, struct topic *topic, rd_kafka_resp_err_t *error, int32_t *partitions)
{
	const struct rd_kafka_metadata *metadata;
	int patience = PATIENCE, err;

	for (;; patience = patience < LONGEST_PATIENCE ? 2 * patience : patience) {
		if (rd_kafka_metadata(ts->rk, 0, topic->handle, &metadata, patience) ==
		    RD_KAFKA_RESP_ERR_NO_ERROR) {
			*error = metadata->topics[0].err;
			*partitions = metadata->topics[0].partition_cnt;
			rd_kafka_metadata_destroy(metadata);
			if (!is_early(topic, *error))
				return 0;
		}
		if ((err = ts->serve(ts->context)) != 0)
			return err;
		loop_wait(NULL, 0, loop_now() + NEWS_PAUSE); /* where signals come in */
		if (loop_ending())
			return gave_up(topic->name);
	}
}

/*
 * A refusal that will pass.  While the only broker that is there shuts down or comes back, none may
 * take a replica, and that has the error code of a cluster that is too small.
 */
static int
is_passing(rd_kafka_resp_err_t error, const char *reason)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
	case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
	case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
		return 1;
	case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
		return strstr(reason, "fenced") != NULL;
	default:
		return 0;
	}
}

/* The answer of the broker to our wish: 0, or the exit code after reporting. */
static int
judge_creation(const struct topic *topic, rd_kafka_event_t *event)
{
	const rd_kafka_CreateTopics_result_t *result;
	const rd_kafka_topic_result_t **one;
	rd_kafka_resp_err_t error;
	const char *reason;
	size_t n;

	if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return log_temporary("could not make topic \"%s\": %s", topic->name,
		    rd_kafka_event_error_string(event));
	result = rd_kafka_event_CreateTopics_result(event);
	one = rd_kafka_CreateTopics_result_topics(result, &n);
	if (n != 1)
		return log_temporary("could not make topic \"%s\": no answer", topic->name);
	error = rd_kafka_topic_result_error(one[0]);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return 0;
	if ((reason = rd_kafka_topic_result_error_string(one[0])) == NULL)
		reason = rd_kafka_err2str(error);
	return is_passing(error, reason)
	           ? log_temporary("could not make topic \"%s\": %s", topic->name, reason)
	           : log_permanent("could not make topic \"%s\": %s", topic->name, reason);
}

static int
set_config(rd_kafka_NewTopic_t *wish, const struct opt_list *pairs)
{
	for (size_t i = 0; i < pairs->n; i++) {
		char *name = strdup(pairs->item[i]), *value;
		rd_kafka_resp_err_t error;

		if (name == NULL)
			return log_temporary("out of memory");
		value = name + strcspn(name, "=");
		if (*value == '=')
			*value++ = '\0';
		error = rd_kafka_NewTopic_set_config(wish, name, value);
		free(name);
		if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
			return log_permanent(
			    "invalid value \"%s\" for option \"--topic-config\"", pairs->item[i]);
	}
	return 0;
}

int
topics_wish(rd_kafka_NewTopic_t **made, const struct topic_wish *wish, const char *name)
{
	char error[256];
	int err;

	*made = rd_kafka_NewTopic_new(name, wish->partitions > 0 ? (int)wish->partitions : -1,
	    wish->replication > 0 ? (int)wish->replication : -1, error, sizeof(error));
	if (*made == NULL)
		return log_permanent("could not make topic \"%s\": %s", name, error);
	if ((err = set_config(*made, &wish->config)) != 0)
		rd_kafka_NewTopic_destroy(*made);
	return err;
}

/* The answer comes in any case: librdkafka sees to the time. */
static int
wait_for_creation(
    struct topics *ts, const struct topic *topic, rd_kafka_queue_t *queue, rd_kafka_event_t **event)
{
	int err;

	while ((*event = rd_kafka_queue_poll(queue, PATIENCE)) == NULL) {
		if ((err = ts->serve(ts->context)) != 0)
			return err;
		loop_wait(NULL, 0, loop_now());
		if (loop_ending())
			return gave_up(topic->name);
	}
	return 0;
}

static int
create(struct topics *ts, struct topic *topic)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(ts->rk);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(
	    ts->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_NewTopic_t *wish;
	rd_kafka_event_t *event;
	char error[256];
	int err;

	rd_kafka_AdminOptions_set_operation_timeout(options, CREATE_TIMEOUT, error, sizeof(error));
	if ((err = topics_wish(&wish, &ts->wish, topic->name)) == 0) {
		rd_kafka_CreateTopics(ts->rk, &wish, 1, options, queue);
		if ((err = wait_for_creation(ts, topic, queue, &event)) == 0 &&
		    (err = judge_creation(topic, event)) == 0)
			log_info("made topic \"%s\"", topic->name);
		topic->news = loop_now() + NEWS_TIMEOUT;
		rd_kafka_event_destroy(event);
		rd_kafka_NewTopic_destroy(wish);
	}
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	return err;
}

/* *is_missing: there is none, and we are not to make it. */
static int
check(struct topics *ts, struct topic *topic, int *is_missing)
{
	rd_kafka_resp_err_t error;
	int32_t partitions;
	int err;

	*is_missing = 0;
	if ((err = ask(ts, topic, &error, &partitions)) != 0)
		return err;
	if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
		*is_missing = !ts->wish.is_one;
		return *is_missing ? 0 : create(ts, topic);
	}
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return log_permanent(
		    "could not use topic \"%s\": %s", topic->name, rd_kafka_err2str(error));
	if (ts->wish.partitions > 0 && !ts->wish.may_differ &&
	    partitions != (int32_t)ts->wish.partitions)
		return log_permanent("topic \"%s\" has %d partitions, not --partitions=%llu; "
				     "give what it has, or leave the option out",
		    topic->name, partitions, (unsigned long long)ts->wish.partitions);
	return 0;
}

static void
free_topic(void *node)
{
	struct topic *topic = node;

	if (topic->handle != NULL)
		rd_kafka_topic_destroy(topic->handle);
	free(topic->name);
	free(topic);
}

static struct topic *
new_topic(struct topics *ts, const char *name)
{
	struct topic *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	if ((t->name = strdup(name)) == NULL ||
	    (t->handle = rd_kafka_topic_new(ts->rk, name, NULL)) == NULL) {
		free_topic(t);
		return NULL;
	}
	return t;
}

int
topics_get(struct topics *ts, const char *name, int may_miss, struct topic **topic)
{
	struct topic key = { .name = (char *)(uintptr_t)name }, *t;
	struct topic **found = tfind(&key, &ts->tree, by_name);
	int is_missing, err;

	*topic = found != NULL ? *found : NULL;
	if (found != NULL)
		return 0;
	if ((t = new_topic(ts, name)) == NULL)
		return log_temporary("out of memory for topic \"%s\"", name);
	if ((err = check(ts, t, &is_missing)) == 0 && is_missing && !may_miss)
		err = log_permanent(
		    "topic \"%s\" does not exist; make it, or give --auto-create", name);
	if (err == 0 && !is_missing && tsearch(t, &ts->tree, by_name) == NULL)
		err = log_temporary("out of memory for topic \"%s\"", name);
	if (err != 0 || is_missing)
		free_topic(t);
	else
		*topic = t;
	return err;
}

int
topics_partitions(struct topics *ts, struct topic *topic, int32_t *n)
{
	rd_kafka_resp_err_t error;
	int err;

	if ((err = ask(ts, topic, &error, n)) != 0)
		return err;
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return log_permanent(
		    "could not use topic \"%s\": %s", topic->name, rd_kafka_err2str(error));
	return 0;
}

struct look {
	rd_kafka_t *rk;
	int64_t until; /* when the producer has to be served again */
	int err;
};

static void
look_at(const void *node, VISIT visit, void *context)
{
	const struct topic *topic = *(struct topic *const *)node;
	const struct rd_kafka_metadata *metadata;
	struct look *look = context;

	if ((visit != postorder && visit != leaf) || look->err != 0 || loop_now() < topic->news ||
	    loop_now() >= look->until)
		return;
	if (rd_kafka_metadata(look->rk, 0, topic->handle, &metadata, PATIENCE) !=
	    RD_KAFKA_RESP_ERR_NO_ERROR) {
		look->until = 0; /* nobody answers */
		return;
	}
	if (metadata->topics[0].err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		look->err = log_permanent("topic \"%s\" was deleted; make it again", topic->name);
	rd_kafka_metadata_destroy(metadata);
}

int
topics_look(struct topics *ts)
{
	struct look look = { ts->rk, loop_now() + LOOK_TIMEOUT, 0 };

	twalk_r(ts->tree, look_at, &look);
	return look.err;
}

void
topics_free(struct topics *ts)
{
	tdestroy(ts->tree, free_topic);
}
