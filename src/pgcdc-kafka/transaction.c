#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "describe.h"
#include "log.h"
#include "loop.h"
#include "lsn.h"
#include "transaction.h"

/* Milliseconds for an answer of the broker before the producer's events are served again. */
#define PATIENCE 250

/* Microseconds for the broker to take back what is open at the end. */
#define ABORT_TIMEOUT (INT64_C(3) * 1000000)

/* Rows between two looks at the clock. */
#define ROWS_A_LOOK 256

/* --- the start */

/* Clients that only look: one sees what is not decided, the other what is committed. */
struct lookers {
	struct transaction *t;
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
	    (err = client_set(conf, "log.queue", "false")) == 0) {
		rd_kafka_conf_set_log_cb(conf, NULL);
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
	return l->t->serve(l->t->context);
}

/* An error of a transaction's call: 0 to try again, or the exit code after reporting. */
static int
judge(struct transaction *t, rd_kafka_error_t *error, const char *what)
{
	rd_kafka_resp_err_t code = rd_kafka_error_code(error);
	int err;

	if (rd_kafka_error_is_fatal(error))
		err = producer_judge_fatal(t->producer);
	else if (!rd_kafka_error_is_retriable(error) && code != RD_KAFKA_RESP_ERR__TIMED_OUT)
		err = log_temporary("%s: %s", what, rd_kafka_error_string(error));
	else
		err = t->serve(t->context);
	rd_kafka_error_destroy(error);
	return err;
}

static int
serve_asker(void *context)
{
	return judge_events(context);
}

int
transaction_longest(const struct produce_options *o, int64_t *ms)
{
	struct describe_waiter waiter = { .serve = serve_asker };
	rd_kafka_t *asker;
	char value[64];
	int err;

	if (o->transaction_timeout > 0) {
		*ms = o->transaction_timeout / 1000;
		return 0;
	}
	if ((err = make_looker(&asker, o, "read_uncommitted")) != 0)
		return err;
	waiter.context = asker;
	err = describe_broker(asker, "transaction.max.timeout.ms", value, sizeof(value), &waiter);
	if (err == DESCRIBE_REFUSED)
		err = log_permanent("could not ask a broker for transaction.max.timeout.ms: %s; "
				    "give --transaction-timeout",
		    value);
	*ms = strtoll(value, NULL, 10);
	rd_kafka_destroy(asker);
	return err;
}

/* From here on another producer with this id can do no more, and has nothing open. */
static int
fence(struct transaction *t)
{
	rd_kafka_error_t *error;
	int err;

	while ((error = rd_kafka_init_transactions(t->producer->rk, PATIENCE)) != NULL) {
		if ((err = judge(
			 t, error, "could not become the producer of --transactional-id")) != 0)
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
	const struct describe_waiter waiter = { serve_all, l };
	const char *topic = l->t->options->position_topic;
	char policy[64];
	int err;

	if ((err = describe_topic(l->asker, topic, "cleanup.policy", policy, sizeof(policy),
		 &waiter)) == DESCRIBE_REFUSED) {
		log_warn("could not ask for cleanup.policy of topic \"%s\", which must be "
			 "\"compact\": %s",
		    topic, policy);
		return 0;
	}
	if (err == 0 && strcmp(policy, "compact") != 0)
		return log_permanent("topic \"%s\" has cleanup.policy \"%s\", and positions must "
				     "be kept; set it to \"compact\"",
		    topic, policy);
	return err;
}

static int
find_topic(struct transaction *t)
{
	static char compact[] = "cleanup.policy=compact";
	static char *config[] = { compact };

	t->topics = (struct topics){
		.rk = t->producer->rk,
		.wish = {
		    .is_one = 1,
		    .partitions = 1,
		    .may_differ = 1,
		    .replication = t->options->replication,
		    .config = { config, 1 },
		},
		.serve = t->serve,
		.context = t->context,
	};
	return topics_get(&t->topics, t->options->position_topic, 0, &t->topic);
}

static int
look(struct lookers *l)
{
	struct transaction *t = l->t;
	const struct position_place place = {
		.asker = l->asker,
		.reader = l->reader,
		.topic = t->options->position_topic,
		.id = t->options->transactional_id,
		.serve = serve_all,
		.context = l,
	};
	int err;

	if ((err = check_compaction(l)) != 0 || (err = position_read(&t->position, &place)) != 0)
		return err;
	if (t->position.system_identifier[0] != '\0')
		log_info("transactional id \"%s\" has written to %s", place.id,
		    lsn_text(t->position.done));
	return 0;
}

int
transaction_start(struct transaction *t)
{
	struct lookers l = { .t = t };
	int err;

	if ((err = fence(t)) != 0 || (err = find_topic(t)) != 0 ||
	    (err = make_looker(&l.asker, t->options, "read_uncommitted")) != 0)
		return err;
	if ((err = make_looker(&l.reader, t->options, "read_committed")) == 0) {
		err = look(&l);
		rd_kafka_destroy(l.reader);
	}
	rd_kafka_destroy(l.asker);
	return err;
}

/* --- lines */

/* Is the position one of this stream? */
static int
take_head(struct transaction *t, const struct event *e)
{
	struct position *p = &t->position;
	struct event_span text = { "", 0 };
	uint64_t start;
	char system[sizeof(p->system_identifier)];

	if (t->in_source)
		return log_temporary("the stream begins again inside a transaction");
	if (event_text(&text, e->start) != 0 || lsn_parse(&start, text.p, text.len) != 0)
		return log_permanent("--transactional-id needs a stream of pgcdc-read: this one "
				     "has no LSN as \"start\"");
	if (event_text(&text, e->system_identifier) != 0 || text.len >= sizeof(system))
		return log_permanent("the stream has no usable \"system_identifier\"");
	memcpy(system, text.p, text.len);
	system[text.len] = '\0';
	if (strcmp(system, p->system_identifier) == 0 && p->epoch == t->options->epoch)
		return 0;
	if (p->system_identifier[0] != '\0' && t->options->epoch <= p->epoch)
		return log_permanent(
		    "topic \"%s\" has a position of cluster %s and epoch %llu, and "
		    "the stream is of %s; give --epoch=%llu if it goes on with "
		    "another cluster",
		    t->options->position_topic, p->system_identifier, (unsigned long long)p->epoch,
		    system, (unsigned long long)p->epoch + 1);
	*p = (struct position){ .epoch = t->options->epoch };
	strcpy(p->system_identifier, system);
	return 0;
}

static int
take_begin(struct transaction *t, const struct event *e)
{
	struct event_span text = { "", 0 };

	if (event_text(&text, e->lsn) != 0 || lsn_parse(&t->lsn, text.p, text.len) != 0)
		return log_permanent("--transactional-id needs the \"lsn\" of each line of action "
				     "\"B\"");
	/* A commit may begin where the one before it has ended, so the position itself is new. */
	t->is_done = t->lsn < t->position.done;
	if (!t->is_done && t->position.split != 0 && t->lsn != t->position.split)
		return log_permanent("the transaction whose commit begins at %s was split, and its "
				     "rest is missing: the stream goes on at %s",
		    lsn_text(t->position.split), lsn_text(t->lsn));
	t->in_source = 1;
	t->rows = t->bytes = 0;
	t->seq = -1;
	snprintf(t->xid, sizeof(t->xid), "%.*s", e->xid.p != NULL ? (int)e->xid.len : 1,
	    e->xid.p != NULL ? e->xid.p : "?");
	return 0;
}

/* The end of a source transaction, or another place that can be acknowledged. */
static int
take_token(struct transaction *t, const struct event *e, const char *token)
{
	uint64_t lsn;

	if (token == NULL && e->code != 'C')
		return 0;
	if (token == NULL || lsn_parse(&lsn, token, strlen(token)) != 0)
		return log_permanent("--transactional-id needs an LSN as \"ack\" of each line of "
				     "action \"C\"");
	if (e->code == 'C') {
		t->in_source = 0;
		if (!t->is_done)
			t->position.split = t->position.seq = 0;
	}
	if (lsn > t->position.done)
		t->position.done = lsn;
	strcpy(t->token, token);
	return 0;
}

int
transaction_line(struct transaction *t, const struct event *e, const char *token)
{
	switch (e->code) {
	case 'H':
		return take_head(t, e);
	case 'B':
		return take_begin(t, e);
	default:
		return take_token(t, e, token);
	}
}

/* --- transactions of Kafka */

static int
begin(struct transaction *t)
{
	rd_kafka_error_t *error = rd_kafka_begin_transaction(t->producer->rk);

	if (error != NULL)
		return judge(t, error, "could not begin a transaction");
	t->is_open = 1;
	t->begun = loop_now();
	t->producer->aborted_at = t->begun + t->producer->longest;
	return 0;
}

static int
send_position(struct transaction *t)
{
	struct producer_message m = {
		.topic = t->topic->handle,
		.partition = 0,
		.key = t->options->transactional_id,
		.key_len = strlen(t->options->transactional_id),
	};
	int err;

	t->value.len = 0;
	position_write(&t->value, &t->position);
	m.payload = t->value.data;
	m.payload_len = t->value.len;
	if (t->value.failed || window_add(t->window, &m.unit) != 0)
		return log_temporary("out of memory for a message");
	err = producer_send(t->producer, &m);
	return err == PRODUCER_FATAL ? producer_judge_fatal(t->producer) : err;
}

static int
commit(struct transaction *t)
{
	rd_kafka_error_t *error;
	int err;

	if ((err = send_position(t)) != 0 || (err = t->settle(t->context)) != 0)
		return err;
	while ((error = rd_kafka_commit_transaction(t->producer->rk, PATIENCE)) != NULL)
		if ((err = judge(t, error, "could not commit a transaction")) != 0)
			return err;
	t->is_open = 0;
	t->producer->aborted_at = LOOP_NEVER;
	return 0;
}

/* The source transaction in hand takes its time. */
static int
check_length(struct transaction *t, int64_t now)
{
	int64_t longest = t->producer->longest;

	if (!t->options->split_large && now - t->begun > longest / 10 * 8)
		return log_permanent("transaction %s, of %llu rows and %llu bytes so far, takes "
				     "longer than a transaction of Kafka may (%lld s); raise the "
				     "brokers' transaction.max.timeout.ms, or give --split-large",
		    t->xid, (unsigned long long)t->rows, (unsigned long long)t->bytes,
		    (long long)longest / 1000000);
	if (!t->options->split_large || now - t->begun < longest / 2 || t->seq < 0)
		return 0;
	t->position.split = t->lsn;
	t->position.seq = (uint64_t)t->seq;
	log_info("transaction %s is split after %llu rows", t->xid, (unsigned long long)t->rows);
	return commit(t);
}

/* Is it among what was written before its transaction was split? */
static int
is_before_split(const struct transaction *t, int64_t seq)
{
	return seq >= 0 && t->lsn == t->position.split && (uint64_t)seq <= t->position.seq;
}

int
transaction_row(struct transaction *t, const struct event *e, size_t len)
{
	int64_t seq = e->seq.p != NULL ? strtoll(e->seq.p, NULL, 10) : -1;
	int err;

	if (!t->in_source && e->code != 'R' && e->baseline.p == NULL)
		return log_permanent("--transactional-id needs a line of action \"B\" before the "
				     "changes of a transaction");
	if (t->in_source && (t->is_done || is_before_split(t, seq)))
		return TRANSACTION_DONE;
	if (t->is_open && t->in_source && t->rows % ROWS_A_LOOK == 0 &&
	    (err = check_length(t, loop_now())) != 0)
		return err;
	if (seq >= 0)
		t->seq = seq;
	t->rows++;
	t->bytes += len;
	return t->is_open ? 0 : begin(t);
}

int
transaction_commit(struct transaction *t, int is_idle, const char **token)
{
	int64_t now = loop_now();
	int err;

	*token = NULL;
	if (t->is_open && t->in_source)
		return check_length(t, now);
	if (t->is_open && !is_idle && now - t->begun < t->options->transaction_interval)
		return 0;
	if (t->is_open && (err = commit(t)) != 0)
		return err;
	if (t->token[0] != '\0') {
		strcpy(t->sent, t->token);
		t->token[0] = '\0';
		*token = t->sent;
	}
	return 0;
}

int64_t
transaction_deadline(const struct transaction *t)
{
	return t->is_open ? t->begun + t->producer->longest / 2 : LOOP_NEVER;
}

void
transaction_stop(struct transaction *t)
{
	int64_t give_up = loop_now() + ABORT_TIMEOUT;
	rd_kafka_error_t *error = NULL;
	rd_kafka_event_t *event;
	int again = t->is_open;

	while (again && loop_now() < give_up) {
		error = rd_kafka_abort_transaction(t->producer->rk, PATIENCE);
		again = error != NULL && !rd_kafka_error_is_fatal(error) &&
		        (rd_kafka_error_is_retriable(error) ||
			    rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__TIMED_OUT);
		rd_kafka_error_destroy(error);
		/* It waits for the reports on the messages that it takes back. */
		while ((event = producer_event(t->producer)) != NULL)
			rd_kafka_event_destroy(event);
	}
	topics_free(&t->topics);
	buf_free(&t->value);
}
