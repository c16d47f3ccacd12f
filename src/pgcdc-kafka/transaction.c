#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "loop.h"
#include "lsn.h"
#include "transaction.h"

/* Milliseconds for an answer of the broker before the producer's events are served again. */
#define PATIENCE 250

/* Microseconds for the broker to take back what is open at the end. */
#define ABORT_TIMEOUT (INT64_C(3) * 1000000)

/* The time between two commits under load, in that of a commit, and its limit in microseconds. */
#define SHARE 20
#define LONGEST_SHARE INT64_C(1000000)

/* Microseconds without a delivery that are somebody's fault: a broker is away, or a stage hangs. */
#define PAUSE INT64_C(1000000)

/* Rows between two looks at the clock. */
#define ROWS_A_LOOK 256

/* --- the beginning of transactions of Kafka */

/*
 * Commits should not take the time that they cost, and the last source transaction that comes
 * into one of Kafka needs time in it.
 */
static int64_t
interval(const struct transaction *t)
{
	int64_t share = SHARE * t->cost < LONGEST_SHARE ? SHARE * t->cost : LONGEST_SHARE;
	int64_t wish = share > t->options->transaction_interval ? share
	                                                        : t->options->transaction_interval;
	int64_t most = t->producer->longest / 4;

	return wish < most ? wish : most;
}

static int
begin(struct transaction *t)
{
	rd_kafka_error_t *error = rd_kafka_begin_transaction(t->producer->rk);

	if (error != NULL) {
		int err = producer_judge(t->producer, error, "could not begin a transaction");

		return err != 0 ? err : log_temporary("could not begin a transaction of Kafka now");
	}
	t->is_open = 1;
	t->begun = loop_now();
	t->due = t->begun + interval(t);
	t->moved = t->begun;
	t->held_up = 0;
	t->delivered = t->window->first;
	t->producer->aborted_at = t->begun + t->producer->longest;
	return 0;
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
		return log_permanent(
		    "--transactional-id needs a stream of pgcdc-read: this one "
		    "has no LSN as \"start\"; leave it out, rows of pgcdc-dump are "
		    "sent at least once");
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
	int err;

	if (token == NULL && e->code != 'C')
		return 0;
	if (token == NULL || lsn_parse(&lsn, token, strlen(token)) != 0)
		return log_permanent("--transactional-id needs an LSN as \"ack\" of each line of "
				     "action \"C\"");
	if (e->code == 'C') {
		t->in_source = 0;
		/* That its parts are complete is a position of its own, also without a row more. */
		if (!t->is_done && t->position.split != 0 && !t->is_open && (err = begin(t)) != 0)
			return err;
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

/* --- what is in transactions of Kafka */

static int
send_position(struct transaction *t)
{
	struct producer_message m = {
		.topic = t->claim.topic->handle,
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
	int64_t start = loop_now();
	rd_kafka_error_t *error;
	int err;

	if ((err = send_position(t)) != 0 || (err = t->settle(t->context)) != 0)
		return err;
	while ((error = rd_kafka_commit_transaction(t->producer->rk, PATIENCE)) != NULL) {
		if ((err = producer_judge(t->producer, error, "could not commit a transaction")) !=
			0 ||
		    (err = t->claim.serve(t->claim.context)) != 0)
			return err;
		loop_wait(NULL, 0, loop_now()); /* where signals come in */
		if (loop_ending() && loop_now() > start + t->options->shutdown_timeout)
			return log_temporary("the end came before a transaction was committed");
	}
	t->is_open = 0;
	t->producer->aborted_at = LOOP_NEVER;
	t->cost = loop_now() - start;
	log_debug("committed what was written in %lld us; that took %lld us",
	    (long long)(start - t->begun), (long long)t->cost);
	return 0;
}

/* How long nothing came, or nothing was delivered. */
static void
count_pauses(struct transaction *t, int64_t now)
{
	if (now - t->moved > PAUSE) {
		t->held_up += now - t->moved;
		t->moved = now;
	}
	if (t->window->first != t->delivered) {
		t->delivered = t->window->first;
		t->moved = now;
	}
}

/* When the source transaction in hand is split or, without --split-large, cannot be finished. */
static int64_t
limit(const struct transaction *t)
{
	int64_t longest = t->producer->longest;

	return t->begun + (t->options->split_large ? longest / 2 : longest / 10 * 8);
}

/* What was held up may have the time that it needs in another run; what is too large has not. */
static int
too_long(const struct transaction *t, int64_t now)
{
	int64_t longest = t->producer->longest;
	unsigned long long rows = t->rows, bytes = t->bytes;

	if (now - t->begun - t->held_up < longest / 2)
		return log_temporary("transaction %s, of %llu rows and %llu bytes so far, was held "
				     "up for %lld s, and a transaction of Kafka may take %lld s",
		    t->xid, rows, bytes, (long long)t->held_up / 1000000,
		    (long long)longest / 1000000);
	return log_permanent("transaction %s, of %llu rows and %llu bytes so far, takes longer "
			     "than a transaction of Kafka may (%lld s); raise the brokers' "
			     "transaction.max.timeout.ms, or give --split-large",
	    t->xid, rows, bytes, (long long)longest / 1000000);
}

/* The source transaction in hand takes its time. */
static int
check_length(struct transaction *t, int64_t now)
{
	count_pauses(t, now);
	if (now < limit(t))
		return 0;
	if (!t->options->split_large)
		return too_long(t, now);
	if (t->seq < 0)
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
	if (t->is_open && !is_idle && now < t->due)
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
	/* Without a row that can be told from others there is nothing to split. */
	if (!t->is_open || !t->in_source || (t->options->split_large && t->seq < 0))
		return LOOP_NEVER;
	return limit(t);
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
	claim_close(&t->claim);
	buf_free(&t->value);
}
