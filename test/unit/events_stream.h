/* What the tests of the event stream share: a stream of their own, and what came of it. */
#ifndef EVENTS_STREAM_H
#define EVENTS_STREAM_H

#include <stdlib.h>

#include "event.h"
#include "events.h"
#include "log.h"

#include "messages.h"
#include "said.h"

#define START 0x1000
#define MOST (UINT64_C(1) << 30)

static struct filter none;
static struct types *types;
static struct events e;
static struct buf out;
static enum events_result result;
static uint64_t lsn;
static int ask_answer;

static int
ask(void *context, uint32_t oid, int32_t modifier, const char *schema, const char *type,
    struct buf *name)
{
	(void)context;
	(void)oid;
	(void)modifier;
	(void)schema;
	(void)type;
	if (ask_answer == 0)
		buf_str(name, "public.mood");
	return ask_answer;
}

static void
start(const struct filter *filter, uint64_t max_line)
{
	types = types_new(ask, NULL);
	if (types == NULL || events_init(&e, &out, types, filter, START, max_line) != 0)
		abort();
	said();
}

static void
stop(void)
{
	events_free(&e);
	types_free(types);
	buf_free(&out);
}

/* Take the message, which lies in a block of its own size that is gone afterwards. */
static int
take_at(uint64_t record)
{
	char *copy = malloc(message.len > 0 ? message.len : 1);
	int err;

	if (copy == NULL)
		abort();
	memcpy(copy, message.data, message.len);
	lsn = 0xdead;
	err = events_take(&e, record, copy, message.len, &result, &lsn);
	memset(copy, 'x', message.len);
	free(copy);
	return err;
}

static int
take(void)
{
	return take_at(0xA0);
}

/* It is taken and does nothing to the position. */
static void
quiet(void)
{
	if (take() != 0 || result != EVENTS_NOTHING)
		ok(0, "a message of type %c", *message.data);
}

static void
begin(uint64_t at)
{
	message_begin(at, 0, 9);
	quiet();
}

static void
commit(uint64_t at, uint64_t end)
{
	message_commit(at, end, 0);
	if (take() != 0)
		ok(0, "a commit is taken");
}

/* The lines, each with its action and what matters of it; all are forgotten. */
static const char *
lines(void)
{
	static char text[65536];
	static struct event v;
	char *to = text;

	*text = '\0';
	for (size_t at = 0; at < out.len;) {
		const char *line = out.data + at, *lf = memchr(line, '\n', out.len - at);
		const struct event_span *shown[] = { &v.lsn, &v.seq, &v.table, &v.prev, &v.ack };

		if (lf == NULL || event_scan(&v, line, (size_t)(lf - line)) != 0)
			return "not an event line";
		to += sprintf(to, "%c", v.code);
		for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
			if (shown[i]->p != NULL)
				to += sprintf(to, " %.*s", (int)shown[i]->len, shown[i]->p);
		to += sprintf(to, "; ");
		at += (size_t)(lf + 1 - line);
	}
	event_free(&v);
	out.len = 0;
	return text;
}

static const struct message_column id[] = { { 1, "id", 20, -1 }, { 0, "note", 25, -1 } };

static void
declare(uint32_t relation, const char *schema, const char *table)
{
	message_relation(relation, schema, table, 'd', 2, id);
	quiet();
}

static void
insert(uint32_t relation)
{
	message_change('I', relation);
	put_row('N', 2, (const char *[]){ "1", "a" });
}

static void
update(uint32_t relation)
{
	message_change('U', relation);
	put_row('N', 2, (const char *[]){ "1", "a" });
}

static void
remove_row(uint32_t relation)
{
	message_change('D', relation);
	put_row('K', 2, (const char *[]){ "1", NULL });
}

#endif
