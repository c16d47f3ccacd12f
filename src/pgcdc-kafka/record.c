#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "instant.h"
#include "record.h"

struct event_span
record_header(const rd_kafka_message_t *m, const char *name)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t len;

	if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return (struct event_span){ NULL, 0 };
	return (struct event_span){ value, len };
}

static void
add_hex(struct buf *b, const unsigned char *p, size_t len)
{
	static const char digit[] = "0123456789abcdef";

	buf_str(b, "\"");
	for (size_t i = 0; i < len; i++) {
		buf_add(b, &digit[p[i] >> 4], 1);
		buf_add(b, &digit[p[i] & 15], 1);
	}
	buf_str(b, "\"");
}

void
record_add_bytes(struct buf *b, const char *name, const void *p, size_t len)
{
	size_t before = b->len;

	buf_str(b, "\"");
	buf_str(b, name);
	buf_str(b, "\":");
	if (p == NULL) {
		buf_str(b, "null");
	} else if (buf_json(b, p, len) != 0) {
		b->len = before;
		buf_str(b, "\"");
		buf_str(b, name);
		buf_str(b, "_hex\":");
		add_hex(b, p, len);
	}
}

void
record_add_place(struct buf *b, const rd_kafka_message_t *m)
{
	rd_kafka_timestamp_type_t type;
	int64_t ms = rd_kafka_message_timestamp(m, &type);
	char text[INSTANT_SIZE + 64];

	record_add_bytes(
	    b, "topic", rd_kafka_topic_name(m->rkt), strlen(rd_kafka_topic_name(m->rkt)));
	snprintf(text, sizeof(text), ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",",
	    m->partition, m->offset);
	buf_str(b, text);
	if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms >= 0) {
		instant_format(text, ms);
		record_add_bytes(b, "timestamp", text, strlen(text));
		buf_str(b, ",");
	}
	record_add_bytes(b, "key", m->key, m->key_len);
}

void
record_add_with_origin(struct buf *b, struct event_span line, const rd_kafka_message_t *m)
{
	struct event_span commit = record_header(m, "commit_lsn");
	size_t body = (size_t)((const char *)memrchr(line.p, '}', line.len) - line.p);

	buf_add(b, line.p, body);
	buf_str(b, ",\"kafka\":{");
	record_add_place(b, m);
	if (commit.p != NULL) {
		buf_str(b, ",");
		record_add_bytes(b, "commit_lsn", commit.p, commit.len);
	}
	buf_str(b, "}");
	buf_add(b, line.p + body, line.len - body);
}
