#include <stdio.h>
#include <string.h>

#include "ack.h"
#include "append.h"
#include "log.h"
#include "produce_options.h"
#include "topic.h"

#define SECOND INT64_C(1000000)
#define NOT_GIVEN (-1)
#define MIB (UINT64_C(1) << 20)

/* A sink's version of a row is 2^52 for each epoch and the LSN: one more, and it is no int64_t. */
#define LAST_EPOCH 2047

/* What a producer has, unless an option or -X says otherwise. */
static const struct client_property defaults[] = {
	{ "linger.ms", "10" },
	{ "batch.size", "1000000" },
	{ "batch.num.messages", "10000" },
	{ "compression.codec", "lz4" },
	{ .name = NULL },
};

/* The topic of positions has the id in its name, so that nobody else writes there. */
static int
check_transactions(struct produce_options *o)
{
	static char topic[TOPIC_SIZE];
	int needs = o->position_topic != NULL || o->split_large || o->transaction_timeout > 0 ||
	            o->transaction_interval != NOT_GIVEN;

	if (o->transaction_interval == NOT_GIVEN)
		o->transaction_interval = SECOND / 2;
	if (o->transactional_id == NULL)
		return needs ? log_permanent("--position-topic, --split-large, "
					     "--transaction-interval and --transaction-timeout "
					     "need --transactional-id")
		             : 0;
	if (o->dead_letter != NULL)
		return log_permanent("--oversize=dead-letter is not for --transactional-id: a file "
				     "is no part of a transaction");
	if (o->position_topic == NULL) {
		if (!topic_may_have(o->transactional_id))
			return log_permanent("transactional id \"%s\" has characters that the name "
					     "of a topic cannot have; give --position-topic",
			    o->transactional_id);
		if ((size_t)snprintf(topic, sizeof(topic), "pgcdc-position-%s",
			o->transactional_id) >= sizeof(topic))
			return log_permanent("the transactional id is too long for the name of a "
					     "topic; give --position-topic");
		o->position_topic = topic;
	}
	if (topic_is_template(o->position_topic))
		return log_permanent("--position-topic may not be a template");
	return topic_check(o->position_topic);
}

static int
check(struct produce_options *o, enum append_kind oversize)
{
	int err;

	if (o->topic == NULL)
		return log_permanent("no topic is named; give one with --topic");
	if ((err = topic_check(o->topic)) != 0)
		return err;
	if (o->schemas != NULL && o->format != FORMAT_PGSTREAM_V0)
		return log_permanent("--schemas=FILE needs --format=pgstream-v0");
	if (o->schemas != NULL && o->transactional_id != NULL)
		return log_permanent(
		    "--schemas=FILE is not for --transactional-id: a file is no part "
		    "of a transaction of Kafka");
	if (o->dead_letter != NULL && o->format != FORMAT_PGCDC)
		return log_permanent(
		    "--dead-letter=FILE needs --format=pgcdc: it holds event lines");
	if (o->tombstones && o->key != KEY_IDENTITY)
		return log_permanent("--tombstones needs --key=identity");
	if (!o->auto_create && (o->partitions > 0 || o->replication > 0 || o->topic_config.n > 0))
		return log_permanent("--partitions, --replication-factor and --topic-config need "
				     "--auto-create");
	if ((err = ack_check_name(o->ack_name)) != 0 ||
	    (err = append_check("--oversize", oversize, o->dead_letter)) != 0)
		return err;
	if (o->check.as_json && !o->check.wanted)
		return log_permanent("--json needs --check");
	return check_transactions(o);
}

int
produce_options_parse(struct produce_options *o, int argc, char **argv)
{
	enum append_kind oversize = APPEND_STOP;

	*o = (struct produce_options){
		.client.defaults = defaults,
		.headers = HEADERS_ORIGIN,
		.linger = NOT_GIVEN,
		.queue_bytes = 16 * MIB,
		.ack_name = "kafka",
		.transaction_interval = NOT_GIVEN,
		OPT_INPUT_DEFAULTS,
	};
	const struct opt table[] = {
		CLIENT_OPTIONS(&o->client),
		{ "topic", 't', OPT_STRING, &o->topic, "TOPIC",
		    "where to, with %{schema} and %{table} a topic for each table", 0, 0 },
		{ "key", 0, OPT_CHOICE, &o->key, "schema|table|identity|none",
		    "what keeps its order (default: schema)", 0, 0 },
		{ "headers", 0, OPT_CHOICE, &o->headers, "none|origin|all",
		    "headers of messages (default: origin)", 0, 0 },
		{ "format", 0, OPT_CHOICE, &o->format, "pgcdc|pgstream-v0|pgstream-v1|wal2json",
		    "the form of values (default: pgcdc)", 0, 0 },
		{ "schemas", 0, OPT_STRING, &o->schemas, "FILE",
		    "where pgstream-v0 keeps the schemas", 0, 0 },
		{ "tombstones", 0, OPT_FLAG, &o->tombstones, NULL,
		    "behind each delete, a message without a value", 0, 0 },
		{ "auto-create", 0, OPT_FLAG, &o->auto_create, NULL, "make topics that are missing",
		    0, 0 },
		{ "partitions", 0, OPT_COUNT, &o->partitions, "N",
		    "of topics that we make (default: the broker's)", 1, 100000 },
		{ "replication-factor", 0, OPT_COUNT, &o->replication, "N",
		    "of topics that we make (default: the broker's)", 1, 1000 },
		{ "topic-config", 0, OPT_PAIR, &o->topic_config, "NAME=VALUE",
		    "setting of topics that we make; repeated", 0, 0 },
		{ "linger", 0, OPT_DURATION, &o->linger, "TIME",
		    "wait so long for a batch to fill (default: 10ms)", 0, 900 * SECOND },
		{ "batch-bytes", 0, OPT_SIZE, &o->batch_bytes, "SIZE",
		    "largest batch of messages (default: 1000000)", 1000, INT32_MAX },
		{ "batch-size", 0, OPT_COUNT, &o->batch_size, "N",
		    "most messages in a batch (default: 10000)", 1, 1000000 },
		{ "queue-bytes", 0, OPT_SIZE, &o->queue_bytes, "SIZE",
		    "memory for messages on their way (default: 16MiB)", 64 * 1024,
		    INT64_C(1) << 40 },
		{ "compression", 'z', OPT_WORD, &o->compression, "none|lz4|zstd|gzip|snappy",
		    "of batches (default: lz4)", 0, 0 },
		{ "transactional-id", 0, OPT_STRING, &o->transactional_id, "ID",
		    "exactly once: write whole transactions, under this name", 0, 0 },
		{ "position-topic", 0, OPT_STRING, &o->position_topic, "TOPIC",
		    "where the position is kept (default: pgcdc-position-ID)", 0, 0 },
		{ "transaction-interval", 0, OPT_DURATION, &o->transaction_interval, "TIME",
		    "under load, commit so often (default: 500ms)", 0, 60 * SECOND },
		{ "transaction-timeout", 0, OPT_DURATION, &o->transaction_timeout, "TIME",
		    "longest transaction (default: the brokers' maximum)", SECOND,
		    INT32_MAX * INT64_C(1000) },
		{ "split-large", 0, OPT_FLAG, &o->split_large, NULL,
		    "commit what takes longer than that in parts", 0, 0 },
		{ "epoch", 0, OPT_COUNT, &o->epoch, "N",
		    "number of the cluster, raised when it is another one (default: 0)", 0,
		    LAST_EPOCH },
		{ "oversize", 0, OPT_CHOICE, &oversize, "stop|dead-letter",
		    "what the broker refuses as too large (default: stop)", 0, 0 },
		{ "dead-letter", 0, OPT_STRING, &o->dead_letter, "FILE", "where it goes then", 0,
		    0 },
		OPT_ACK(o, "kafka"),
		OPT_INPUT(o),
		CHECK_OPTIONS(&o->check),
		{ .name = NULL },
	};
	const struct opt_program program = {
		.name = "pgcdc-kafka produce",
		.prefix = "PGCDC_KAFKA_PRODUCE_",
		.usage = "",
		.purpose = "send event lines from standard input to Kafka",
		.options = table,
	};
	int err;

	if ((err = opt_parse(&program, argc, argv, NULL)) != 0)
		return err;
	return check(o, oversize);
}
