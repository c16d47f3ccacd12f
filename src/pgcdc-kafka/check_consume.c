#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "check_consume.h"
#include "findings.h"
#include "inquiry.h"
#include "log.h"
#include "loop.h"

/* How a run shares partitions, as consumer.c sets it. */
#define ASSIGNOR "cooperative-sticky"

struct check {
	const struct check_consume *options;
	rd_kafka_t *rk;
	struct inquiry inquiry;
	struct findings findings;
	const struct rd_kafka_metadata *cluster;
	rd_kafka_topic_partition_list_t *readable;
	char user[CLIENT_USER_SIZE];
};

/* A partition without leader would be waited for in vain. */
static int
has_leaders(const struct rd_kafka_metadata_topic *t)
{
	for (int i = 0; i < t->partition_cnt; i++)
		if (t->partitions[i].leader < 0)
			return 0;
	return t->partition_cnt > 0;
}

/* Of a topic that several of --topic are about, once. */
static void
add_readable(struct check *c, const struct rd_kafka_metadata_topic *t)
{
	for (int i = 0; i < t->partition_cnt; i++)
		if (rd_kafka_topic_partition_list_find(
			c->readable, t->topic, t->partitions[i].id) == NULL)
			rd_kafka_topic_partition_list_add(
			    c->readable, t->topic, t->partitions[i].id);
}

static int
check_topic(struct check *c, const struct rd_kafka_metadata_topic *t)
{
	rd_kafka_resp_err_t error;
	int err;

	if (!has_leaders(t)) {
		findings_add(&c->findings, FINDING_BAD, "topic",
		    "bring back the brokers that have them",
		    "partitions of topic \"%s\" have no leader", t->topic);
		return 0;
	}
	if ((err = inquiry_read(&c->inquiry, t->topic, t->partitions[0].id, &error)) != 0)
		return err;
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		add_readable(c, t);
		findings_add(&c->findings, FINDING_OK, "topic", NULL,
		    "%s may read topic \"%s\", which has %d partition%s", c->user, t->topic,
		    t->partition_cnt, t->partition_cnt == 1 ? "" : "s");
	} else if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		findings_add(&c->findings, FINDING_BAD, "topic",
		    findings_remedy("give %s READ on it", c->user), "%s may not read topic \"%s\"",
		    c->user, t->topic);
	else
		findings_add(&c->findings, FINDING_BAD, "topic", "look into the log of its broker",
		    "topic \"%s\" cannot be read: %s", t->topic, rd_kafka_err2str(error));
	return 0;
}

/* Brokers do not show us a topic that we may not describe; asked for itself they say so. */
static int
check_missing(struct check *c, const char *name)
{
	rd_kafka_resp_err_t error;
	int err;

	if (*name == '^') {
		findings_add(&c->findings, FINDING_BAD, "topic",
		    findings_remedy("look whether it is right, and give %s READ on them", c->user),
		    "no topic that %s may see is as \"%s\"", c->user, name);
		return 0;
	}
	if ((err = inquiry_settings(&c->inquiry, RD_KAFKA_RESOURCE_TOPIC, name, NULL, 0, &error)) !=
	    0)
		return err;
	if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		findings_add(&c->findings, FINDING_BAD, "topic",
		    findings_remedy("make it, or give %s READ on it", c->user),
		    "topic \"%s\" does not exist, or %s may not see it", name, c->user);
	else
		findings_add(&c->findings, FINDING_BAD, "topic", "look whether its name is right",
		    "topic \"%s\" does not exist", name);
	return 0;
}

/* librdkafka takes what begins with '^' as an extended regular expression, too. */
static int
check_name(struct check *c, const char *name)
{
	regex_t pattern;
	int n = 0, err = 0;

	if (*name == '^' && regcomp(&pattern, name, REG_EXTENDED | REG_NOSUB) != 0)
		return log_permanent("invalid pattern \"%s\" for option \"--topic\"", name);
	for (int i = 0; err == 0 && i < c->cluster->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *t = &c->cluster->topics[i];

		if (*name == '^' ? regexec(&pattern, t->topic, 0, NULL, 0) == 0
				 : strcmp(name, t->topic) == 0) {
			n++;
			err = check_topic(c, t);
		}
	}
	if (*name == '^')
		regfree(&pattern);
	return err != 0 || n > 0 ? err : check_missing(c, name);
}

/* All members have to share partitions in the same way. */
static int
check_assignor(struct check *c)
{
	struct setting assignor = { .name = "partition.assignment.strategy" };
	const char *group = c->options->group;
	rd_kafka_resp_err_t error;
	int err;

	if ((err = inquiry_assignor(&c->inquiry, group, &assignor, &error)) != 0)
		return err;
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		findings_add(&c->findings, FINDING_NOTE, "assignor",
		    findings_remedy("give %s DESCRIBE on it to see", c->user),
		    "cannot tell how the members of group \"%s\" share partitions: %s", group,
		    rd_kafka_err2str(error));
	else if (strcmp(assignor.value, ASSIGNOR) == 0)
		findings_add(&c->findings, FINDING_OK, "assignor", NULL,
		    "the members of group \"%s\" share partitions by \"" ASSIGNOR "\", as we do",
		    group);
	else if (assignor.value[0] != '\0')
		findings_add(&c->findings, FINDING_BAD, "assignor",
		    "give --group a name of its own",
		    "the members of group \"%s\" share partitions by \"%s\", not \"" ASSIGNOR "\"",
		    group, assignor.value);
	return 0;
}

static void
judge_offset(struct check *c, const rd_kafka_topic_partition_t *p, int64_t first, int64_t end)
{
	if (p->offset >= first && p->offset <= end)
		return;
	findings_add(&c->findings, c->options->resets ? FINDING_NOTE : FINDING_BAD, "offset",
	    c->options->resets ? NULL : "go on with --reset=earliest or --reset=latest",
	    "offset %lld of topic \"%s\" partition %d, which group \"%s\" has committed, is gone: "
	    "there are %lld up to %lld",
	    (long long)p->offset, p->topic, (int)p->partition, c->options->group, (long long)first,
	    (long long)end);
}

/* The same partitions, to be asked for another offset. */
static rd_kafka_topic_partition_list_t *
copy_with(const rd_kafka_topic_partition_list_t *list, int64_t offset)
{
	rd_kafka_topic_partition_list_t *copy = rd_kafka_topic_partition_list_copy(list);

	for (int i = 0; i < copy->cnt; i++)
		copy->elems[i].offset = offset;
	return copy;
}

/* Is what the group goes on with still in the log? */
static int
check_range(struct check *c, const rd_kafka_topic_partition_list_t *committed)
{
	rd_kafka_topic_partition_list_t *first = copy_with(committed, RD_KAFKA_OFFSET_BEGINNING);
	rd_kafka_topic_partition_list_t *end = copy_with(committed, RD_KAFKA_OFFSET_END);
	int err;

	if ((err = inquiry_offsets(&c->inquiry, first)) == 0 &&
	    (err = inquiry_offsets(&c->inquiry, end)) == 0)
		for (int i = 0; i < committed->cnt; i++)
			judge_offset(
			    c, &committed->elems[i], first->elems[i].offset, end->elems[i].offset);
	rd_kafka_topic_partition_list_destroy(first);
	rd_kafka_topic_partition_list_destroy(end);
	return err;
}

static int
check_offsets(struct check *c)
{
	rd_kafka_topic_partition_list_t *list = c->readable;
	rd_kafka_resp_err_t error;
	int err;

	if (list->cnt == 0)
		return 0;
	if ((err = inquiry_committed(&c->inquiry, c->options->group, list, &error)) != 0)
		return err;
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
		findings_add(&c->findings, FINDING_NOTE, "offset",
		    findings_remedy("give %s DESCRIBE on it to see", c->user),
		    "cannot tell what group \"%s\" has committed: %s", c->options->group,
		    rd_kafka_err2str(error));
		return 0;
	}
	for (int i = list->cnt - 1; i >= 0; i--)
		if (list->elems[i].offset < 0)
			rd_kafka_topic_partition_list_del_by_idx(list, i);
	return list->cnt > 0 ? check_range(c, list) : 0;
}

static int
check_group(struct check *c)
{
	const char *group = c->options->group;
	rd_kafka_resp_err_t error;
	int err;

	if ((err = inquiry_group(&c->inquiry, group, &error)) != 0)
		return err;
	if (error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
		findings_add(&c->findings, FINDING_BAD, "group",
		    findings_remedy("give %s READ on it", c->user),
		    "%s may not commit positions of group \"%s\"", c->user, group);
		return 0;
	}
	findings_add(&c->findings, FINDING_OK, "group", NULL,
	    "%s may commit positions of group \"%s\"", c->user, group);
	if ((err = check_assignor(c)) != 0)
		return err;
	return check_offsets(c);
}

static int
check_all(struct check *c)
{
	int err;

	client_user(c->rk, c->user);
	if ((err = inquiry_cluster(&c->inquiry, &c->findings, &c->cluster)) != 0)
		return err;
	for (size_t i = 0; err == 0 && i < c->options->topics->n; i++)
		err = check_name(c, c->options->topics->item[i]);
	rd_kafka_metadata_destroy(c->cluster);
	return err != 0 ? err : check_group(c);
}

static int
configure(rd_kafka_conf_t *conf, const char *group)
{
	const struct {
		const char *name, *value;
	} properties[] = {
		{ "group.id", group },
		{ "enable.auto.commit", "false" },
		{ "enable.partition.eof", "true" },
	};
	int err;

	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
		if ((err = client_set(conf, properties[i].name, properties[i].value)) != 0)
			return err;
	rd_kafka_conf_set_events(
	    conf, RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
	return 0;
}

static int
open_consumer(struct check *c)
{
	const struct check_consume *o = c->options;
	rd_kafka_conf_t *conf;
	char error[512];
	int err;

	if ((err = client_configure(&conf, o->client, o->rules)) != 0)
		return err;
	if ((err = configure(conf, o->group)) != 0) {
		rd_kafka_conf_destroy(conf);
		return err;
	}
	if ((c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error))) == NULL) {
		rd_kafka_conf_destroy(conf);
		return log_permanent("could not set up Kafka's consumer: %s", error);
	}
	rd_kafka_set_log_queue(c->rk, NULL);
	rd_kafka_poll_set_consumer(c->rk);
	return 0;
}

int
check_consume(const struct check_consume *options)
{
	struct check c = { .options = options, .findings.as_json = options->as_json };
	rd_kafka_queue_t *events;
	int err;

	loop_start();
	if ((err = open_consumer(&c)) == 0) {
		events = rd_kafka_queue_get_consumer(c.rk);
		inquiry_open(&c.inquiry, c.rk, events);
		c.readable = rd_kafka_topic_partition_list_new(0);
		err = check_all(&c);
		rd_kafka_topic_partition_list_destroy(c.readable);
		inquiry_close(&c.inquiry);
		rd_kafka_queue_destroy(events);
		rd_kafka_destroy(c.rk);
	}
	return findings_end(&c.findings, err);
}
