#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "client.h"
#include "inquiry.h"
#include "log.h"
#include "loop.h"

/* Microseconds that an answer may take, and milliseconds between two looks for signals. */
#define PATIENCE (INT64_C(10) * 1000000)
#define GLANCE 50
#define LONGEST_GLANCE 1600

/* Milliseconds for a question that is asked anew when they are over. */
#define PAUSE 1000

void
inquiry_open(struct inquiry *q, rd_kafka_t *rk, rd_kafka_queue_t *events)
{
	*q = (struct inquiry){ .rk = rk, .events = events, .answers = rd_kafka_queue_new(rk) };
}

void
inquiry_close(struct inquiry *q)
{
	if (q->answers != NULL)
		rd_kafka_queue_destroy(q->answers);
}

/* A right that is missing is what the question is about. */
static int
is_answer(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
	       error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
	       error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static int
take_error(struct inquiry *q, rd_kafka_event_t *event)
{
	rd_kafka_resp_err_t error = rd_kafka_event_error(event);

	if (q->is_reading && (error == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
				 error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)) {
		q->is_delivered = 1;
		q->delivery = error;
		return 0;
	}
	if (rd_kafka_event_error_is_fatal(event) || is_answer(error))
		return 0;
	return client_judge(q->rk, error, rd_kafka_event_error_string(event));
}

static int
take_event(struct inquiry *q, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *m;

	switch (rd_kafka_event_type(event)) {
	case RD_KAFKA_EVENT_ERROR:
		return take_error(q, event);
	case RD_KAFKA_EVENT_DR:
	case RD_KAFKA_EVENT_FETCH:
		while ((m = rd_kafka_event_message_next(event)) != NULL) {
			q->is_delivered = 1;
			q->delivery = m->err;
		}
		return 0;
	case RD_KAFKA_EVENT_LOG:
		client_log(event);
		return 0;
	default:
		return 0;
	}
}

/* What the client says meanwhile, for which it has so many milliseconds, and signals. */
static int
go_on(struct inquiry *q, int patience, int64_t deadline)
{
	rd_kafka_event_t *event;
	int err = 0;

	while (err == 0 && (event = rd_kafka_queue_poll(q->events, patience)) != NULL) {
		err = take_event(q, event);
		rd_kafka_event_destroy(event);
		patience = 0;
	}
	if (err != 0)
		return err;
	loop_wait(NULL, 0, loop_now());
	if (loop_ending())
		return log_temporary("the end came before a broker answered");
	if (!q->is_patient && loop_now() >= deadline)
		return log_temporary(
		    "no broker has answered within %d s", (int)(PATIENCE / 1000000));
	return 0;
}

/* The answer to the last request, which the caller destroys. */
static int
await(struct inquiry *q, rd_kafka_event_t **event)
{
	int64_t deadline = loop_now() + PATIENCE;
	int err;

	while ((*event = rd_kafka_queue_poll(q->answers, GLANCE)) == NULL)
		if ((err = go_on(q, 0, deadline)) != 0)
			return err;
	return 0;
}

int
inquiry_metadata(struct inquiry *q, int all_topics, const struct rd_kafka_metadata **cluster)
{
	int64_t deadline = loop_now() + PATIENCE;
	int err;

	/* Each try asks anew: brokers far away need longer ones. */
	for (int glance = GLANCE;; glance = glance < LONGEST_GLANCE ? 2 * glance : glance) {
		if (rd_kafka_metadata(q->rk, all_topics, NULL, cluster, glance) ==
		    RD_KAFKA_RESP_ERR_NO_ERROR) {
			if ((*cluster)->broker_cnt > 0)
				return 0;
			rd_kafka_metadata_destroy(*cluster);
		}
		if ((err = go_on(q, 0, deadline)) != 0)
			return err;
	}
}

int
inquiry_cluster(struct inquiry *q, struct findings *f, const struct rd_kafka_metadata **cluster)
{
	char brokers[512];
	int n, err;

	if ((err = inquiry_metadata(q, 1, cluster)) != 0)
		return err;
	/* As they were given. */
	client_get(rd_kafka_conf(q->rk), "bootstrap.servers", brokers, sizeof(brokers));
	n = (*cluster)->broker_cnt;
	findings_add(f, FINDING_OK, "brokers", NULL, "the cluster of \"%s\" has %d broker%s",
	    brokers, n, n == 1 ? "" : "s");
	return 0;
}

/* Those settings of the resource that are asked for. */
static void
take_settings(const rd_kafka_ConfigResource_t *resource, struct setting *settings, size_t n)
{
	const rd_kafka_ConfigEntry_t **entry;
	size_t entries;

	entry = rd_kafka_ConfigResource_configs(resource, &entries);
	for (size_t i = 0; i < entries; i++)
		for (struct setting *s = settings; s < settings + n; s++) {
			const char *value = rd_kafka_ConfigEntry_value(entry[i]);

			if (value != NULL &&
			    strcmp(s->name, rd_kafka_ConfigEntry_name(entry[i])) == 0)
				snprintf(s->value, sizeof(s->value), "%s", value);
		}
}

static int
ask_settings(struct inquiry *q, rd_kafka_ResourceType_t type, const char *name,
    struct setting *settings, size_t n, rd_kafka_resp_err_t *error)
{
	rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(type, name);
	const rd_kafka_ConfigResource_t **resource;
	rd_kafka_event_t *event;
	size_t resources;
	int err;

	for (size_t i = 0; i < n; i++)
		settings[i].value[0] = '\0';
	rd_kafka_DescribeConfigs(q->rk, &asked, 1, NULL, q->answers);
	rd_kafka_ConfigResource_destroy(asked);
	if ((err = await(q, &event)) != 0)
		return err;
	if ((*error = rd_kafka_event_error(event)) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		resource = rd_kafka_DescribeConfigs_result_resources(
		    rd_kafka_event_DescribeConfigs_result(event), &resources);
		*error = rd_kafka_ConfigResource_error(resource[0]);
		if (*error == RD_KAFKA_RESP_ERR_NO_ERROR)
			take_settings(resource[0], settings, n);
	}
	rd_kafka_event_destroy(event);
	return 0;
}

/* The broker has gone between the question and the answer. */
static int
is_no_answer(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TRANSPORT ||
	       error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
	       error == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

int
inquiry_settings(struct inquiry *q, rd_kafka_ResourceType_t type, const char *name,
    struct setting *settings, size_t n, rd_kafka_resp_err_t *error)
{
	int err;

	do
		err = ask_settings(q, type, name, settings, n, error);
	while (err == 0 && q->is_patient && is_no_answer(*error));
	return err;
}

int
inquiry_create(
    struct inquiry *q, rd_kafka_NewTopic_t *wish, rd_kafka_resp_err_t *error, char reason[512])
{
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(
	    q->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	const rd_kafka_topic_result_t **one;
	rd_kafka_event_t *event;
	const char *text;
	char ignored[64];
	size_t n;
	int err;

	rd_kafka_AdminOptions_set_validate_only(options, 1, ignored, sizeof(ignored));
	rd_kafka_CreateTopics(q->rk, &wish, 1, options, q->answers);
	rd_kafka_AdminOptions_destroy(options);
	if ((err = await(q, &event)) != 0)
		return err;
	*error = rd_kafka_event_error(event);
	text = rd_kafka_event_error_string(event);
	if (*error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		one = rd_kafka_CreateTopics_result_topics(
		    rd_kafka_event_CreateTopics_result(event), &n);
		*error = rd_kafka_topic_result_error(one[0]);
		text = rd_kafka_topic_result_error_string(one[0]);
	}
	if (text == NULL)
		text = rd_kafka_err2str(*error);
	n = strlen(text);
	snprintf(reason, 512, "%.*s", (int)(n > 0 && text[n - 1] == '.' ? n - 1 : n), text);
	rd_kafka_event_destroy(event);
	return 0;
}

/* Bytes that no compression makes fewer. */
static char *
noise(size_t n)
{
	char *bytes = malloc(n);
	ssize_t got;

	for (size_t filled = 0; bytes != NULL && filled < n; filled += (size_t)got)
		if ((got = getrandom(bytes + filled, n - filled, 0)) < 0) {
			if (errno != EINTR) {
				free(bytes);
				return NULL;
			}
			got = 0;
		}
	return bytes;
}

static rd_kafka_resp_err_t
send_noise(struct inquiry *q, const char *topic, char *bytes, size_t n)
{
	static char key[] = "pgcdc check";

	return rd_kafka_producev(q->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
	    RD_KAFKA_V_KEY(key, sizeof(key) - 1), RD_KAFKA_V_VALUE(bytes, n),
	    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
}

int
inquiry_write(struct inquiry *q, const char *topic, size_t most_bytes, rd_kafka_resp_err_t *error)
{
	int64_t deadline = loop_now() + PATIENCE;
	rd_kafka_resp_err_t fatal;
	char *bytes;
	int err;

	if ((bytes = noise(most_bytes + 1)) == NULL)
		return log_temporary("out of memory for a message");
	q->is_delivered = 0;
	*error = send_noise(q, topic, bytes, most_bytes + 1);
	free(bytes);
	while (*error == RD_KAFKA_RESP_ERR_NO_ERROR && !q->is_delivered) {
		rd_kafka_flush(q->rk, 0); /* linger no more */
		if ((err = go_on(q, GLANCE, deadline)) != 0)
			return err;
	}
	if (*error == RD_KAFKA_RESP_ERR_NO_ERROR)
		*error = q->delivery;
	if ((fatal = rd_kafka_fatal_error(q->rk, NULL, 0)) != RD_KAFKA_RESP_ERR_NO_ERROR)
		*error = fatal;
	return 0;
}

int
inquiry_read(struct inquiry *q, const char *topic, int32_t partition, rd_kafka_resp_err_t *error)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t deadline = loop_now() + PATIENCE;
	int err = 0;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = RD_KAFKA_OFFSET_END;
	q->is_delivered = 0;
	q->is_reading = 1;
	*error = rd_kafka_assign(q->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	while (err == 0 && *error == RD_KAFKA_RESP_ERR_NO_ERROR && !q->is_delivered)
		err = go_on(q, GLANCE, deadline);
	rd_kafka_assign(q->rk, NULL);
	q->is_reading = 0;
	if (*error == RD_KAFKA_RESP_ERR_NO_ERROR)
		*error = q->delivery;
	return err;
}

int
inquiry_group(struct inquiry *q, const char *group, rd_kafka_resp_err_t *error)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_AlterConsumerGroupOffsets_t *wish;
	const rd_kafka_group_result_t **results;
	rd_kafka_event_t *event;
	size_t n;
	int err;

	rd_kafka_topic_partition_list_add(list, "pgcdc check", 0)->offset = 0;
	wish = rd_kafka_AlterConsumerGroupOffsets_new(group, list);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_AlterConsumerGroupOffsets(q->rk, &wish, 1, NULL, q->answers);
	rd_kafka_AlterConsumerGroupOffsets_destroy(wish);
	if ((err = await(q, &event)) != 0)
		return err;
	if ((*error = rd_kafka_event_error(event)) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
		    rd_kafka_event_AlterConsumerGroupOffsets_result(event), &n);
		if (rd_kafka_group_result_error(results[0]) != NULL)
			*error = rd_kafka_error_code(rd_kafka_group_result_error(results[0]));
		else
			*error = rd_kafka_group_result_partitions(results[0])->elems[0].err;
	}
	rd_kafka_event_destroy(event);
	return 0;
}

int
inquiry_assignor(
    struct inquiry *q, const char *group, struct setting *assignor, rd_kafka_resp_err_t *error)
{
	const rd_kafka_ConsumerGroupDescription_t **groups;
	const char *name = NULL;
	rd_kafka_event_t *event;
	size_t n;
	int err;

	assignor->value[0] = '\0';
	rd_kafka_DescribeConsumerGroups(q->rk, &group, 1, NULL, q->answers);
	if ((err = await(q, &event)) != 0)
		return err;
	if ((*error = rd_kafka_event_error(event)) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		groups = rd_kafka_DescribeConsumerGroups_result_groups(
		    rd_kafka_event_DescribeConsumerGroups_result(event), &n);
		if (rd_kafka_ConsumerGroupDescription_error(groups[0]) != NULL)
			*error = rd_kafka_error_code(
			    rd_kafka_ConsumerGroupDescription_error(groups[0]));
		else
			name = rd_kafka_ConsumerGroupDescription_partition_assignor(groups[0]);
	}
	if (name != NULL)
		snprintf(assignor->value, sizeof(assignor->value), "%s", name);
	rd_kafka_event_destroy(event);
	return 0;
}

static void
take_offsets(rd_kafka_topic_partition_list_t *list, const rd_kafka_topic_partition_list_t *from)
{
	for (int i = 0; i < from->cnt; i++) {
		const rd_kafka_topic_partition_t *p = &from->elems[i];

		rd_kafka_topic_partition_list_set_offset(list, p->topic, p->partition, p->offset);
	}
}

int
inquiry_committed(struct inquiry *q, const char *group, rd_kafka_topic_partition_list_t *list,
    rd_kafka_resp_err_t *error)
{
	rd_kafka_ListConsumerGroupOffsets_t *asked = rd_kafka_ListConsumerGroupOffsets_new(
	    group, list);
	const rd_kafka_group_result_t **results;
	rd_kafka_event_t *event;
	size_t n;
	int err;

	rd_kafka_ListConsumerGroupOffsets(q->rk, &asked, 1, NULL, q->answers);
	rd_kafka_ListConsumerGroupOffsets_destroy(asked);
	if ((err = await(q, &event)) != 0)
		return err;
	if ((*error = rd_kafka_event_error(event)) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		results = rd_kafka_ListConsumerGroupOffsets_result_groups(
		    rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
		if (rd_kafka_group_result_error(results[0]) != NULL)
			*error = rd_kafka_error_code(rd_kafka_group_result_error(results[0]));
		else
			take_offsets(list, rd_kafka_group_result_partitions(results[0]));
	}
	rd_kafka_event_destroy(event);
	return 0;
}

int
inquiry_offsets(struct inquiry *q, rd_kafka_topic_partition_list_t *list)
{
	int64_t deadline = loop_now() + PATIENCE;
	rd_kafka_topic_partition_list_t *asked;
	rd_kafka_resp_err_t error;
	int err = 0;

	do {
		asked = rd_kafka_topic_partition_list_copy(list);
		error = rd_kafka_offsets_for_times(q->rk, asked, PAUSE);
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
			take_offsets(list, asked);
		else
			err = go_on(q, 0, deadline);
		rd_kafka_topic_partition_list_destroy(asked);
	} while (err == 0 && error != RD_KAFKA_RESP_ERR_NO_ERROR);
	return err;
}
