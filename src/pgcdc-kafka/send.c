#include <string.h>

#include "ddl.h"
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

/* A row as --format says; with 'D' or 'I' that part of an update.  Memory: s->payload.failed. */
static struct payload
make_payload(struct sender *s, char action)
{
	if (s->options->format == FORMAT_PGCDC && action == 0)
		return (struct payload){ s->line.p, s->line.len, 1, 0 };
	s->payload.len = 0;
	if (s->options->format != FORMAT_PGCDC)
		format_row(&s->payload, s->options->format, s->event, action);
	else if (action == 'D')
		split_delete(&s->payload, s->line.p, s->line.len, s->event);
	else
		split_insert(&s->payload, s->line.p, s->line.len, s->event);
	return (struct payload){ s->payload.data, s->payload.len, 0, action };
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
	    s->payload.failed || window_add(s->window, &m.unit) != 0)
		return no_memory();
	if ((err = producer_send(s->producer, &m)) != 0 ||
	    !producer_is_alone(s->producer, m.key_len, m.payload_len))
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
	enum key_made made;

	key->len = 0;
	made = key_make(key, s->options->key, s->event, is_old);
	s->is_row_key = made == KEY_OF_ROW;
	if (made != KEY_UNKNOWN)
		return 0;
	return log_permanent("line %llu does not say what identifies its row; put "
			     "pgcdc-translate before, or give another --key",
	    s->number);
}

static int
send_tombstone(struct sender *s, struct topic *topic)
{
	static const struct payload tombstone = { NULL, 0, 1, 'D' };

	/* One for the key of many rows would take away those that are still there. */
	return s->options->tombstones && s->is_row_key ? send_by_key(s, topic, &tombstone) : 0;
}

static int
send_part(struct sender *s, struct topic *topic, char action)
{
	const struct payload part = make_payload(s, action);

	return send_by_key(s, topic, &part);
}

/* An update with another key: what was under the old one must go before. */
static int
send_split(struct sender *s, struct topic *topic)
{
	struct buf new_key = s->key;
	int err;

	s->key = s->old_key;
	if ((err = send_part(s, topic, 'D')) == 0)
		err = send_tombstone(s, topic);
	s->key = new_key;
	if (err != 0)
		return err;
	return send_part(s, topic, 'I');
}

static int
send_row(struct sender *s)
{
	struct payload payload;
	struct topic *topic;
	int err;

	if (s->event->schema.p == NULL || s->event->table.p == NULL)
		return log_permanent(
		    "line %llu is a row without \"schema\" and \"table\"", s->number);
	if ((err = find_topic(s, &topic)) != 0)
		return err;
	if ((err = make_key(s, &s->key, 0)) != 0)
		return err;
	if (s->event->code == 'T' && s->options->key == KEY_IDENTITY) {
		payload = make_payload(s, 0);
		return send_everywhere(s, topic, &payload);
	}
	if (s->event->code == 'U' && s->options->key == KEY_IDENTITY &&
	    s->event->identity.whole.p != NULL) {
		if ((err = make_key(s, &s->old_key, 1)) != 0)
			return err;
		if (s->old_key.len != s->key.len ||
		    memcmp(s->old_key.data, s->key.data, s->key.len) != 0)
			return send_split(s, topic);
	}
	payload = make_payload(s, 0);
	if ((err = send_by_key(s, topic, &payload)) != 0 || s->event->code != 'D')
		return err;
	return send_tombstone(s, topic);
}

/* --- rows of the schema log */

/*
 * To where rows with any key find it before them.  pgstream would run a command as often as there
 * are partitions, so it gets one message, under the key of the schema, as its own writer does it.
 */
static int
send_schema(struct sender *s, struct topic *topic, const struct payload *payload)
{
	int is_keyed = s->options->key == KEY_SCHEMA && s->topic != NULL;

	return is_keyed || format_is_pgstream(s->options->format)
	           ? send_by_key(s, topic, payload)
	           : send_everywhere(s, topic, payload);
}

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
	return send_schema(s, topic, &a->payload);
}

static int
damaged(const struct sender *s)
{
	return log_permanent("line %llu has a row of the schema log that is damaged", s->number);
}

/*
 * The row as --format says, and how many messages there are of it: 0 or 1; -1: it is damaged.
 * Memory: s->payload.failed.
 */
static int
make_schema_payload(struct sender *s, struct payload *payload)
{
	int n = 1;

	s->payload.len = 0;
	switch (s->options->format) {
	case FORMAT_PGSTREAM_V0:
		n = whole_schema_row(&s->schemas, &s->payload, s->event);
		break;
	case FORMAT_PGSTREAM_V1:
		n = ddl_message(&s->payload, s->event);
		break;
	case FORMAT_WAL2JSON:
		/* A definition that pgcdc-translate repeats is no change. */
		if (s->event->baseline.p != NULL && *s->event->baseline.p == 't')
			return 0;
		/* FALLTHROUGH */
	default:
		*payload = make_payload(s, 0);
		return 1;
	}
	*payload = (struct payload){ s->payload.data, s->payload.len, 0, 0 };
	return n;
}

/* A row of the schema log must be before the rows that it is about, wherever they go. */
static int
send_where_needed(struct sender *s, const struct payload *payload)
{
	struct announcement a = { .s = s, .payload = *payload };
	int err;

	s->key.len = 0;
	schema_row_key(&s->key, s->event);
	if (s->topic != NULL)
		return send_schema(s, s->topic, payload);
	err = schema_row_tables(s->event, announce, &a);
	return err == SCHEMA_ROW_DAMAGED ? damaged(s) : err;
}

/* What pgstream 0.x was told is kept, so it may not be told in vain. */
static int
keep_schemas(struct sender *s)
{
	int err;

	if (s->options->format != FORMAT_PGSTREAM_V0)
		return 0;
	return (err = s->settle(s->context)) != 0 ? err : whole_schema_save(&s->schemas);
}

static int
send_schema_row(struct sender *s)
{
	struct payload payload;
	int err, n;

	if (s->options->format == FORMAT_PGSTREAM_V0) {
		if (s->schemas.path == NULL)
			return log_permanent(
			    "line %llu is a row of the schema log, and pgstream 0.x takes the "
			    "tables that such a row leaves out for dropped; give --schemas=FILE "
			    "to keep them in, or --exclude-schemas=pgcdc to pgcdc-translate",
			    s->number);
		if ((err = whole_schema_check(&s->schemas, s->system_identifier)) != 0)
			return err;
	}
	if ((n = make_schema_payload(s, &payload)) < 0)
		return damaged(s);
	if (n == 0)
		return s->payload.failed ? no_memory() : keep_schemas(s);
	return (err = send_where_needed(s, &payload)) != 0 ? err : keep_schemas(s);
}

/* --- the whole */

int
send_open(struct sender *s, int (*serve)(void *context))
{
	int err;

	if ((err = whole_schema_open(&s->schemas, s->options->schemas)) != 0)
		return err;
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
	return event_is_schema_row(e) ? send_schema_row(s) : send_row(s);
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
	whole_schema_close(&s->schemas);
}
