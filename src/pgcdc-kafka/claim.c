#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim.h"
#include "client.h"
#include "inquiry.h"
#include "log.h"
#include "loop.h"
#include "lsn.h"

/* Milliseconds for an answer of the broker before the producer's events are served again. */
#define PATIENCE 250

/* Clients that only look: one sees what is not decided, the other what is committed. */
struct lookers {
	struct claim *claim;
	rd_kafka_t *asker, *reader;
};

static int
make_looker(rd_kafka_t **rk, const struct produce_options *o, const char *isolation)
{
	static const struct client_rule no_rules[] = { { .name = NULL } };
	rd_kafka_conf_t *conf;
	char error[512];
	int err;

	if ((err = client_configure(&conf, &o->client, no_rules)) != 0)
		return err;
	if ((err = client_set(conf, "isolation.level", isolation)) == 0 &&
	    (err = client_set(conf, "enable.partition.eof", "true")) == 0 &&
	    (err = client_set(conf, "check.crcs", "true")) == 0 &&
	    (err = client_set(conf, "log.queue", "false")) == 0) {
		rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
		*rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
		if (*rk != NULL)
			return 0;
		err = log_permanent("could not set up Kafka's consumer: %s", error);
	}
	rd_kafka_conf_destroy(conf);
	return err;
}

static int
judge_events(rd_kafka_t *rk)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_main(rk);
	rd_kafka_event_t *event;
	int err = 0;

	while (err == 0 && (event = rd_kafka_queue_poll(queue, 0)) != NULL) {
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
			err = client_judge(
			    rk, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
		rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
	return err;
}

static int
serve_all(void *context)
{
	struct lookers *l = context;
	int err;

	if ((err = judge_events(l->asker)) != 0 || (err = judge_events(l->reader)) != 0)
		return err;
	return l->claim->serve(l->claim->context);
}

/* A setting of a topic or, without a name, of any broker; *error: why it is not told. */
static int
ask(rd_kafka_t *asker, const char *topic, struct setting *setting, rd_kafka_resp_err_t *error)
{
	rd_kafka_queue_t *events = rd_kafka_queue_get_main(asker);
	const struct rd_kafka_metadata *cluster;
	struct inquiry q;
	char broker[16];
	int err = 0;

	inquiry_open(&q, asker, events);
	q.is_patient = 1;
	if (topic == NULL && (err = inquiry_metadata(&q, 0, &cluster)) == 0) {
		snprintf(broker, sizeof(broker), "%d", cluster->brokers[0].id);
		rd_kafka_metadata_destroy(cluster);
	}
	if (err == 0)
		err = inquiry_settings(&q,
		    topic != NULL ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_BROKER,
		    topic != NULL ? topic : broker, setting, 1, error);
	inquiry_close(&q);
	rd_kafka_queue_destroy(events);
	return err;
}

static int
not_told(rd_kafka_resp_err_t error)
{
	static const char format[] = "could not ask a broker for transaction.max.timeout.ms: %s; "
				     "give --transaction-timeout";
	const char *reason = rd_kafka_err2str(error);

	return error == RD_KAFKA_RESP_ERR_NO_ERROR ||
	               error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED
	           ? log_permanent(format, reason)
	           : log_temporary(format, reason);
}

int
claim_longest(const struct produce_options *o, int64_t *ms)
{
	struct setting longest = { .name = "transaction.max.timeout.ms" };
	rd_kafka_resp_err_t error;
	rd_kafka_t *asker;
	int err;

	if (o->transaction_timeout > 0) {
		*ms = o->transaction_timeout / 1000;
		return 0;
	}
	if ((err = make_looker(&asker, o, "read_uncommitted")) != 0)
		return err;
	if ((err = ask(asker, NULL, &longest, &error)) == 0) {
		*ms = strtoll(longest.value, NULL, 10);
		if (error != RD_KAFKA_RESP_ERR_NO_ERROR || *ms <= 0)
			err = not_told(error);
	}
	rd_kafka_destroy(asker);
	return err;
}

/* From here on another producer with this id can do no more, and has nothing open. */
static int
fence(struct claim *c)
{
	rd_kafka_error_t *error;
	int err;

	while ((error = rd_kafka_init_transactions(c->producer->rk, PATIENCE)) != NULL) {
		if ((err = producer_judge(c->producer, error,
			 "could not become the producer of --transactional-id")) != 0 ||
		    (err = c->serve(c->context)) != 0)
			return err;
		loop_wait(NULL, 0, loop_now());
		if (loop_ending())
			return log_temporary("the end came before the transactional id was ours");
	}
	return 0;
}

/* A position that is deleted after some days would let everything in again. */
static int
check_compaction(struct lookers *l)
{
	const char *topic = l->claim->options->position_topic;
	struct setting policy = { .name = "cleanup.policy" };
	rd_kafka_resp_err_t error;
	int err;

	if ((err = ask(l->asker, topic, &policy, &error)) != 0)
		return err;
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_warn("could not ask for cleanup.policy of topic \"%s\", which must be "
			 "\"compact\": %s",
		    topic, rd_kafka_err2str(error));
	else if (strcmp(policy.value, "compact") != 0)
		return log_permanent("topic \"%s\" has cleanup.policy \"%s\", and positions must "
				     "be kept; set it to \"compact\"",
		    topic, policy.value);
	return 0;
}

static int
find_topic(struct claim *c)
{
	static char compact[] = "cleanup.policy=compact";
	static char *config[] = { compact };

	c->topics = (struct topics){
		.rk = c->producer->rk,
		.wish = {
		    .is_one = 1,
		    .partitions = 1,
		    .may_differ = 1,
		    .replication = c->options->replication,
		    .config = { .item = config, .n = 1 },
		},
		.serve = c->serve,
		.context = c->context,
	};
	return topics_get(&c->topics, c->options->position_topic, 0, &c->topic);
}

static int
look(struct lookers *l, struct position *position)
{
	struct claim *c = l->claim;
	const struct position_place place = {
		.asker = l->asker,
		.reader = l->reader,
		.topic = c->options->position_topic,
		.id = c->options->transactional_id,
		.serve = serve_all,
		.context = l,
	};
	int err;

	if ((err = check_compaction(l)) != 0 || (err = position_read(position, &place)) != 0)
		return err;
	if (position->system_identifier[0] != '\0')
		log_info("transactional id \"%s\" has written to %s", place.id,
		    lsn_text(position->done));
	return 0;
}

int
claim_take(struct claim *c, struct position *position)
{
	struct lookers l = { .claim = c };
	int err;

	if ((err = fence(c)) != 0 || (err = find_topic(c)) != 0 ||
	    (err = make_looker(&l.asker, c->options, "read_uncommitted")) != 0)
		return err;
	if ((err = make_looker(&l.reader, c->options, "read_committed")) == 0) {
		err = look(&l, position);
		rd_kafka_destroy(l.reader);
	}
	rd_kafka_destroy(l.asker);
	return err;
}

void
claim_close(struct claim *c)
{
	topics_free(&c->topics);
}
