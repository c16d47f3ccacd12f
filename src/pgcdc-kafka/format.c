#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "object.h"

/* Digits before the point of a number that no double is too small for. */
#define DOUBLE_DIGITS 308

int
format_is_pgstream(enum format_kind kind)
{
	return kind == FORMAT_PGSTREAM_V0 || kind == FORMAT_PGSTREAM_V1;
}

static void
add_span(struct buf *b, struct event_span span)
{
	buf_add(b, span.p, span.len);
}

/* Where there is none, Go has the zero of the field. */
static void
add_or(struct buf *b, struct event_span span, const char *otherwise)
{
	if (span.p != NULL)
		add_span(b, span);
	else
		buf_str(b, otherwise);
}

/* --- values */

/* NaN and the infinities, which JSON has no numbers for: wal2json makes them null. */
static int
is_no_number(const struct event_entry *entry)
{
	static const char *const types[] = { "\"real\"", "\"double precision\"", "\"numeric" };

	if (!object_is(entry->value, "NaN") && !object_is(entry->value, "Infinity") &&
	    !object_is(entry->value, "-Infinity"))
		return 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (entry->type.len >= strlen(types[i]) &&
		    memcmp(entry->type.p, types[i], strlen(types[i])) == 0)
			return 1;
	return 0;
}

/* A number that is too large for a double stops pgstream's reader for good. */
static int
is_beyond_double(struct event_span number)
{
	size_t digits = 0;

	if (number.len <= DOUBLE_DIGITS)
		return 0;
	for (size_t i = *number.p == '-';
	     i < number.len && number.p[i] >= '0' && number.p[i] <= '9'; i++)
		digits++;
	return digits > DOUBLE_DIGITS;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The n hexadecimal digits at s as base64 (RFC 4648). 0, or -1: they are none. */
static int
add_base64(struct buf *b, const char *s, size_t n)
{
	static const char
	    letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t start = b->len;
	unsigned group = 0;
	size_t bytes = 0;
	char *p;

	if (n % 2 != 0 || (p = buf_reserve(b, n / 6 * 4 + 6)) == NULL)
		return -1;
	*p++ = '"';
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(s[i]), low = hex_digit(s[i + 1]);

		if (high < 0 || low < 0)
			return -1;
		group = group << 8 | (unsigned)(high << 4 | low);
		if (++bytes % 3 == 0)
			for (int shift = 18; shift >= 0; shift -= 6)
				*p++ = letters[group >> shift & 63];
	}
	if (bytes % 3 == 1) {
		*p++ = letters[group >> 2 & 63];
		*p++ = letters[group << 4 & 63];
		*p++ = '=';
	} else if (bytes % 3 == 2) {
		*p++ = letters[group >> 10 & 63];
		*p++ = letters[group >> 4 & 63];
		*p++ = letters[group << 2 & 63];
	}
	if (bytes % 3 != 0)
		*p++ = '=';
	*p++ = '"';
	buf_advance(b, (size_t)(p - (b->data + start)));
	return 0;
}

static void
add_value(struct buf *b, enum format_kind kind, const struct event_entry *entry)
{
	struct event_span value = entry->value;

	if (value.p == NULL || is_no_number(entry)) {
		buf_str(b, "null");
	} else if (format_is_pgstream(kind) && is_beyond_double(value)) {
		buf_str(b, "\"");
		add_span(b, value);
		buf_str(b, "\"");
	} else if (kind != FORMAT_PGSTREAM_V1 || *value.p != '"' ||
		   !object_is(entry->type, "bytea") ||
		   add_base64(b, value.p + 1, value.len - 2) != 0) {
		add_span(b, value);
	}
}

/* wal2json takes a type that format_type() has quoted for a JSON string. */
static void
add_type(struct buf *b, struct event_span type)
{
	if (object_is(type, "\\\"char\\\""))
		buf_str(b, "\"char\"");
	else
		add_or(b, type, "\"\"");
}

static void
add_entry(struct buf *b, enum format_kind kind, const struct event_entry *entry)
{
	buf_str(b, "{");
	if (format_is_pgstream(kind)) {
		buf_str(b, "\"id\":");
		add_or(b, entry->id, "\"\"");
		buf_str(b, ",");
	}
	buf_str(b, "\"name\":");
	add_or(b, entry->name, "\"\"");
	buf_str(b, ",\"type\":");
	add_type(b, entry->type);
	buf_str(b, ",\"value\":");
	add_value(b, kind, entry);
	buf_str(b, "}");
}

static void
add_entries(struct buf *b, enum format_kind kind, const struct event_array *array)
{
	buf_str(b, "[");
	for (size_t i = 0; i < array->n; i++) {
		if (i > 0)
			buf_str(b, ",");
		add_entry(b, kind, &array->entry[i]);
	}
	buf_str(b, "]");
}

void
format_timestamp(struct buf *b, struct event_span timestamp)
{
	const char *point, *end, *last;

	if (timestamp.p == NULL) {
		buf_str(b, "\"\"");
		return;
	}
	if ((point = memchr(timestamp.p, '.', timestamp.len)) == NULL) {
		add_span(b, timestamp);
		return;
	}
	for (end = point + 1; *end >= '0' && *end <= '9';)
		end++;
	for (last = end; last[-1] == '0';)
		last--;
	if (last[-1] == '.')
		last--;
	buf_add(b, timestamp.p, (size_t)(last - timestamp.p));
	buf_add(b, end, (size_t)(timestamp.p + timestamp.len - end));
}

/* --- pgstream */

/* Base 32 of four zero bytes and the number: 96 bits, the highest first. */
void
format_xid(char dst[FORMAT_XID_SIZE], uint64_t number)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

	memset(dst, '0', FORMAT_XID_SIZE - 1);
	dst[FORMAT_XID_SIZE - 1] = '\0';
	/* The last digit has one bit of the 96, and four that are zero. */
	dst[FORMAT_XID_SIZE - 2] = digits[(number & 1) << 4];
	number >>= 1;
	for (int i = FORMAT_XID_SIZE - 3; number > 0; i--, number >>= 5)
		dst[i] = digits[number & 31];
}

/* The bytes at p that Go escapes: one of ASCII, or U+2028 and U+2029 in UTF-8. */
static size_t
escaped(const char *p, const char *end)
{
	if (*p == '<' || *p == '>' || *p == '&')
		return 1;
	return end - p >= 3 &&
	               (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0)
	           ? 3
	           : 0;
}

static void
add_escape(struct buf *b, const char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[] = "\\u2028";

	if (n == 1) {
		text[2] = text[3] = '0';
		text[4] = digits[*p >> 4 & 15];
		text[5] = digits[*p & 15];
	} else if (p[2] == '\xa9') {
		text[5] = '9';
	}
	buf_str(b, text);
}

void
format_escape_html(struct buf *b, size_t from)
{
	struct buf copy = BUF_INIT;
	const char *p = b->data + from, *end = b->data + b->len, *plain = p;
	size_t n;

	if (b->failed)
		return;
	for (; p < end; p++) {
		if ((n = escaped(p, end)) == 0)
			continue;
		buf_add(&copy, plain, (size_t)(p - plain));
		add_escape(&copy, p, n);
		plain = p + n;
		p = plain - 1;
	}
	if (copy.len > 0) {
		buf_add(&copy, plain, (size_t)(end - plain));
		b->len = from;
		buf_add(b, copy.data, copy.len);
	}
	b->failed |= copy.failed;
	buf_free(&copy);
}

static void
add_schema_id(struct buf *b, struct event_span id)
{
	char text[FORMAT_XID_SIZE];

	if (id.p == NULL || *id.p < '1' || *id.p > '9') {
		buf_str(b, "null");
		return;
	}
	format_xid(text, strtoull(id.p, NULL, 10));
	buf_str(b, "\"");
	buf_str(b, text);
	buf_str(b, "\"");
}

static void
add_metadata(struct buf *b, enum format_kind kind, struct event_span metadata)
{
	struct event_span table = object_member(metadata, "table_id");
	struct event_span ids = object_member(metadata, "identity_ids");

	buf_str(b, ",\"metadata\":{\"schema_id\":");
	/* pgstream 1.x has no schema log any more. */
	if (kind == FORMAT_PGSTREAM_V0)
		add_schema_id(b, object_member(metadata, "schema_id"));
	else
		buf_str(b, "null");
	buf_str(b, ",\"table_pgstream_id\":");
	add_or(
	    b, table.p != NULL && *table.p == '"' ? table : (struct event_span){ NULL, 0 }, "\"\"");
	buf_str(b, ",\"id_col_pgstream_id\":");
	add_or(b, ids.len > 2 ? ids : (struct event_span){ NULL, 0 }, "null");
	if (kind == FORMAT_PGSTREAM_V0)
		buf_str(b, ",\"version_col_pgstream_id\":\"\"");
	buf_str(b, "}}");
}

static void
add_go_entries(struct buf *b, enum format_kind kind, const struct event_array *array)
{
	if (array != NULL && array->whole.p != NULL)
		add_entries(b, kind, array);
	else
		buf_str(b, "null");
}

static void
pgstream_row(struct buf *b, enum format_kind kind, const struct event *e, char action,
    const struct event_array *columns, const struct event_array *identity)
{
	size_t start = b->len;

	buf_str(b, "{\"action\":\"");
	buf_add(b, &action, 1);
	buf_str(b, "\",\"timestamp\":");
	format_timestamp(b, e->timestamp);
	buf_str(b, ",\"lsn\":");
	add_or(b, e->lsn, "\"\"");
	buf_str(b, ",\"schema\":");
	add_or(b, e->schema, "\"\"");
	buf_str(b, ",\"table\":");
	add_or(b, e->table, "\"\"");
	buf_str(b, ",\"columns\":");
	add_go_entries(b, kind, columns);
	buf_str(b, ",\"identity\":");
	add_go_entries(b, kind, identity);
	if (kind == FORMAT_PGSTREAM_V1 && e->xid.p != NULL) {
		buf_str(b, ",\"xid\":");
		add_span(b, e->xid);
	}
	add_metadata(b, kind, e->metadata);
	if (kind == FORMAT_PGSTREAM_V0)
		format_escape_html(b, start);
}

/* --- wal2json */

static void
add_member(struct buf *b, const char *key, struct event_span value)
{
	if (value.p == NULL)
		return;
	buf_str(b, key);
	add_span(b, value);
}

static void
wal2json_row(struct buf *b, const struct event *e, char action, const struct event_array *columns,
    const struct event_array *identity)
{
	buf_str(b, "{\"action\":\"");
	buf_add(b, &action, 1);
	buf_str(b, "\"");
	add_member(b, ",\"xid\":", e->xid);
	if (e->timestamp.p != NULL) {
		buf_str(b, ",\"timestamp\":");
		format_timestamp(b, e->timestamp);
	}
	add_member(b, ",\"lsn\":", e->lsn);
	add_member(b, ",\"schema\":", e->schema);
	add_member(b, ",\"table\":", e->table);
	if (columns != NULL && columns->whole.p != NULL) {
		buf_str(b, ",\"columns\":");
		add_entries(b, FORMAT_WAL2JSON, columns);
	}
	if (identity != NULL && identity->whole.p != NULL) {
		buf_str(b, ",\"identity\":");
		add_entries(b, FORMAT_WAL2JSON, identity);
	}
	buf_str(b, "}");
}

void
format_row(struct buf *b, enum format_kind kind, const struct event *e, char action)
{
	const struct event_array *columns = action == 'D' ? NULL : &e->columns;
	const struct event_array *identity = action == 'I' ? NULL : &e->identity;

	if (action == 0)
		action = e->code == 'R' ? 'I' : e->code;
	if (kind == FORMAT_WAL2JSON)
		wal2json_row(b, e, action, columns, identity);
	else
		pgstream_row(b, kind, e, action, columns, identity);
}
