#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "headers.h"
#include "text.h"

static void
add(rd_kafka_headers_t *headers, const char *name, const char *value, size_t len)
{
	if (len > 0)
		rd_kafka_header_add(headers, name, (ssize_t)strlen(name), value, (ssize_t)len);
}

/* A number, or a string without its quotes. */
static void
add_span(rd_kafka_headers_t *headers, const char *name, struct event_span value)
{
	struct buf b = BUF_INIT;

	if (value.p == NULL || *value.p != '"') {
		add(headers, name, value.p, value.len);
	} else if (memchr(value.p, '\\', value.len) == NULL) {
		add(headers, name, value.p + 1, value.len - 2);
	} else {
		text_add(&b, value);
		add(headers, name, b.data, b.len);
		buf_free(&b);
	}
}

static void
add_number(rd_kafka_headers_t *headers, const char *name, uint64_t value)
{
	char text[24];

	add(headers, name, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, value));
}

static void
add_all(rd_kafka_headers_t *headers, const struct event *e, char action)
{
	static const char type[] = "application/json";

	add_span(headers, "lsn", e->lsn);
	add_span(headers, "seq", e->seq);
	add_span(headers, "xid", e->xid);
	add(headers, "action", action != 0 ? &action : &e->code, 1);
	add_span(headers, "schema", e->schema);
	add_span(headers, "table", e->table);
	add(headers, "content-type", type, sizeof(type) - 1);
}

rd_kafka_headers_t *
headers_make(const struct event *e, const struct headers_context *context)
{
	rd_kafka_headers_t *headers;

	if (context->kind == HEADERS_NONE ||
	    (headers = rd_kafka_headers_new(context->kind == HEADERS_ALL ? 10 : 3)) == NULL)
		return NULL;
	add(headers, "system_identifier", context->system_identifier,
	    strlen(context->system_identifier));
	if (context->epoch > 0)
		add_number(headers, "epoch", context->epoch);
	add(headers, "commit_lsn", context->commit_lsn, strlen(context->commit_lsn));
	if (context->kind == HEADERS_ALL)
		add_all(headers, e, context->action);
	return headers;
}
