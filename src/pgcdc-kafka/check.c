#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "inquiry.h"
#include "log.h"
#include "loop.h"
#include "produce_options.h"
#include "producer.h"
#include "topic.h"
#include "topics.h"

/* Of a template's topics so many are looked at. */
#define MOST_TOPICS 20

/* The right to write is tried with more than a topic takes, if that is not more than this. */
#define LARGEST_TRY (16 << 20)

struct check {
	const struct produce_options *options;
	struct producer producer;
	struct inquiry inquiry;
	struct findings findings;
	const struct rd_kafka_metadata *cluster;
	char user[CLIENT_USER_SIZE];
};

/* A topic that is there, or would be made. */
struct subject {
	const char *name;
	int replicas;   /* of each partition; 0: not known */
	int in_sync;    /* of the partition that has fewest; -1: there is none yet */
	size_t most;    /* max.message.bytes */
	int least;      /* min.insync.replicas */
	int is_compact; /* its cleanup.policy */
};

#define ADD(c, status, about, remedy, ...) \
	findings_add(&(c)->findings, status, about, remedy, __VA_ARGS__)

static const char *
plural(int n)
{
	return n == 1 ? "" : "s";
}

/* --- what a topic is set to */

static void
judge_size(struct check *c, const struct subject *s)
{
	int fits = c->producer.batch_bytes <= s->most;

	ADD(c, fits ? FINDING_OK : FINDING_BAD, "message_size",
	    fits ? NULL : "raise its max.message.bytes, or lower --batch-bytes",
	    "topic \"%s\" takes batches of %zu bytes, and --batch-bytes is %" PRIu64, s->name,
	    s->most, c->producer.batch_bytes);
}

/* Compaction keeps the last message of each key. */
static void
judge_policy(struct check *c, const struct subject *s)
{
	const struct produce_options *o = c->options;

	if (!s->is_compact && o->tombstones)
		ADD(c, FINDING_NOTE, "cleanup_policy",
		    "set its cleanup.policy to compact, or leave --tombstones out",
		    "topic \"%s\" is not compacted: its tombstones are of no use", s->name);
	else if (!s->is_compact)
		ADD(c, FINDING_OK, "cleanup_policy", NULL, "topic \"%s\" is not compacted",
		    s->name);
	else if (o->key == KEY_NONE)
		ADD(c, FINDING_BAD, "cleanup_policy",
		    "give --key=identity, or set its cleanup.policy to delete",
		    "topic \"%s\" is compacted, and takes no message without a key", s->name);
	else if (o->key != KEY_IDENTITY)
		ADD(c, FINDING_BAD, "cleanup_policy",
		    "give --key=identity, or set its cleanup.policy to delete",
		    "topic \"%s\" is compacted: of each %s it keeps the last change only", s->name,
		    o->key == KEY_TABLE ? "table" : "schema");
	else if (!o->tombstones)
		ADD(c, FINDING_NOTE, "cleanup_policy", "give --tombstones, unless this is wanted",
		    "topic \"%s\" is compacted, and keeps the delete of each row that is gone",
		    s->name);
	else
		ADD(c, FINDING_OK, "cleanup_policy", NULL,
		    "topic \"%s\" is compacted, and rows that are gone get tombstones", s->name);
}

static void
judge_replicas(struct check *c, const struct subject *s)
{
	if (s->replicas > 0 && s->replicas < s->least)
		ADD(c, FINDING_BAD, "replicas",
		    "lower its min.insync.replicas, or give it more replicas",
		    "topic \"%s\" cannot be written to: it has %d replica%s, and "
		    "min.insync.replicas is %d",
		    s->name, s->replicas, plural(s->replicas), s->least);
	else if (s->in_sync >= 0 && s->in_sync < s->least)
		ADD(c, FINDING_BAD, "replicas", "bring back the brokers with the other replicas",
		    "topic \"%s\" cannot be written to: %d of %d replicas are in sync, and "
		    "min.insync.replicas is %d",
		    s->name, s->in_sync, s->replicas, s->least);
	else if (s->replicas == 1)
		ADD(c, FINDING_NOTE, "replicas", "give it three",
		    "topic \"%s\" has one replica: what is lost with its broker is lost", s->name);
	else if (s->replicas > 1 && s->least == 1)
		ADD(c, FINDING_NOTE, "replicas", "set its min.insync.replicas to 2",
		    "what is acknowledged of topic \"%s\" may be on one broker only", s->name);
	else if (s->replicas > 1)
		ADD(c, FINDING_OK, "replicas", NULL,
		    "topic \"%s\" has %d replicas, and %d of them have what is acknowledged",
		    s->name, s->replicas, s->least);
}

static void
judge(struct check *c, const struct subject *s)
{
	judge_size(c, s);
	judge_policy(c, s);
	judge_replicas(c, s);
}

/* --- a topic that is there */

static int
try_writing(struct check *c, const struct subject *s)
{
	rd_kafka_resp_err_t error;
	int err;

	if (s->most > LARGEST_TRY || s->in_sync < s->least) {
		ADD(c, FINDING_NOTE, "write",
		    findings_remedy("look whether %s has WRITE on it", c->user),
		    "whether %s may write to topic \"%s\" was not tried", c->user, s->name);
		return 0;
	}
	if ((err = inquiry_write(&c->inquiry, s->name, s->most, &error)) != 0)
		return err;
	if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		ADD(c, FINDING_OK, "write", NULL, "%s may write to topic \"%s\"", c->user, s->name);
	else if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		ADD(c, FINDING_BAD, "write", findings_remedy("give %s WRITE on it", c->user),
		    "%s may not write to topic \"%s\"", c->user, s->name);
	else if (error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
		ADD(c, FINDING_BAD, "write",
		    findings_remedy(
			"give %s WRITE on it and, before Kafka 3.0, IDEMPOTENT_WRITE on the cluster",
			c->user),
		    "%s may not write to topic \"%s\", nor to any other", c->user, s->name);
	else
		ADD(c, FINDING_BAD, "write", "look into the log of its broker",
		    "topic \"%s\" cannot be written to: %s", s->name, rd_kafka_err2str(error));
	return 0;
}

/* Replicas, and those in sync, of the partition that has fewest. */
static void
count_replicas(struct subject *s, const struct rd_kafka_metadata_topic *t)
{
	for (int i = 0; i < t->partition_cnt; i++) {
		const struct rd_kafka_metadata_partition *p = &t->partitions[i];

		if (i == 0 || p->replica_cnt < s->replicas)
			s->replicas = p->replica_cnt;
		if (i == 0 || p->isr_cnt < s->in_sync)
			s->in_sync = p->isr_cnt;
	}
}

static void
judge_partitions(struct check *c, const struct rd_kafka_metadata_topic *t)
{
	uint64_t wanted = c->options->partitions;
	int n = t->partition_cnt, without = 0;

	for (int i = 0; i < n; i++)
		without += t->partitions[i].leader < 0;
	if (without > 0)
		ADD(c, FINDING_BAD, "topic", "bring back the brokers that have them",
		    "%d of %d partitions of topic \"%s\" have no leader", without, n, t->topic);
	else if (wanted > 0 && (uint64_t)n != wanted)
		ADD(c, FINDING_BAD, "topic", "give what it has, or leave the option out",
		    "topic \"%s\" has %d partition%s, not --partitions=%" PRIu64, t->topic, n,
		    plural(n), wanted);
	else
		ADD(c, FINDING_OK, "topic", NULL, "topic \"%s\" has %d partition%s", t->topic, n,
		    plural(n));
}

static int
check_topic(struct check *c, const struct rd_kafka_metadata_topic *t)
{
	struct setting settings[] = { { .name = "max.message.bytes" },
		{ .name = "min.insync.replicas" }, { .name = "cleanup.policy" } };
	struct subject s = { .name = t->topic };
	rd_kafka_resp_err_t error;
	int err;

	judge_partitions(c, t);
	if ((err = inquiry_settings(
		 &c->inquiry, RD_KAFKA_RESOURCE_TOPIC, t->topic, settings, 3, &error)) != 0)
		return err;
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
		ADD(c, FINDING_NOTE, "settings",
		    findings_remedy("give %s DESCRIBE_CONFIGS on it to see", c->user),
		    "cannot tell whether topic \"%s\" is set right, and may be written to: %s",
		    t->topic, rd_kafka_err2str(error));
		return 0;
	}
	count_replicas(&s, t);
	s.most = strtoul(settings[0].value, NULL, 10);
	s.least = atoi(settings[1].value);
	s.is_compact = strstr(settings[2].value, "compact") != NULL;
	judge(c, &s);
	return try_writing(c, &s);
}

/* --- a topic that is not there */

/* What --topic-config says, else what the broker has. */
static const char *
wanted(const struct produce_options *o, const char *name, const struct setting *broker)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < o->topic_config.n; i++) {
		const char *pair = o->topic_config.item[i];

		if (strncmp(pair, name, len) == 0 && pair[len] == '=')
			return pair + len + 1;
	}
	return broker->value;
}

static int
judge_new(struct check *c, const char *name)
{
	const struct produce_options *o = c->options;
	struct setting settings[] = { { .name = "message.max.bytes" },
		{ .name = "min.insync.replicas" }, { .name = "log.cleanup.policy" },
		{ .name = "default.replication.factor" } };
	struct subject s = { .name = name, .in_sync = -1 };
	rd_kafka_resp_err_t error;
	char id[16];
	int err;

	snprintf(id, sizeof(id), "%d", c->cluster->brokers[0].id);
	if ((err = inquiry_settings(
		 &c->inquiry, RD_KAFKA_RESOURCE_BROKER, id, settings, 4, &error)) != 0)
		return err;
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
		ADD(c, FINDING_NOTE, "settings",
		    findings_remedy("give %s DESCRIBE_CONFIGS on the cluster to see", c->user),
		    "cannot tell how topic \"%s\" would be set: %s", name, rd_kafka_err2str(error));
		return 0;
	}
	s.most = strtoul(wanted(o, "max.message.bytes", &settings[0]), NULL, 10);
	s.least = atoi(wanted(o, "min.insync.replicas", &settings[1]));
	s.is_compact = strstr(wanted(o, "cleanup.policy", &settings[2]), "compact") != NULL;
	s.replicas = o->replication > 0 ? (int)o->replication : atoi(settings[3].value);
	judge(c, &s);
	return 0;
}

/* Would it be made so?  If not, that is bad. */
static int
try_making(struct check *c, const char *name, const struct topic_wish *wish, int *would)
{
	rd_kafka_NewTopic_t *made;
	rd_kafka_resp_err_t error;
	char reason[512];
	int err;

	if ((err = topics_wish(&made, wish, name)) != 0)
		return err;
	err = inquiry_create(&c->inquiry, made, &error, reason);
	rd_kafka_NewTopic_destroy(made);
	if (err != 0)
		return err;
	*would = error == RD_KAFKA_RESP_ERR_NO_ERROR;
	switch (error) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		ADD(c, FINDING_OK, "topic", NULL, "topic \"%s\" is not there, and would be made",
		    name);
		return 0;
	case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
		ADD(c, FINDING_BAD, "topic",
		    findings_remedy("give %s DESCRIBE and WRITE on it", c->user),
		    "%s may not see topic \"%s\"", c->user, name);
		return 0;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		ADD(c, FINDING_BAD, "topic",
		    findings_remedy("make it, or give %s CREATE and WRITE on it", c->user),
		    "topic \"%s\" does not exist, or %s may not see it, and may not make it", name,
		    c->user);
		return 0;
	default:
		ADD(c, FINDING_BAD, "topic",
		    "change --partitions, --replication-factor or --topic-config",
		    "topic \"%s\" is not there, and could not be made: %s", name, reason);
		return 0;
	}
}

/* --auto-create: would it be made? */
static int
check_new(struct check *c, const char *name)
{
	const struct produce_options *o = c->options;
	const struct topic_wish wish = { .partitions = o->partitions,
		.replication = o->replication,
		.config = o->topic_config };
	int would, err;

	if ((err = try_making(c, name, &wish, &would)) != 0 || !would)
		return err;
	return judge_new(c, name);
}

/* Brokers do not show us a topic that we may not describe; asked for itself they say so. */
static int
check_missing(struct check *c, const char *name)
{
	rd_kafka_resp_err_t error;
	int err;

	if (c->options->auto_create)
		return check_new(c, name);
	if ((err = inquiry_settings(&c->inquiry, RD_KAFKA_RESOURCE_TOPIC, name, NULL, 0, &error)) !=
	    0)
		return err;
	if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		ADD(c, FINDING_BAD, "topic",
		    findings_remedy("make it, or give %s DESCRIBE and WRITE on it", c->user),
		    "topic \"%s\" does not exist, or %s may not see it", name, c->user);
	else
		ADD(c, FINDING_BAD, "topic", "make it, or give --auto-create",
		    "topic \"%s\" does not exist", name);
	return 0;
}

/* --- the topics of --topic */

/* Kafka's own topics begin so, and those of a table only if the template does. */
static int
is_internal(const char *name, const char *template)
{
	return strncmp(name, "__", 2) == 0 && strncmp(template, "__", 2) != 0;
}

static int
check_template(struct check *c)
{
	const char *template = c->options->topic;
	char name[TOPIC_SIZE];
	int n = 0, err;

	for (int i = 0; i < c->cluster->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *t = &c->cluster->topics[i];

		if (!is_internal(t->topic, template) && topic_matches(template, t->topic) &&
		    n++ < MOST_TOPICS && (err = check_topic(c, t)) != 0)
			return err;
	}
	if (n > MOST_TOPICS)
		ADD(c, FINDING_NOTE, "topics", "look at the others with a --topic of their own",
		    "of %d topics that are as \"%s\" the first %d were looked at", n, template,
		    MOST_TOPICS);
	if (c->options->auto_create) {
		if (topic_expand(name, template, "schema", 6, "table", 5) != 0)
			return 0;
		return check_new(c, name);
	}
	ADD(c, n > 0 ? FINDING_OK : FINDING_BAD, "topics",
	    n > 0 ? NULL : "make those of the tables, or give --auto-create",
	    "%d topic%s %s as \"%s\"", n, plural(n), n == 1 ? "is" : "are", template);
	return 0;
}

static int
check_topics(struct check *c)
{
	const char *name = c->options->topic;

	if (topic_is_template(name))
		return check_template(c);
	for (int i = 0; i < c->cluster->topic_cnt; i++)
		if (strcmp(c->cluster->topics[i].topic, name) == 0)
			return check_topic(c, &c->cluster->topics[i]);
	return check_missing(c, name);
}

/* --- the topic of positions */

/* A position that the broker deletes would let everything in again. */
static int
check_positions(struct check *c, const char *name)
{
	const struct topic_wish wish = { .partitions = 1, .replication = c->options->replication };
	struct setting policy = { .name = "cleanup.policy" };
	rd_kafka_resp_err_t error;
	int would, err;

	if ((err = inquiry_settings(
		 &c->inquiry, RD_KAFKA_RESOURCE_TOPIC, name, &policy, 1, &error)) != 0)
		return err;
	if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return try_making(c, name, &wish, &would);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		ADD(c, FINDING_NOTE, "positions",
		    findings_remedy("give %s DESCRIBE_CONFIGS on it to see", c->user),
		    "cannot tell whether topic \"%s\" keeps positions: %s", name,
		    rd_kafka_err2str(error));
	else if (strcmp(policy.value, "compact") != 0)
		ADD(c, FINDING_BAD, "positions", "set it to \"compact\"",
		    "topic \"%s\" has cleanup.policy \"%s\", and positions must be kept", name,
		    policy.value);
	else
		ADD(c, FINDING_OK, "positions", NULL,
		    "topic \"%s\" is compacted, and so keeps positions", name);
	return 0;
}

static int
check_all(struct check *c)
{
	const char *positions = c->options->position_topic;
	int err;

	client_user(c->producer.rk, c->user);
	if ((err = inquiry_cluster(&c->inquiry, &c->findings, &c->cluster)) != 0)
		return err;
	if ((err = check_topics(c)) == 0 && positions != NULL)
		err = check_positions(c, positions);
	rd_kafka_metadata_destroy(c->cluster);
	return err;
}

int
check_produce(const struct produce_options *o)
{
	/*
	 * One refused message is not to end it all, as it does not when there are dead letters; and
	 * who has the transactional id now shall keep it.
	 */
	struct produce_options options = *o;
	struct check c = { .options = &options, .findings.as_json = o->check.as_json };
	int err;

	options.dead_letter = "";
	options.transactional_id = NULL;
	loop_start();
	if ((err = producer_open(&c.producer, &options, 0)) == 0) {
		inquiry_open(&c.inquiry, c.producer.rk, c.producer.queue);
		err = check_all(&c);
		inquiry_close(&c.inquiry);
	}
	producer_close(&c.producer);
	return findings_end(&c.findings, err);
}
