#include <string.h>

#include "ack.h"
#include "append.h"
#include "consume_options.h"
#include "instant.h"
#include "log.h"
#include "topic.h"

#define SECOND INT64_C(1000000)
#define MIB (UINT64_C(1) << 20)
#define NOT_GIVEN (-1)

/* Options whose text is looked at after all of them were read. */
struct texts {
	const char *start;
	enum append_kind foreign;
	/* pgstream's five: two kinds of backoff, of which one may be given. */
	int64_t first, most, constant;
	uint64_t retries, constant_retries;
};

/*
 * What a consumer has, unless -X says otherwise: damage is looked for in what is read, and topics
 * that are new or gone more often than every five minutes.
 */
static const struct client_property defaults[] = {
	{ "topic.metadata.refresh.interval.ms", "30000" },
	{ "check.crcs", "true" },
	{ .name = NULL },
};

/* librdkafka refuses a list with doubles, and does not say why. */
static int
is_named_before(const struct opt_list *topics, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(topics->item[i], topics->item[n]) == 0)
			return 1;
	return 0;
}

static int
check_topics(const struct opt_list *topics)
{
	int err = 0;

	if (topics->n == 0)
		return log_permanent("no topic is named; give one with --topic");
	for (size_t i = 0; err == 0 && i < topics->n; i++) {
		if (is_named_before(topics, i))
			return log_permanent(
			    "--topic names \"%s\" twice; give it once", topics->item[i]);
		if (topics->item[i][0] == '^')
			continue;
		if (topic_is_template(topics->item[i]))
			return log_permanent("\"%s\" is a template of topics; give --topic their "
					     "names, or a pattern that begins with \"^\"",
			    topics->item[i]);
		err = topic_check(topics->item[i]);
	}
	return err;
}

static int
check_start(struct consume_options *o, const char *start)
{
	if (strcmp(start, "earliest") == 0)
		o->start = START_EARLIEST;
	else if (strcmp(start, "latest") == 0)
		o->start = START_LATEST;
	else if (instant_parse(&o->start_time, start) == 0)
		o->start = START_TIME;
	else
		return log_permanent("invalid value \"%s\" for option \"--start\"; expected "
				     "\"earliest\", \"latest\", a time such as "
				     "2026-11-21T08:30:00Z, or @ and milliseconds since 1970",
		    start);
	return 0;
}

static int
check_backoff(struct consume_options *o, const struct texts *t)
{
	int doubles = t->first != NOT_GIVEN || t->most != NOT_GIVEN || t->retries != 0;

	if (t->constant_retries != 0 && t->constant == NOT_GIVEN)
		return log_permanent("--commit-backoff-max-retries needs "
				     "--commit-backoff-interval");
	if (doubles && t->constant != NOT_GIVEN)
		return log_permanent("the options --commit-exp-backoff-... and "
				     "--commit-backoff-... exclude each other");
	if (t->constant != NOT_GIVEN) {
		o->backoff = (struct backoff_options){ t->constant, t->constant,
			t->constant_retries };
		return 0;
	}
	o->backoff = (struct backoff_options){ SECOND / 2, 60 * SECOND, t->retries };
	if (t->first != NOT_GIVEN)
		o->backoff.first = t->first;
	if (t->most != NOT_GIVEN)
		o->backoff.most = t->most;
	if (o->backoff.first > o->backoff.most)
		return log_permanent("--commit-exp-backoff-initial-interval must not be above "
				     "--commit-exp-backoff-max-interval");
	return 0;
}

static int
is_number(const char *s)
{
	return *s != '\0' && strlen(s) <= 20 && strspn(s, "0123456789") == strlen(s);
}

static int
check(struct consume_options *o, const struct texts *texts)
{
	int err;

	if (o->group == NULL)
		return log_permanent("no group is named; give one with --group");
	if ((err = check_topics(&o->topics)) != 0)
		return err;
	if (o->system_identifier != NULL && !is_number(o->system_identifier))
		return log_permanent("invalid value \"%s\" for option \"--system-identifier\"; "
				     "expected the digits that \"pg_controldata\" shows",
		    o->system_identifier);
	if ((err = check_start(o, texts->start)) != 0 ||
	    (err = append_check("--foreign", texts->foreign, o->dead_letter)) != 0 ||
	    (err = ack_check_wait_for(&o->wait_for, o->ack)) != 0)
		return err;
	if (o->check.as_json && !o->check.wanted)
		return log_permanent("--json needs --check");
	return check_backoff(o, texts);
}

int
consume_options_have_fifo(const struct consume_options *o)
{
	return o->ack != NULL && strcmp(o->ack, "stdout") != 0;
}

int
consume_options_parse(struct consume_options *o, int argc, char **argv)
{
	static struct texts texts = {
		.start = "earliest", .first = NOT_GIVEN, .most = NOT_GIVEN, .constant = NOT_GIVEN
	};

	*o = (struct consume_options){
		.client.defaults = defaults,
		.reset = RESET_STOP,
		.max_unacked = 100000,
		.batch_size = 1000,
		.batch_bytes = MIB,
		.queue_bytes = 32 * MIB,
		.commit_interval = SECOND,
		.revoke_timeout = 10 * SECOND,
		.shutdown_timeout = 30 * SECOND,
	};
	const struct opt table[] = {
		CLIENT_OPTIONS(&o->client),
		{ "group", 'G', OPT_STRING, &o->group, "NAME", "consumer group to join", 0, 0 },
		{ "topic", 't', OPT_LIST, &o->topics, "TOPIC,...",
		    "topics to read, or patterns that begin with ^", 0, 0 },
		{ "start", 0, OPT_STRING, &texts.start, "earliest|latest|TIME",
		    "where the group has committed nothing (default: earliest)", 0, 0 },
		{ "reset", 0, OPT_CHOICE, &o->reset, "earliest|latest",
		    "go on there when an offset is gone (default: stop)", 0, 0 },
		{ "with-origin", 0, OPT_FLAG, &o->with_origin, NULL,
		    "add to each line where in Kafka it comes from", 0, 0 },
		{ "system-identifier", 0, OPT_STRING, &o->system_identifier, "N",
		    "cluster of the stream (default: that of the first message)", 0, 0 },
		{ "drain", 0, OPT_FLAG, &o->drain, NULL,
		    "end when all that is in the topics now was read", 0, 0 },
		{ "ack", 0, OPT_STRING, &o->ack, "PATH",
		    "FIFO of the acks, or \"stdout\" (default: nothing is committed)", 0, 0 },
		{ "wait-for", 0, OPT_LIST, &o->wait_for, "NAME,...",
		    "sinks that must acknowledge (default: one of any name)", 0, 0 },
		{ "max-unacked", 0, OPT_COUNT, &o->max_unacked, "N",
		    "most messages that wait for their acks (default: 100000)", 1, 100000000 },
		{ "batch-size", 0, OPT_COUNT, &o->batch_size, "N",
		    "most messages between two tokens (default: 1000)", 1, 1000000 },
		{ "batch-bytes", 0, OPT_SIZE, &o->batch_bytes, "SIZE",
		    "most bytes between two tokens (default: 1MiB)", 1, INT64_C(1) << 40 },
		{ "queue-bytes", 0, OPT_SIZE, &o->queue_bytes, "SIZE",
		    "memory for messages that are fetched ahead (default: 32MiB)", 1 << 20,
		    INT64_C(1) << 31 },
		{ "commit-interval", 0, OPT_DURATION, &o->commit_interval, "TIME",
		    "time between commits (default: 1s)", SECOND / 100, 3600 * SECOND },
		{ "commit-exp-backoff-initial-interval", 0, OPT_DURATION, &texts.first, "TIME",
		    "pause after a commit that failed (default: 500ms)", 1000, 3600 * SECOND },
		{ "commit-exp-backoff-max-interval", 0, OPT_DURATION, &texts.most, "TIME",
		    "doubled each time up to this (default: 1min)", 1000, 3600 * SECOND },
		{ "commit-exp-backoff-max-retries", 0, OPT_COUNT, &texts.retries, "N",
		    "give up after so many (default: 0, never)", 0, 1000000 },
		{ "commit-backoff-interval", 0, OPT_DURATION, &texts.constant, "TIME",
		    "instead: always the same pause", 1000, 3600 * SECOND },
		{ "commit-backoff-max-retries", 0, OPT_COUNT, &texts.constant_retries, "N",
		    "give up after so many (default: 0, never)", 0, 1000000 },
		{ "revoke-timeout", 0, OPT_DURATION, &o->revoke_timeout, "TIME",
		    "longest wait for acks before a partition is given up (default: 10s)", 0,
		    240 * SECOND },
		{ "foreign", 0, OPT_CHOICE, &texts.foreign, "stop|dead-letter",
		    "what is no event (default: stop)", 0, 0 },
		{ "dead-letter", 0, OPT_STRING, &o->dead_letter, "FILE", "where it goes then", 0,
		    0 },
		{ "shutdown-timeout", 0, OPT_DURATION, &o->shutdown_timeout, "TIME",
		    "longest wait for the last acks (default: 30s)", 0, 3600 * SECOND },
		CHECK_OPTIONS(&o->check),
		{ .name = NULL },
	};
	const struct opt_program program = {
		.name = "pgcdc-kafka consume",
		.prefix = "PGCDC_KAFKA_CONSUME_",
		.usage = "",
		.purpose = "topics of Kafka as event lines on standard output",
		.options = table,
	};
	int err;

	if ((err = opt_parse(&program, argc, argv, NULL)) != 0)
		return err;
	return check(o, &texts);
}
