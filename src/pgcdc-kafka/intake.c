#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "consume.h"
#include "intake.h"
#include "log.h"
#include "record.h"

/* Bytes that the messages which are taken at once should have together. */
#define HELD_BYTES ((size_t)256 * 1024)

static int
no_memory(void)
{
	return log_temporary("out of memory for a message");
}

static const char *
place(const rd_kafka_message_t *m)
{
	static char text[384];

	snprintf(text, sizeof(text), "topic \"%s\" partition %d offset %lld",
	    rd_kafka_topic_name(m->rkt), m->partition, (long long)m->offset);
	return text;
}

/* --- what goes out */

static void
add_mark(struct consume *c)
{
	tokens_mark(&c->tokens, &c->out.buf);
	c->rows = c->bytes = 0;
}

int
intake_mark(struct consume *c)
{
	int is_new = c->rows > 0;

	if (!is_new && c->taken == 0)
		return 0;
	c->taken = 0;
	if (is_new)
		add_mark(c);
	if (c->out.buf.failed)
		return no_memory();
	if (c->options.ack == NULL)
		return 0;
	if (is_new)
		confirm_emitted(&c->confirm, c->tokens.newest);
	for (size_t i = 0; i < c->partitions.n; i++)
		if (c->partitions.item[i]->is_dirty &&
		    marks_add(&c->marks, c->tokens.newest, c->partitions.item[i]) != 0)
			return no_memory();
	marks_acked(&c->marks, c->confirm.acked);
	return 0;
}

/* --- what comes in */

/* The cluster that the message is of; p is NULL if nobody says. */
static struct event_span
cluster_of(const struct consume *c, const rd_kafka_message_t *m)
{
	struct event_span id = record_header(m, "system_identifier");
	const char *ours = c->options.system_identifier;

	if (id.p == NULL && ours != NULL)
		id = (struct event_span){ ours, strlen(ours) };
	return id;
}

/* The cluster of the stream, NULL as long as it may be any. */
static const char *
our_cluster(const struct consume *c)
{
	return c->system_identifier[0] != '\0' ? c->system_identifier
	                                       : c->options.system_identifier;
}

static int
is_of_other(const struct consume *c, struct event_span id)
{
	const char *ours = our_cluster(c);

	return ours != NULL && id.p != NULL &&
	       (strlen(ours) != id.len || memcmp(ours, id.p, id.len) != 0);
}

/* The first message on the stream says which cluster that is of. */
static int
check_cluster(struct consume *c, const rd_kafka_message_t *m, struct event_span id)
{
	if (id.p == NULL) {
		c->is_bad_data = 1;
		return log_permanent("the message at %s does not say which cluster it is of; say "
				     "so with --system-identifier",
		    place(m));
	}
	if (c->system_identifier[0] != '\0')
		return 0;
	if (id.len == 0 || id.len >= sizeof(c->system_identifier) ||
	    strspn(id.p, "0123456789") != id.len) {
		c->is_bad_data = 1;
		return log_permanent("the message at %s names no cluster in its header "
				     "\"system_identifier\"",
		    place(m));
	}
	memcpy(c->system_identifier, id.p, id.len);
	tokens_head(&c->tokens, &c->out.buf, c->system_identifier);
	return 0;
}

static int
put_aside(struct consume *c, const rd_kafka_message_t *m, const char *why)
{
	int err = aside_put(&c->aside, m, why);

	if (err == 0)
		log_warn("the message at %s is no event, and in \"%s\" now: %s", place(m),
		    c->aside.path, why);
	return err;
}

static int
take_foreign(struct consume *c, const rd_kafka_message_t *m)
{
	if (errno == ENOMEM)
		return no_memory();
	if (c->aside.path != NULL)
		return put_aside(c, m, c->decode.error);
	c->is_bad_data = 1;
	return log_permanent("the message at %s is no event: %s; nothing from there on is "
			     "acknowledged, put such aside with --foreign=dead-letter",
	    place(m), c->decode.error);
}

/* Of another cluster.  Only who was told which one is ours knows that it is not the other way. */
static int
take_other(struct consume *c, const rd_kafka_message_t *m, struct event_span id)
{
	char why[128];

	if (c->aside.path != NULL && c->options.system_identifier != NULL) {
		snprintf(why, sizeof(why), "it is of cluster %.*s, and the stream of %s",
		    (int)id.len, id.p, our_cluster(c));
		return put_aside(c, m, why);
	}
	c->is_bad_data = 1;
	return log_permanent("the message at %s is of cluster %.*s, and the stream of %s; say "
			     "which is ours with --system-identifier, and put the other's messages "
			     "aside with --foreign=dead-letter",
	    place(m), (int)id.len, id.p, our_cluster(c));
}

static int
emit(struct consume *c, const rd_kafka_message_t *m)
{
	struct buf *b = &c->out.buf;
	struct event_span line, id;
	size_t before;
	int err;

	switch (decode_value(&c->decode, m->payload, m->len, &line)) {
	case 0:
		break;
	case DECODE_NOTHING:
		c->n_nothing++;
		return 0;
	default:
		return take_foreign(c, m);
	}
	id = cluster_of(c, m);
	if (is_of_other(c, id))
		return take_other(c, m, id);
	if ((err = check_cluster(c, m, id)) != 0)
		return err;
	before = b->len;
	if (c->options.with_origin)
		record_add_with_origin(b, line, m);
	else
		buf_add(b, line.p, line.len);
	buf_add(b, "\n", 1);
	c->rows++;
	c->bytes += b->len - before;
	return 0;
}

/* All before this offset was taken. */
static void
advance(struct consume *c, struct partition *p, int64_t next)
{
	p->next = next;
	p->is_dirty = 1;
	c->taken++;
	if (c->options.drain && next >= p->goal)
		p->is_drained = 1;
}

/*
 * librdkafka goes on behind what it cannot read, or asks for it for ever, and neither is any good.
 * The offset is where it has met that; of a batch it is the first one, which may be behind us.
 */
static int
take_damage(struct consume *c, const struct partition *p, int64_t offset, const char *reason)
{
	c->is_bad_data = 1;
	return log_permanent("topic \"%s\" partition %d cannot be read from offset %lld on: %s; "
			     "nothing from there on is acknowledged, let a replica that has it "
			     "whole lead the partition, or set the group's offset behind it",
	    p->topic, p->number, (long long)(offset > p->next ? offset : p->next), reason);
}

static int
take_partition_error(struct consume *c, struct partition *p, rd_kafka_resp_err_t error,
    int64_t offset, const char *reason)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
		return rebalance_reset(c, p);
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		return log_permanent("topic \"%s\" partition %d does not exist any more; "
				     "was the topic deleted?",
		    p->topic, p->number);
	case RD_KAFKA_RESP_ERR__BAD_MSG:
	case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
	case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
		return take_damage(c, p, offset, reason);
	default:
		return client_judge(c->consumer.rk, error, reason);
	}
}

/* The end that EOF tells of is behind what cannot be seen, too: the marks of transactions. */
static void
take_eof(struct consume *c, struct partition *p, int64_t end)
{
	if (end > p->next)
		advance(c, p, end);
	p->is_drained = c->options.drain;
}

/* The partition of a message, NULL if we do not have it any more. */
static struct partition *
partition_of(struct partitions *ps, const rd_kafka_message_t *m)
{
	struct partition *p = ps->last;

	if (p != NULL && p->number == m->partition && p->handle == m->rkt)
		return p;
	p = partition_find(ps, rd_kafka_topic_name(m->rkt), m->partition);
	if (p != NULL) {
		p->handle = m->rkt;
		ps->last = p;
	}
	return p;
}

static int
take_message(struct consume *c, const rd_kafka_message_t *m)
{
	struct partition *p = partition_of(&c->partitions, m);
	int err = 0;

	if (p == NULL || p->is_leaving || p->is_drained || c->is_ending)
		return 0;
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		take_eof(c, p, m->offset);
	else if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return take_partition_error(c, p, m->err, m->offset, rd_kafka_message_errstr(m));
	if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	if (m->payload == NULL)
		c->n_nothing++;
	else
		err = emit(c, m);
	if (err != 0)
		return err;
	c->n_messages++;
	p->unmarked++;
	advance(c, p, m->offset + 1);
	if (c->rows >= c->options.batch_size || c->bytes >= c->options.batch_bytes)
		return intake_mark(c);
	return c->out.buf.failed ? no_memory() : 0;
}

/* --- librdkafka's events */

/* A topic that a pattern is for may still be made; with --drain it would come too late. */
static int
take_unknown_topic(struct consume *c, const char *reason)
{
	const char *pattern = patterns_take(&c->patterns, reason);

	if (pattern != NULL && c->options.drain)
		log_info("no topic matches \"%s\"", pattern);
	else if (pattern != NULL)
		log_warn("no topic matches \"%s\"; waiting for one", pattern);
	if (pattern != NULL)
		return 0;
	return log_permanent("%s; give --topic one that is there", reason);
}

/* An error of a partition, its end among them. */
static int
take_error_at(struct consume *c, rd_kafka_event_t *event, const rd_kafka_topic_partition_t *at)
{
	struct partition *p = partition_find(&c->partitions, at->topic, at->partition);

	if (p == NULL || p->is_leaving || p->is_drained || c->is_ending)
		return 0;
	if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return take_partition_error(c, p, rd_kafka_event_error(event), at->offset,
		    rd_kafka_event_error_string(event));
	take_eof(c, p, at->offset);
	return 0;
}

static int
take_error(struct consume *c, rd_kafka_event_t *event)
{
	rd_kafka_resp_err_t error = rd_kafka_event_error(event);
	const char *reason = rd_kafka_event_error_string(event);

	if (rd_kafka_event_error_is_fatal(event))
		error = RD_KAFKA_RESP_ERR__FATAL;
	if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return take_unknown_topic(c, reason);
	return client_judge(c->consumer.rk, error, reason);
}

/* It concerns a partition, and so has to wait until what came of that before was taken. */
static int
is_of_partition(rd_kafka_event_t *event)
{
	rd_kafka_topic_partition_t *at;

	if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH)
		return 1;
	if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_ERROR ||
	    rd_kafka_event_error_is_fatal(event) ||
	    (at = rd_kafka_event_topic_partition(event)) == NULL)
		return 0;
	rd_kafka_topic_partition_destroy(at);
	return 1;
}

static int
next_early(struct consume *c)
{
	const rd_kafka_message_t *m;
	rd_kafka_topic_partition_t *at;
	rd_kafka_event_t *event = early_first(&c->early, &m);
	int err;

	if (m != NULL) {
		consumer_forward(&c->consumer, rd_kafka_topic_name(m->rkt), m->partition);
		err = take_message(c, m);
	} else {
		at = rd_kafka_event_topic_partition(event);
		err = take_error_at(c, event, at);
		rd_kafka_topic_partition_destroy(at);
	}
	early_drop_first(&c->early);
	return err;
}

int
intake_serve(struct consume *c)
{
	rd_kafka_event_t *event;
	int err = 0;

	while (err == 0 && (event = consumer_event(&c->consumer)) != NULL) {
		if (is_of_partition(event)) {
			if (early_add(&c->early, event) != 0)
				return no_memory();
			continue;
		}
		switch (rd_kafka_event_type(event)) {
		case RD_KAFKA_EVENT_REBALANCE:
			rebalance_take(c, event);
			break;
		case RD_KAFKA_EVENT_OFFSET_COMMIT:
			err = committer_take(&c->committer, event);
			break;
		case RD_KAFKA_EVENT_ERROR:
			err = take_error(c, event);
			break;
		case RD_KAFKA_EVENT_LOG:
			consumer_log(&c->consumer, event);
			break;
		default:
			break;
		}
		rd_kafka_event_destroy(event);
	}
	return err;
}

/* --- messages that are taken and not on the stream yet */

static void
fill(struct consume *c)
{
	size_t n = HELD_BYTES / (c->held.size + 1) + 1;

	if (n > INTAKE_BATCH)
		n = INTAKE_BATCH;
	c->held.at = 0;
	c->held.n = consumer_take(&c->consumer, c->held.message, n);
	c->held.is_last = c->held.n < n;
	if (c->held.n > 0)
		c->held.size = (c->held.size + c->held.message[0]->len) / 2;
}

static int
next_held(struct consume *c)
{
	rd_kafka_message_t *m = c->held.message[c->held.at++];
	int err = 0;

	if (m != NULL) {
		err = take_message(c, m);
		rd_kafka_message_destroy(m);
	}
	return err;
}

int
intake_is_empty(const struct consume *c)
{
	return c->early.first == NULL && c->held.at == c->held.n && c->held.is_last;
}

int
intake_take(struct consume *c)
{
	int err;

	/* What concerns a message comes before it, or is there when it is looked at. */
	if (c->held.at == c->held.n)
		fill(c);
	if ((err = intake_serve(c)) != 0)
		return err;
	while (err == 0 && c->early.first != NULL && consume_has_room(c))
		err = next_early(c);
	while (err == 0 && c->held.at < c->held.n && consume_has_room(c))
		err = next_held(c);
	return err;
}

void
intake_drop(struct consume *c, const struct partition *p)
{
	early_drop(&c->early, p != NULL ? p->topic : NULL, p != NULL ? p->number : 0);
	for (size_t i = c->held.at; i < c->held.n; i++) {
		rd_kafka_message_t *m = c->held.message[i];

		if (m == NULL || (p != NULL && partition_of(&c->partitions, m) != p))
			continue;
		rd_kafka_message_destroy(m);
		c->held.message[i] = NULL;
	}
}
