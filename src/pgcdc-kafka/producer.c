#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "producer.h"

/*
 * What librdkafka needs for a message besides key and payload: its own struct, a list of ten
 * headers and their allocations (measured with mallinfo2() on 2.0.2, rounded up).
 */
#define MESSAGE_COST 1200

/* What a batch of one message has besides key and payload: its own head, and all headers. */
#define BATCH_COST 512

/* Milliseconds. */
#define SOCKET_TIMEOUT 60000

/* Microseconds until those that linger are told again that they need not. */
#define HURRY_AGAIN 50000

/* What order and durability rest on. */
static const struct client_rule rules[] = {
	{ "enable.idempotence", "true", "a retry could double or reorder messages" },
	{ "enable.gapless.guarantee", "true", "what follows a refused message could overtake it" },
	{ "acks", "all|-1", "a message could be lost that was acknowledged" },
	{ "request.required.acks", "all|-1", "a message could be lost that was acknowledged" },
	{ "message.timeout.ms", "0", "a message could be given up that is waited for" },
	{ "delivery.timeout.ms", "0", "a message could be given up that is waited for" },
	{ "message.send.max.retries", "2147483647",
	    "a message could be given up that is waited for" },
	{ "retries", "2147483647", "a message could be given up that is waited for" },
	{ "partitioner", NULL, "other clients look for a key where --format says" },
	{ "transactional.id", NULL, "use --transactional-id" },
	{ "transaction.timeout.ms", NULL, "use --transaction-timeout" },
	{ "queue.buffering.max.kbytes", NULL, "use --queue-bytes" },
	{ "queue.buffering.max.messages", NULL, "use --queue-bytes" },
	{ "message.max.bytes", NULL,
	    "how large a message may be is the broker's to say; batches have --batch-bytes" },
	{ "delivery.report.only.error", "false", "nothing could be acknowledged" },
	{ "log.queue", "true", "errors of transactions would not be seen" },
	{ .name = NULL },
};

/* pgstream takes the CRC32 of a key (CRC32Balancer of github.com/segmentio/kafka-go). */
static const char *
partitioner(enum format_kind format)
{
	return format_is_pgstream(format) ? "consistent_random" : "murmur2_random";
}

/* Those that are given, else it is as the properties say. */
static int
set_options(rd_kafka_conf_t *conf, const struct produce_options *o)
{
	char linger[32];
	int err;

	snprintf(linger, sizeof(linger), "%.3f", (double)o->linger / 1000);
	if ((o->linger >= 0 && (err = client_set(conf, "linger.ms", linger)) != 0) ||
	    (o->batch_bytes != 0 &&
		(err = client_set_number(conf, "batch.size", o->batch_bytes)) != 0) ||
	    (o->batch_size != 0 &&
		(err = client_set_number(conf, "batch.num.messages", o->batch_size)) != 0))
		return err;
	return o->compression != NULL ? client_set(conf, "compression.codec", o->compression) : 0;
}

static int
configure(rd_kafka_conf_t *conf, const struct produce_options *o)
{
	const struct client_property fixed[] = {
		{ "message.timeout.ms", "0" },
		/* The queue is ours to bound: of a message librdkafka counts only the payload. */
		{ "queue.buffering.max.messages", "10000000" },
		{ "queue.buffering.max.kbytes", "2147483647" },
		{ "message.max.bytes", "1000000000" },
		{ "enable.idempotence", "true" },
		/* Behind a message that is refused nothing may go on, unless that is put aside. */
		{ "enable.gapless.guarantee", o->dead_letter == NULL ? "true" : "false" },
		{ "partitioner", partitioner(o->format) },
		{ .name = NULL },
	};
	int err;

	if ((err = client_set_all(conf, fixed)) != 0 || (err = set_options(conf, o)) != 0)
		return err;
	rd_kafka_conf_set_events(
	    conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
	return 0;
}

/*
 * Unless it is set, librdkafka raises socket.timeout.ms to that of transactions: a connection that
 * hangs would not be given up for as long, and 36 minutes overflow what it computes with.
 */
static int
bound_socket_timeout(rd_kafka_conf_t *conf, int64_t longest)
{
	int64_t timeout = (int64_t)client_get_number(conf, "socket.timeout.ms");

	if (timeout == SOCKET_TIMEOUT && longest < timeout)
		timeout = longest;
	return client_set_number(conf, "socket.timeout.ms", (uint64_t)timeout);
}

static int
configure_transactions(rd_kafka_conf_t *conf, const struct produce_options *o, int64_t longest)
{
	int err;

	if (o->transactional_id == NULL)
		return 0;
	if ((err = bound_socket_timeout(conf, longest)) != 0)
		return err;
	if ((err = client_set(conf, "transactional.id", o->transactional_id)) != 0)
		return err;
	return client_set_number(conf, "transaction.timeout.ms", (uint64_t)longest);
}

int
producer_open(struct producer *p, const struct produce_options *o, int64_t longest)
{
	static const uint64_t one = 1;
	rd_kafka_conf_t *conf;
	char error[512];
	int err;

	*p = (struct producer){ .fd = -1, .longest = longest * 1000, .aborted_at = LOOP_NEVER };
	if ((err = client_configure(&conf, &o->client, rules)) != 0)
		return err;
	if ((err = configure(conf, o)) != 0 ||
	    (err = configure_transactions(conf, o, longest)) != 0) {
		rd_kafka_conf_destroy(conf);
		return err;
	}
	p->linger = (int64_t)(client_get_number(conf, "linger.ms") * 1000);
	p->batch_bytes = (uint64_t)client_get_number(conf, "batch.size");
	if ((p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error))) == NULL) {
		rd_kafka_conf_destroy(conf);
		return log_permanent("could not set up Kafka's producer: %s", error);
	}
	p->queue = rd_kafka_queue_get_main(p->rk);
	if (rd_kafka_set_log_queue(p->rk, NULL) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    (p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
		return log_temporary("could not make an event descriptor: %s", strerror(errno));
	rd_kafka_queue_io_event_enable(p->queue, p->fd, &one, sizeof(one));
	return 0;
}

static uint64_t
cost(size_t key_len, size_t payload_len)
{
	return MESSAGE_COST + key_len + payload_len;
}

int
producer_send(struct producer *p, const struct producer_message *m)
{
	rd_kafka_vu_t vu[] = {
		{ .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = m->topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = m->partition },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS,
		    .u.i = m->payload_stays ? 0 : RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { (void *)(uintptr_t)m->key, m->key_len } },
		{ .vtype = RD_KAFKA_VTYPE_VALUE,
		    .u.mem = { (void *)(uintptr_t)m->payload, m->payload_len } },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)m->unit },
		{ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = m->headers },
	};
	size_t n = sizeof(vu) / sizeof(vu[0]) - (m->headers == NULL);
	rd_kafka_error_t *error = rd_kafka_produceva(p->rk, vu, n);
	int err;

	if (error == NULL) {
		p->bytes += cost(m->key_len, m->payload_len);
		return 0;
	}
	if (m->headers != NULL)
		rd_kafka_headers_destroy(m->headers);
	if (rd_kafka_fatal_error(p->rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR)
		err = PRODUCER_FATAL;
	else
		err = log_permanent("could not send a message to topic \"%s\": %s",
		    rd_kafka_topic_name(m->topic), rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return err;
}

int
producer_is_alone(const struct producer *p, size_t key_len, size_t payload_len)
{
	return BATCH_COST + key_len + payload_len > p->batch_bytes;
}

int
producer_judge_fenced(struct producer *p)
{
	p->is_lost = 1;
	if (p->longest == 0)
		return log_temporary("the broker does not know our sequence of messages any more");
	/* The broker says the same to a producer whose time was over. */
	if (loop_now() >= p->aborted_at)
		return log_temporary("a transaction of Kafka was open for more than %lld s, and "
				     "the broker has taken it back",
		    (long long)p->longest / 1000000);
	return log_permanent("another producer has taken over --transactional-id; stop one of "
			     "them, or give it another id");
}

int
producer_judge_fatal(struct producer *p)
{
	p->is_lost = 1;
	switch (rd_kafka_fatal_error(p->rk, NULL, 0)) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return log_temporary("Kafka's producer has given up messages, and not said why");
	case RD_KAFKA_RESP_ERR__FENCED:
		return producer_judge_fenced(p);
	default:
		return client_judge(p->rk, RD_KAFKA_RESP_ERR__FATAL, "");
	}
}

int
producer_judge(struct producer *p, rd_kafka_error_t *error, const char *what)
{
	int err = 0;

	if (rd_kafka_error_is_fatal(error))
		err = producer_judge_fatal(p);
	else if (!rd_kafka_error_is_retriable(error) &&
		 rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__TIMED_OUT)
		err = log_temporary("%s: %s", what, rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return err;
}

int64_t
producer_hurry(struct producer *p)
{
	/* With 0 it would be over before a broker's thread looks whether anybody flushes. */
	rd_kafka_flush(p->rk, 1);
	return p->linger > HURRY_AGAIN ? loop_now() + HURRY_AGAIN : LOOP_NEVER;
}

rd_kafka_event_t *
producer_event(struct producer *p)
{
	rd_kafka_event_t *event;
	uint64_t woken;

	/* What comes behind the look wakes again. */
	if ((event = rd_kafka_queue_poll(p->queue, 0)) != NULL)
		return event;
	if (read(p->fd, &woken, sizeof(woken)) < 0)
		return NULL;
	return rd_kafka_queue_poll(p->queue, 0);
}

uint64_t
producer_delivered(struct producer *p, const rd_kafka_message_t *m)
{
	p->bytes -= cost(m->key_len, m->len);
	return (uint64_t)(uintptr_t)m->_private;
}

void
producer_close(struct producer *p)
{
	if (p->queue != NULL)
		rd_kafka_queue_destroy(p->queue);
	if (p->rk != NULL)
		rd_kafka_destroy(p->rk);
	if (p->fd >= 0)
		close(p->fd);
}
