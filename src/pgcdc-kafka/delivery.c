#include <string.h>

#include "client.h"
#include "delivery.h"
#include "event.h"
#include "log.h"
#include "loop.h"
#include "text.h"

/* Microseconds that what has failed is given for the report of the message that it was for. */
#define PATIENCE 500000

/* What is too large goes to the dead letters, if there is a place for them. */
static int
bury(struct delivery *d, const rd_kafka_message_t *m)
{
	int err = dead_letter_put(d->dead_letter, d->head->data, d->head->len, m->payload, m->len);

	if (err == 0)
		log_warn(
		    "topic \"%s\" does not take a change of %zu bytes, which is in \"%s\" now: %s",
		    rd_kafka_topic_name(m->rkt), m->len, d->dead_letter->path,
		    rd_kafka_err2str(m->err));
	return err;
}

static const char *
remedy(const struct delivery *d, rd_kafka_resp_err_t error)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		return d->producer->longest > 0 ? "; raise the topic's max.message.bytes"
		                                : "; raise the topic's max.message.bytes, or give "
		                                  "--oversize=dead-letter";
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		return "; the topic was deleted, make it again";
	default:
		return "";
	}
}

static int
report_event(const struct delivery *d, const rd_kafka_message_t *m, const struct event *e)
{
	struct buf schema = BUF_INIT, table = BUF_INIT;
	struct event_span lsn = { "?", 1 };
	int err;

	text_add(&schema, e->schema);
	text_add(&table, e->table);
	event_text(&lsn, e->lsn);
	err = log_permanent(
	    "topic \"%s\" does not take the change of table \"%.*s.%.*s\" at %.*s, %zu bytes: %s%s",
	    rd_kafka_topic_name(m->rkt), (int)schema.len, schema.data, (int)table.len, table.data,
	    (int)lsn.len, lsn.p, m->len, rd_kafka_err2str(m->err), remedy(d, m->err));
	buf_free(&schema);
	buf_free(&table);
	return err;
}

/* A message that was refused, as far as its line says what it is. */
static int
report_refusal(const struct delivery *d, const rd_kafka_message_t *m)
{
	struct event e = { .code = 0 };
	int err;

	if (m->payload == NULL || event_scan(&e, m->payload, m->len) != 0 || e.schema.p == NULL ||
	    e.table.p == NULL)
		err = log_permanent("topic \"%s\" does not take a message: %s%s",
		    rd_kafka_topic_name(m->rkt), rd_kafka_err2str(m->err), remedy(d, m->err));
	else
		err = report_event(d, m, &e);
	event_free(&e);
	return err;
}

/* Of a transaction that has failed: would the same happen to it again? */
static int
is_lasting(const struct delivery *d, rd_kafka_resp_err_t error)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
	case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
		return 1;
	default:
		return !d->is_failed;
	}
}

static int
too_large(struct delivery *d, const rd_kafka_message_t *m, uint64_t unit)
{
	int err;

	/* A message that shared its batch is not to blame for the size of that. */
	if (!producer_is_alone(d->producer, m->key_len, m->len))
		return log_permanent(
		    "topic \"%s\" does not take batches of %llu bytes, as "
		    "--batch-bytes has them; raise the topic's max.message.bytes, or "
		    "lower --batch-bytes",
		    rd_kafka_topic_name(m->rkt), (unsigned long long)d->producer->batch_bytes);
	if (d->dead_letter->path == NULL || m->payload == NULL)
		return report_refusal(d, m);
	if ((err = bury(d, m)) == 0)
		window_done(d->window, unit);
	return err;
}

static int
refused(struct delivery *d, const rd_kafka_message_t *m, uint64_t unit)
{
	switch (m->err) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		return too_large(d, m, unit);
	case RD_KAFKA_RESP_ERR__FENCED:
	case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
	case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
		return producer_judge_fenced(d->producer);
	/* The producer and the broker count differently: that is no fault of the message. */
	case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
	case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
	case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
	/* What came behind the one that has failed; its report may come first. */
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
	case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
		return d->is_fatal || d->is_failed ? 0 : delivery_fatal(d);
	default:
		return is_lasting(d, m->err) ? report_refusal(d, m) : 0;
	}
}

static int
take_reports(struct delivery *d, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *m;
	int err;

	while ((m = rd_kafka_event_message_next(event)) != NULL) {
		uint64_t unit = producer_delivered(d->producer, m);

		if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			window_done(d->window, unit);
		else if ((err = refused(d, m, unit)) != 0)
			return err;
	}
	return 0;
}

/*
 * The message for which something has failed says more of it, and its report may come behind.  0,
 * or the exit code after reporting what the message was refused for.
 */
static int
look_for_reason(struct delivery *d)
{
	int64_t give_up = loop_now() + PATIENCE, now;
	rd_kafka_event_t *event;
	int err = 0;

	while (err == 0 && (now = loop_now()) < give_up &&
	       (event = rd_kafka_queue_poll(d->producer->queue, (int)((give_up - now) / 1000))) !=
		   NULL) {
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
			err = take_reports(d, event);
		else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_LOG)
			client_log(event);
		rd_kafka_event_destroy(event);
	}
	return err;
}

int
delivery_fatal(struct delivery *d)
{
	int err;

	d->is_fatal = 1;
	err = look_for_reason(d);
	return err != 0 ? err : producer_judge_fatal(d->producer);
}

/*
 * That a transaction has failed librdkafka tells nowhere else until it is to be committed.  What
 * is fatal comes as an error, too.
 */
static int
take_log(struct delivery *d, rd_kafka_event_t *event)
{
	const char *facility, *text;
	int level, err;

	client_log(event);
	if (rd_kafka_event_log(event, &facility, &text, &level) != 0 ||
	    strcmp(facility, "TXNERR") != 0 || strstr(text, "Fatal") != NULL)
		return 0;
	d->is_failed = 1;
	err = look_for_reason(d);
	return err != 0 ? err : log_temporary("a transaction of Kafka has failed: %s", text);
}

static int
take_error(struct delivery *d, rd_kafka_event_t *event)
{
	if (rd_kafka_event_error_is_fatal(event))
		return delivery_fatal(d);
	return client_judge(
	    d->producer->rk, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
}

int
delivery_serve(struct delivery *d)
{
	rd_kafka_event_t *event;
	int err = 0;

	while (err == 0 && (event = producer_event(d->producer)) != NULL) {
		switch (rd_kafka_event_type(event)) {
		case RD_KAFKA_EVENT_DR:
			err = take_reports(d, event);
			break;
		case RD_KAFKA_EVENT_ERROR:
			err = take_error(d, event);
			break;
		case RD_KAFKA_EVENT_LOG:
			err = take_log(d, event);
			break;
		default:
			break;
		}
		rd_kafka_event_destroy(event);
	}
	return err;
}
