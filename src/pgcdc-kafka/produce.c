#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "dead_letter.h"
#include "event.h"
#include "headers.h"
#include "line.h"
#include "log.h"
#include "loop.h"
#include "lsn.h"
#include "produce.h"
#include "produce_options.h"
#include "producer.h"
#include "schema_row.h"
#include "split.h"
#include "text.h"
#include "topic.h"
#include "topics.h"
#include "window.h"

/* Milliseconds that a fatal error is given for the report of its message. */
#define FATAL_PATIENCE 500

struct produce {
	struct produce_options options;
	struct producer producer;
	struct topics topics;
	struct line_reader reader;
	struct event event;
	struct chain chain;
	struct window window;
	struct ack_sink sink;
	struct dead_letter dead_letter;
	struct buf head;           /* the last H line */
	char commit_lsn[LSN_SIZE]; /* of the transaction in hand; empty: the stream does not say */
	struct buf key, old_key, payload, schema, table; /* of the line in hand */
	struct topic *topic;                             /* of a --topic that is no template */
	int is_fatal;                                    /* the producer has given up */
};

static int
no_memory(void)
{
	return log_temporary("out of memory for a message");
}

static int fatal(struct produce *p);

/* A message as it goes to one partition: what is in p->key, and the payload. */
static int
send_to(struct produce *p, struct topic *topic, int32_t partition, struct event_span payload,
    char action)
{
	const struct headers_context context = { p->options.headers, p->chain.system_identifier,
		p->commit_lsn, action };
	struct producer_message m = {
		.topic = topic->handle,
		.partition = partition,
		.key = p->key.data,
		.key_len = p->key.len,
		.payload = payload.p,
		.payload_len = payload.len,
		.headers = headers_make(&p->event, &context),
	};
	int err;

	if (p->options.key == KEY_NONE)
		m.key = NULL;
	if ((m.headers == NULL && context.kind != HEADERS_NONE) || p->key.failed ||
	    window_add(&p->window, &m.unit) != 0)
		return no_memory();
	err = producer_send(&p->producer, &m);
	return err == PRODUCER_FATAL ? fatal(p) : err;
}

static int
send_by_key(struct produce *p, struct topic *topic, struct event_span payload, char action)
{
	return send_to(p, topic, RD_KAFKA_PARTITION_UA, payload, action);
}

/* What concerns all keys goes to each partition, and so is in order with them all. */
static int
send_everywhere(struct produce *p, struct topic *topic, struct event_span payload)
{
	int32_t n;
	int err;

	if ((err = topics_partitions(&p->topics, topic, &n)) != 0)
		return err;
	for (int32_t i = 0; err == 0 && i < n; i++)
		err = send_to(p, topic, i, payload, 0);
	return err;
}

static int
find_topic(
    struct produce *p, struct event_span schema, struct event_span table, struct topic **topic)
{
	char name[TOPIC_SIZE];

	if ((*topic = p->topic) != NULL)
		return 0;
	p->schema.len = p->table.len = 0;
	text_add(&p->schema, schema);
	text_add(&p->table, table);
	if (p->schema.failed || p->table.failed)
		return no_memory();
	if (topic_expand(name, p->options.topic, p->schema.data, p->schema.len, p->table.data,
		p->table.len) != 0)
		return log_permanent("the topic of table \"%.*s.%.*s\" would have more than %d "
				     "characters; give a shorter --topic",
		    (int)p->schema.len, p->schema.data, (int)p->table.len, p->table.data,
		    TOPIC_SIZE - 1);
	return topics_get(&p->topics, name, 0, topic);
}

static int
make_key(struct produce *p, struct buf *key, int is_old)
{
	key->len = 0;
	if (key_make(key, p->options.key, &p->event, is_old) >= 0)
		return 0;
	return log_permanent("line %llu does not say what identifies its row; put "
			     "pgcdc-translate before, or give another --key",
	    (unsigned long long)p->reader.number);
}

static int
send_tombstone(struct produce *p, struct topic *topic)
{
	return p->options.tombstones ? send_by_key(p, topic, (struct event_span){ NULL, 0 }, 'D')
	                             : 0;
}

/* An update with another key: what was under the old one must go before. */
static int
send_split(struct produce *p, struct topic *topic, const char *line, size_t len)
{
	struct buf new_key = p->key;
	int err;

	p->payload.len = 0;
	split_delete(&p->payload, line, len, &p->event);
	if (p->payload.failed)
		return no_memory();
	p->key = p->old_key;
	if ((err = send_by_key(
		 p, topic, (struct event_span){ p->payload.data, p->payload.len }, 'D')) == 0)
		err = send_tombstone(p, topic);
	p->key = new_key;
	if (err != 0)
		return err;
	p->payload.len = 0;
	split_insert(&p->payload, line, len, &p->event);
	if (p->payload.failed)
		return no_memory();
	return send_by_key(p, topic, (struct event_span){ p->payload.data, p->payload.len }, 'I');
}

static int
send_row(struct produce *p, const char *line, size_t len)
{
	struct event_span payload = { line, len };
	struct topic *topic;
	int err;

	if (p->event.schema.p == NULL || p->event.table.p == NULL)
		return log_permanent("line %llu is a row without \"schema\" and \"table\"",
		    (unsigned long long)p->reader.number);
	if ((err = find_topic(p, p->event.schema, p->event.table, &topic)) != 0)
		return err;
	if (p->event.code == 'T' && p->options.key == KEY_IDENTITY) {
		p->key.len = 0;
		return send_everywhere(p, topic, payload);
	}
	if ((err = make_key(p, &p->key, 0)) != 0)
		return err;
	if (p->event.code == 'U' && p->options.key == KEY_IDENTITY &&
	    p->event.identity.whole.p != NULL) {
		if ((err = make_key(p, &p->old_key, 1)) != 0)
			return err;
		if (p->old_key.len != p->key.len ||
		    memcmp(p->old_key.data, p->key.data, p->key.len) != 0)
			return send_split(p, topic, line, len);
	}
	if ((err = send_by_key(p, topic, payload, 0)) != 0 || p->event.code != 'D')
		return err;
	return send_tombstone(p, topic);
}

/* The row of the log that is in hand, and the payload, for each table that it is about. */
struct announcement {
	struct produce *p;
	struct event_span payload;
	struct topic *last; /* tables often share a topic */
};

static int
announce(void *context, const char *schema, const char *table)
{
	struct announcement *a = context;
	struct topic *topic;
	char name[TOPIC_SIZE];
	int err;

	/* A table that cannot have a topic has no rows either: the first would end the run. */
	if (topic_expand(name, a->p->options.topic, schema, strlen(schema), table, strlen(table)) !=
	    0)
		return 0;
	if ((err = topics_get(&a->p->topics, name, 1, &topic)) != 0 || topic == NULL ||
	    topic == a->last)
		return err;
	a->last = topic;
	return send_everywhere(a->p, topic, a->payload);
}

/* A row of the schema log must be before the rows that it is about, wherever they go. */
static int
send_schema_row(struct produce *p, const char *line, size_t len)
{
	struct announcement a = { .p = p, .payload = { line, len } };
	int err;

	p->key.len = 0;
	schema_row_key(&p->key, &p->event);
	if (p->topic != NULL)
		return p->options.key == KEY_SCHEMA ? send_by_key(p, p->topic, a.payload, 0)
		                                    : send_everywhere(p, p->topic, a.payload);
	err = schema_row_tables(&p->event, announce, &a);
	if (err < 0)
		return log_permanent("line %llu has a row of the schema log that is damaged",
		    (unsigned long long)p->reader.number);
	return err;
}

static int
take_head(struct produce *p, const char *line, size_t len)
{
	int err;

	p->commit_lsn[0] = '\0';
	p->head.len = 0;
	buf_add(&p->head, line, len);
	if (p->head.failed)
		return no_memory();
	if ((err = dead_letter_check(&p->dead_letter, p->chain.system_identifier)) != 0 ||
	    p->options.ack == NULL)
		return err;
	return ack_connect(&p->sink, p->options.ack, p->options.ack_name);
}

static void
take_begin(struct produce *p)
{
	struct event_span lsn;

	p->commit_lsn[0] = '\0';
	if (event_text(&lsn, p->event.lsn) == 0 && lsn.len < sizeof(p->commit_lsn)) {
		memcpy(p->commit_lsn, lsn.p, lsn.len);
		p->commit_lsn[lsn.len] = '\0';
	}
}

static int
take_line(struct produce *p, const char *line, size_t len)
{
	unsigned long long number = p->reader.number;
	int err = 0;

	if (event_scan(&p->event, line, len) != 0)
		return errno == ENOMEM
		           ? log_temporary("out of memory at line %llu", number)
		           : log_permanent(
				 "line %llu is no event line: %s at byte %zu; nothing more is "
				 "acknowledged",
				 number, p->event.error, p->event.error_at);
	if (chain_take(&p->chain, &p->event) != 0)
		return log_permanent(
		    "line %llu breaks the stream: %s; nothing more is acknowledged", number,
		    p->chain.error);
	switch (p->event.code) {
	case 'H':
		err = take_head(p, line, len);
		break;
	case 'B':
		take_begin(p);
		break;
	case 'I':
	case 'U':
	case 'D':
	case 'T':
	case 'R':
		err = schema_row_is(&p->event) ? send_schema_row(p, line, len)
		                               : send_row(p, line, len);
		break;
	default:
		break;
	}
	if (err == 0 && p->event.ack.p != NULL &&
	    window_mark(&p->window, p->chain.last, strlen(p->chain.last)) != 0)
		return no_memory();
	return err;
}

static int
is_full(const struct produce *p)
{
	return p->producer.bytes >= p->options.queue_bytes;
}

/* Take lines until there are none, or too much is on its way. */
static int
take_lines(struct produce *p, enum line_status *status)
{
	const char *line;
	size_t len;
	int err;

	while (!is_full(p)) {
		*status = line_next(&p->reader, &line, &len);
		if (*status == LINE_TOO_LONG)
			return log_permanent(
			    "line %llu is longer than --max-line=%llu; give a larger one",
			    (unsigned long long)p->reader.number,
			    (unsigned long long)p->options.max_line);
		if (*status != LINE_READY)
			return 0;
		if ((err = take_line(p, line, len)) != 0)
			return err;
	}
	return 0;
}

/* What is too large goes to the dead letters, if there is a place for them. */
static int
bury(struct produce *p, const rd_kafka_message_t *m)
{
	int err = dead_letter_put(&p->dead_letter, p->head.data, p->head.len, m->payload, m->len);

	if (err == 0)
		log_warn(
		    "topic \"%s\" does not take a change of %zu bytes, which is in \"%s\" now: %s",
		    rd_kafka_topic_name(m->rkt), m->len, p->dead_letter.path,
		    rd_kafka_err2str(m->err));
	return err;
}

/* A message that was refused, as far as its line says what it is. */
static int
report_refusal(const rd_kafka_message_t *m)
{
	const char *topic = rd_kafka_topic_name(m->rkt);
	struct event e = { .code = 0 };
	int err;

	if (m->payload == NULL || event_scan(&e, m->payload, m->len) != 0)
		err = log_permanent(
		    "topic \"%s\" does not take a message: %s", topic, rd_kafka_err2str(m->err));
	else
		err = log_permanent(
		    "topic \"%s\" does not take the change of table %.*s.%.*s at %.*s, %zu bytes: "
		    "%s%s",
		    topic, (int)e.schema.len, e.schema.p, (int)e.table.len, e.table.p,
		    (int)e.lsn.len, e.lsn.p, m->len, rd_kafka_err2str(m->err),
		    m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
			? "; raise the topic's max.message.bytes, lower --batch-bytes, or give "
			  "--oversize=dead-letter"
			: "");
	event_free(&e);
	return err;
}

static int
refused(struct produce *p, const rd_kafka_message_t *m, uint64_t unit)
{
	int err;

	switch (m->err) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		if (p->dead_letter.path == NULL || m->payload == NULL)
			break;
		if ((err = bury(p, m)) == 0)
			window_done(&p->window, unit);
		return err;
	/* What came behind the one that has failed; its report may come first. */
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
	case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
		return p->is_fatal ? 0 : fatal(p);
	default:
		break;
	}
	return report_refusal(m);
}

static int
take_deliveries(struct produce *p, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *m;
	int err;

	while ((m = rd_kafka_event_message_next(event)) != NULL) {
		uint64_t unit = producer_delivered(&p->producer, m);

		if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			window_done(&p->window, unit);
		else if ((err = refused(p, m, unit)) != 0)
			return err;
	}
	return 0;
}

/* The message that has made an error fatal says more, and its report comes behind. */
static int
fatal(struct produce *p)
{
	rd_kafka_event_t *event;
	int err = 0;

	p->is_fatal = 1;
	while (
	    err == 0 && (event = rd_kafka_queue_poll(p->producer.queue, FATAL_PATIENCE)) != NULL) {
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
			err = take_deliveries(p, event);
		rd_kafka_event_destroy(event);
	}
	return err != 0 ? err : client_judge(p->producer.rk, RD_KAFKA_RESP_ERR__FATAL, "");
}

static int
take_error(struct produce *p, rd_kafka_event_t *event)
{
	if (rd_kafka_event_error_is_fatal(event))
		return fatal(p);
	return client_judge(
	    p->producer.rk, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
}

/* Take what the producer says: of messages, of its troubles, and its log. */
static int
serve(void *context)
{
	struct produce *p = context;
	rd_kafka_event_t *event;
	const char *token;
	int err = 0;

	while (err == 0 && (event = producer_event(&p->producer)) != NULL) {
		switch (rd_kafka_event_type(event)) {
		case RD_KAFKA_EVENT_DR:
			err = take_deliveries(p, event);
			break;
		case RD_KAFKA_EVENT_ERROR:
			err = take_error(p, event);
			break;
		case RD_KAFKA_EVENT_LOG:
			client_log(event);
			break;
		default:
			break;
		}
		rd_kafka_event_destroy(event);
	}
	if ((token = window_token(&p->window)) != NULL && p->options.ack != NULL)
		ack_send(&p->sink, token, strlen(token));
	return err;
}

static int
wait_for_any(struct produce *p, enum line_status status, int64_t deadline)
{
	int reading = status == LINE_MORE && !is_full(p);
	struct pollfd fds[] = {
		{ .fd = reading ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = p->producer.fd, .events = POLLIN },
		{ .fd = p->sink.len > 0 ? p->sink.fd : -1, .events = POLLOUT },
	};

	/* Lines that were read already make no descriptor ready. */
	if (status == LINE_READY && !is_full(p))
		deadline = loop_now();
	if (loop_wait(fds, 3, deadline) < 0)
		return log_temporary("could not wait: %s", strerror(errno));
	if (fds[2].revents != 0)
		ack_flush(&p->sink);
	if (fds[0].revents != 0 && line_fill(&p->reader) != 0)
		return log_temporary("could not read standard input: %s", strerror(errno));
	return 0;
}

static int
end_of_input(const struct produce *p, enum line_status status)
{
	if (status == LINE_CUT)
		return log_temporary("the input ends inside a line: the stage before has died");
	if (p->chain.in_transaction)
		return log_temporary(
		    "the input ends inside a transaction: the stage before has died");
	return 0;
}

/* When the whole line is told to end, the stage before still has a transaction to finish. */
static int
flow(struct produce *p)
{
	enum line_status status = LINE_MORE;
	int64_t give_up = LOOP_NEVER;
	int err;

	for (;;) {
		if ((err = take_lines(p, &status)) != 0 || (err = serve(p)) != 0)
			return err;
		if (status == LINE_END || status == LINE_CUT) {
			if (p->window.open == 0)
				return end_of_input(p, status);
			rd_kafka_flush(p->producer.rk, 0); /* linger no more */
		}
		if (loop_ending() && give_up == LOOP_NEVER)
			give_up = loop_now() + p->options.shutdown_timeout;
		if (loop_now() >= give_up)
			return p->window.open == 0
			           ? 0
			           : log_temporary("%llu messages were not delivered within "
						   "--shutdown-timeout",
					 (unsigned long long)p->window.open);
		if ((err = wait_for_any(p, status, give_up)) != 0)
			return err;
	}
}

static int
open_topic(struct produce *p)
{
	p->topics = (struct topics){
		.options = &p->options, .producer = &p->producer, .serve = serve, .context = p
	};
	if (topic_is_template(p->options.topic))
		return 0;
	return topics_get(&p->topics, p->options.topic, 0, &p->topic);
}

static void
release(struct produce *p)
{
	line_close(&p->reader);
	event_free(&p->event);
	buf_free(&p->key);
	buf_free(&p->old_key);
	buf_free(&p->payload);
	buf_free(&p->schema);
	buf_free(&p->table);
	buf_free(&p->head);
	topics_free(&p->topics);
	dead_letter_close(&p->dead_letter);
	producer_close(&p->producer);
	window_free(&p->window);
	ack_disconnect(&p->sink);
}

int
produce_main(int argc, char **argv)
{
	static struct produce p = {
		.sink = { .fd = -1 }, .producer = { .fd = -1 }, .dead_letter = { .fd = -1 }
	};
	int err;

	if ((err = produce_options_parse(&p.options, argc, argv)) != 0)
		return err;
	line_open(&p.reader, STDIN_FILENO, p.options.max_line);
	loop_start();
	if ((err = dead_letter_open(&p.dead_letter, p.options.dead_letter)) == 0 &&
	    (err = producer_open(&p.producer, &p.options)) == 0 && (err = open_topic(&p)) == 0)
		err = flow(&p);
	release(&p);
	return err;
}
