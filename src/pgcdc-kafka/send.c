#include <string.h>

#include "headers.h"
#include "log.h"
#include "schema_row.h"
#include "send.h"
#include "split.h"
#include "text.h"
#include "topic.h"

/* The value of a message. */
struct payload {
	const char *p; /* NULL: a tombstone */
	size_t len;
	int stays; /* p is good until the message is delivered */
	char action;
};

static int
no_memory(void)
{
	return log_temporary("out of memory for a message");
}

static struct payload
whole_line(const struct sender *s)
{
	return (struct payload){ s->line.p, s->line.len, 1, 0 };
}

/* --- one message */

/* A message as it goes to one partition, with the key that is in s->key. */
static int
send_to(struct sender *s, struct topic *topic, int32_t partition, const struct payload *payload)
{
	const struct headers_context context = { s->options->headers, s->system_identifier,
		s->options->epoch, s->commit_lsn, payload->action };
	struct producer_message m = {
		.topic = topic->handle,
		.partition = partition,
		.key = s->options->key == KEY_NONE ? NULL : s->key.data,
		.key_len = s->key.len,
		.payload = payload->p,
		.payload_len = payload->len,
		.payload_stays = payload->stays,
		.headers = headers_make(s->event, &context),
	};
	int err;

	if ((m.headers == NULL && context.kind != HEADERS_NONE) || s->key.failed ||
	    window_add(s->window, &m.unit) != 0)
		return no_memory();
	if ((err = producer_send(s->producer, &m)) != 0 || payload->len <= s->options->batch_bytes)
		return err;
	/*
	 * What is larger than a batch may be refused.  A broker that knows nothing yet of this
	 * producer would then take what came behind it: so nothing does.
	 */
	return s->settle(s->context);
}

static int
send_by_key(struct sender *s, struct topic *topic, const struct payload *payload)
{
	return send_to(s, topic, RD_KAFKA_PARTITION_UA, payload);
}

/* What concerns all keys goes to each partition, and so is in order with them all. */
static int
send_everywhere(struct sender *s, struct topic *topic, const struct payload *payload)
{
	int32_t n;
	int err;

	if ((err = topics_partitions(&s->topics, topic, &n)) != 0)
		return err;
	for (int32_t i = 0; err == 0 && i < n; i++)
		err = send_to(s, topic, i, payload);
	return err;
}

/* --- rows of tables */

static int
find_topic(struct sender *s, struct topic **topic)
{
	char name[TOPIC_SIZE];

	if ((*topic = s->topic) != NULL)
		return 0;
	s->schema.len = s->table.len = 0;
	text_add(&s->schema, s->event->schema);
	text_add(&s->table, s->event->table);
	if (s->schema.failed || s->table.failed)
		return no_memory();
	if (topic_expand(name, s->options->topic, s->schema.data, s->schema.len, s->table.data,
		s->table.len) != 0)
		return log_permanent("the topic of table \"%.*s.%.*s\" would have more than %d "
				     "characters; give a shorter --topic",
		    (int)s->schema.len, s->schema.data, (int)s->table.len, s->table.data,
		    TOPIC_SIZE - 1);
	return topics_get(&s->topics, name, 0, topic);
}

static int
make_key(struct sender *s, struct buf *key, int is_old)
{
	key->len = 0;
	if (key_make(key, s->options->key, s->event, is_old) >= 0)
		return 0;
	return log_permanent("line %llu does not say what identifies its row; put "
			     "pgcdc-translate before, or give another --key",
	    s->number);
}

static int
send_tombstone(struct sender *s, struct topic *topic)
{
	static const struct payload tombstone = { NULL, 0, 1, 'D' };

	return s->options->tombstones ? send_by_key(s, topic, &tombstone) : 0;
}

/* A part of an update, which was written to s->payload. */
static int
send_part(struct sender *s, struct topic *topic, char action)
{
	const struct payload part = { s->payload.data, s->payload.len, 0, action };

	return s->payload.failed ? no_memory() : send_by_key(s, topic, &part);
}

/* An update with another key: what was under the old one must go before. */
static int
send_split(struct sender *s, struct topic *topic)
{
	struct buf new_key = s->key;
	int err;

	s->payload.len = 0;
	split_delete(&s->payload, s->line.p, s->line.len, s->event);
	s->key = s->old_key;
	if ((err = send_part(s, topic, 'D')) == 0)
		err = send_tombstone(s, topic);
	s->key = new_key;
	if (err != 0)
		return err;
	s->payload.len = 0;
	split_insert(&s->payload, s->line.p, s->line.len, s->event);
	return send_part(s, topic, 'I');
}

static int
send_row(struct sender *s)
{
	const struct payload payload = whole_line(s);
	struct topic *topic;
	int err;

	if (s->event->schema.p == NULL || s->event->table.p == NULL)
		return log_permanent(
		    "line %llu is a row without \"schema\" and \"table\"", s->number);
	if ((err = find_topic(s, &topic)) != 0)
		return err;
	if (s->event->code == 'T' && s->options->key == KEY_IDENTITY) {
		s->key.len = 0;
		return send_everywhere(s, topic, &payload);
	}
	if ((err = make_key(s, &s->key, 0)) != 0)
		return err;
	if (s->event->code == 'U' && s->options->key == KEY_IDENTITY &&
	    s->event->identity.whole.p != NULL) {
		if ((err = make_key(s, &s->old_key, 1)) != 0)
			return err;
		if (s->old_key.len != s->key.len ||
		    memcmp(s->old_key.data, s->key.data, s->key.len) != 0)
			return send_split(s, topic);
	}
	if ((err = send_by_key(s, topic, &payload)) != 0 || s->event->code != 'D')
		return err;
	return send_tombstone(s, topic);
}

/* --- rows of the schema log */

/* The row that is in hand, for each table that it is about. */
struct announcement {
	struct sender *s;
	struct payload payload;
	struct topic *last; /* tables often share a topic */
};

static int
announce(void *context, const char *schema, const char *table)
{
	struct announcement *a = context;
	struct sender *s = a->s;
	struct topic *topic;
	char name[TOPIC_SIZE];
	int err;

	/* A table that cannot have a topic has no rows either: the first would end the run. */
	if (topic_expand(name, s->options->topic, schema, strlen(schema), table, strlen(table)) !=
	    0)
		return 0;
	if ((err = topics_get(&s->topics, name, 1, &topic)) != 0 || topic == NULL ||
	    topic == a->last)
		return err;
	a->last = topic;
	return send_everywhere(s, topic, &a->payload);
}

/* A row of the schema log must be before the rows that it is about, wherever they go. */
static int
send_schema_row(struct sender *s)
{
	struct announcement a = { .s = s, .payload = whole_line(s) };
	int err;

	s->key.len = 0;
	schema_row_key(&s->key, s->event);
	if (s->topic != NULL)
		return s->options->key == KEY_SCHEMA ? send_by_key(s, s->topic, &a.payload)
		                                     : send_everywhere(s, s->topic, &a.payload);
	err = schema_row_tables(s->event, announce, &a);
	if (err == SCHEMA_ROW_DAMAGED)
		return log_permanent(
		    "line %llu has a row of the schema log that is damaged", s->number);
	return err;
}

/* --- the whole */

int
send_open(struct sender *s, int (*serve)(void *context))
{
	s->topics = (struct topics){
		.rk = s->producer->rk,
		.wish = {
		    .is_one = s->options->auto_create,
		    .partitions = s->options->partitions,
		    .replication = s->options->replication,
		    .config = s->options->topic_config,
		},
		.serve = serve,
		.context = s->context,
	};
	if (topic_is_template(s->options->topic))
		return 0;
	return topics_get(&s->topics, s->options->topic, 0, &s->topic);
}

void
send_begin(struct sender *s, const struct event *begin)
{
	struct event_span lsn;

	s->commit_lsn[0] = '\0';
	if (begin != NULL && event_text(&lsn, begin->lsn) == 0 && lsn.len < sizeof(s->commit_lsn)) {
		memcpy(s->commit_lsn, lsn.p, lsn.len);
		s->commit_lsn[lsn.len] = '\0';
	}
}

int
send_line(struct sender *s, const struct event *e, const char *line, size_t len,
    unsigned long long number)
{
	s->event = e;
	s->line = (struct event_span){ line, len };
	s->number = number;
	return schema_row_is(e) ? send_schema_row(s) : send_row(s);
}

void
send_close(struct sender *s)
{
	buf_free(&s->key);
	buf_free(&s->old_key);
	buf_free(&s->payload);
	buf_free(&s->schema);
	buf_free(&s->table);
	topics_free(&s->topics);
}
