/* What the tests of event lines share: a table, and the line of a change to it. */
#ifndef ENCODE_LINES_H
#define ENCODE_LINES_H

#include <stdlib.h>

#include "encode.h"
#include "event.h"
#include "log.h"

#include "messages.h"
#include "tap.h"

static const struct pgoutput_bytes no_origin;
static struct filter all;
static struct types *types;
static struct relations *relations;
static struct encode_transaction tx;
static struct buf out;

static int
ask(void *context, uint32_t oid, int32_t modifier, const char *schema, const char *type,
    struct buf *name)
{
	(void)context;
	(void)oid;
	(void)modifier;
	(void)schema;
	(void)type;
	buf_str(name, "public.mood");
	return 0;
}

/* One line, valid as such; without its line feed. It lives until the next call. */
static const char *
line(void)
{
	static struct event e;
	static char text[16384];

	if (out.failed || out.len == 0 || out.len >= sizeof(text) || out.data[out.len - 1] != '\n')
		return "no line";
	if (memchr(out.data, '\n', out.len - 1) != NULL)
		return "more than one line";
	memcpy(text, out.data, out.len - 1);
	text[out.len - 1] = '\0';
	if (event_scan(&e, text, out.len - 1) != 0) {
		printf("#   %s at %zu: %s\n", e.error, e.error_at, text);
		event_free(&e);
		return "not an event line";
	}
	event_free(&e);
	out.len = 0;
	return text;
}

static void
is_line(const char *why, const char *want, const char *what)
{
	is_str(why, NULL, "%s: it can be written", what);
	is_str(line(), want, "... as it is");
	out.len = 0;
}

#define AT ",\"xid\":1476,\"timestamp\":\"2026-11-20 23:34:49.387783+00\""
#define OPENING(action)                                                                      \
	"{\"action\":\"" action "\",\"lsn\":\"0/A0\",\"seq\":7" AT ",\"schema\":\"public\"," \
	"\"table\":\"t\""

static void
setup(void)
{
	types = types_new(ask, NULL);
	relations = relations_new(&all, types);
}

static void
teardown(void)
{
	relations_free(relations);
	types_free(types);
	buf_free(&tx.text);
	buf_free(&out);
	buf_free(&message);
}

#endif
