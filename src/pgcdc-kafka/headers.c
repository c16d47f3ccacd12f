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

rd_kafka_headers_t *
headers_make(const struct event *e, const struct headers_context *context)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(9);
	static const char type[] = "application/json";

	if (headers == NULL)
		return NULL;
	add(headers, "system_identifier", context->system_identifier,
	    strlen(context->system_identifier));
	add(headers, "commit_lsn", context->commit_lsn, strlen(context->commit_lsn));
	add_span(headers, "lsn", e->lsn);
	add_span(headers, "seq", e->seq);
	add_span(headers, "xid", e->xid);
	add(headers, "action", context->action != 0 ? &context->action : &e->code, 1);
	add_span(headers, "schema", e->schema);
	add_span(headers, "table", e->table);
	add(headers, "content-type", type, sizeof(type) - 1);
	return headers;
}
