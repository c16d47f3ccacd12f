#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "check_consume.h"
#include "findings.h"
#include "inquiry.h"
#include "log.h"
#include "loop.h"

struct check {
	const struct check_consume *options;
	rd_kafka_t *rk;
	struct inquiry inquiry;
	struct findings findings;
	const struct rd_kafka_metadata *cluster;
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
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		findings_add(&c->findings, FINDING_OK, "topic", NULL,
		    "%s may read topic \"%s\", which has %d partition%s", c->user, t->topic,
		    t->partition_cnt, t->partition_cnt == 1 ? "" : "s");
	else if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
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

static int
check_group(struct check *c)
{
	const char *group = c->options->group;
	rd_kafka_resp_err_t error;
	int err;

	if ((err = inquiry_group(&c->inquiry, group, &error)) != 0)
		return err;
	if (error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		findings_add(&c->findings, FINDING_BAD, "group",
		    findings_remedy("give %s READ on it", c->user),
		    "%s may not commit positions of group \"%s\"", c->user, group);
	else
		findings_add(&c->findings, FINDING_OK, "group", NULL,
		    "%s may commit positions of group \"%s\"", c->user, group);
	return 0;
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
		err = check_all(&c);
		inquiry_close(&c.inquiry);
		rd_kafka_queue_destroy(events);
		rd_kafka_destroy(c.rk);
	}
	return findings_end(&c.findings, err);
}
