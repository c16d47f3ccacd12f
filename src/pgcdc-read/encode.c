#include "encode.h"
#include "value.h"

#define NOT_UTF8                                                                     \
	"text that is not valid UTF-8; the database's encoding is SQL_ASCII, which " \
	"promises nothing: correct the value, or recreate the database with an encoding"

/* Append a string literal without counting its bytes at run time. */
#define ADD(b, literal) buf_add(b, literal, sizeof(literal) - 1)

static void
add_lsn(struct buf *b, uint64_t lsn)
{
	char *p = buf_reserve(b, LSN_SIZE + 1);

	if (p == NULL)
		return;
	*p = '"';
	size_t len = lsn_format(p + 1, lsn);
	p[1 + len] = '"';
	buf_advance(b, len + 2);
}

static char *
put_digits(char *p, uint64_t v, int width)
{
	for (int i = width - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + width;
}

/*
 * "2026-11-20 23:34:49.387783+00" of microseconds since 2000-01-01.  The
 * calendar is Gregorian at all times, counted in eras of 400 years from March.
 */
static void
add_timestamp(struct buf *b, int64_t time)
{
	const int64_t day = INT64_C(86400000000);
	int64_t days = time / day - (time % day < 0);
	uint64_t usec = (uint64_t)(time % day + (time % day < 0 ? day : 0));
	int64_t z = days + 730425; /* since 0000-03-01 */
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	uint64_t doe = (uint64_t)(z - era * 146097);
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint64_t mp = (5 * doy + 2) / 153;
	uint64_t month = mp < 10 ? mp + 3 : mp - 9;
	int64_t year = (int64_t)yoe + era * 400 + (month <= 2);
	uint64_t shown = (uint64_t)(year > 0 ? year : 1 - year);
	int width = shown > 99999 ? 6 : shown > 9999 ? 5 : 4;
	char *start = buf_reserve(b, 48), *p = start;

	if (p == NULL)
		return;
	*p++ = '"';
	p = put_digits(p, shown, width);
	*p++ = '-';
	p = put_digits(p, month, 2);
	*p++ = '-';
	p = put_digits(p, doy - (153 * mp + 2) / 5 + 1, 2);
	*p++ = ' ';
	p = put_digits(p, usec / 3600000000, 2);
	*p++ = ':';
	p = put_digits(p, usec / 60000000 % 60, 2);
	*p++ = ':';
	p = put_digits(p, usec / 1000000 % 60, 2);
	*p++ = '.';
	p = put_digits(p, usec % 1000000, 6);
	memcpy(p, "+00 BC", 6);
	p += year > 0 ? 3 : 6;
	*p++ = '"';
	buf_advance(b, (size_t)(p - start));
}

const char *
encode_transaction(struct encode_transaction *tx, uint64_t lsn, uint32_t xid, int64_t time,
    struct pgoutput_bytes origin)
{
	tx->lsn = lsn;
	tx->text.len = 0;
	ADD(&tx->text, ",\"xid\":");
	buf_uint(&tx->text, xid);
	ADD(&tx->text, ",\"timestamp\":");
	add_timestamp(&tx->text, time);
	if (origin.len > 0) {
		ADD(&tx->text, ",\"origin\":");
		if (buf_json(&tx->text, origin.p, origin.len) != 0)
			return NOT_UTF8;
	}
	return NULL;
}

const char *
encode_head(struct buf *out, const struct encode_head *head)
{
	ADD(out, "{\"action\":\"H\",\"format\":1,\"system_identifier\":");
	buf_json(out, head->system_identifier, strlen(head->system_identifier));
	ADD(out, ",\"timeline\":");
	buf_uint(out, head->timeline);
	ADD(out, ",\"slot\":");
	if (buf_json(out, head->slot, strlen(head->slot)) != 0)
		return NOT_UTF8;
	ADD(out, ",\"start\":");
	add_lsn(out, head->start);
	if (head->prev != 0) {
		ADD(out, ",\"prev\":");
		add_lsn(out, head->prev);
	}
	ADD(out, "}\n");
	return NULL;
}

static void
add_link(struct buf *out, struct encode_link link)
{
	ADD(out, ",\"prev\":");
	add_lsn(out, link.prev);
	ADD(out, ",\"ack\":");
	add_lsn(out, link.ack);
}

const char *
encode_begin(struct buf *out, const struct encode_transaction *tx)
{
	ADD(out, "{\"action\":\"B\",\"lsn\":");
	add_lsn(out, tx->lsn);
	buf_add(out, tx->text.data, tx->text.len);
	ADD(out, "}\n");
	return NULL;
}

const char *
encode_commit(struct buf *out, const struct encode_transaction *tx, struct encode_link link)
{
	ADD(out, "{\"action\":\"C\",\"lsn\":");
	add_lsn(out, tx->lsn);
	buf_add(out, tx->text.data, tx->text.len);
	add_link(out, link);
	ADD(out, "}\n");
	return NULL;
}

static void
add_opening(
    struct buf *out, char action, const struct encode_transaction *tx, struct encode_place place)
{
	char opening[] = "{\"action\":\"?\",\"lsn\":";

	opening[11] = action;
	buf_add(out, opening, sizeof(opening) - 1);
	add_lsn(out, place.lsn);
	ADD(out, ",\"seq\":");
	buf_uint(out, place.seq);
	if (tx != NULL)
		buf_add(out, tx->text.data, tx->text.len);
}

/* Append a column with its value; *first drops the comma before it. */
static const char *
add_column(struct buf *out, const struct relation *r, const struct relation_column *c,
    struct pgoutput_value v, int *first)
{
	buf_add(out, relation_text(r, c->opening) + *first, c->opening.len - (size_t)*first);
	*first = 0;
	if (v.kind != 't')
		ADD(out, "null");
	else if (value_add(out, (enum value_form)c->form, v.text.p, v.text.len) != 0)
		return NOT_UTF8;
	ADD(out, "}");
	return NULL;
}

/*
 * "columns" of the new row, without the values that stayed in their TOAST
 * table, and "unchanged" with the names of those.  Where the old row came whole,
 * as under REPLICA IDENTITY FULL, they are filled from it.
 */
static const char *
add_columns(struct buf *out, const struct relation *r, const struct pgoutput_message *m)
{
	struct pgoutput_cursor new = m->u.change.new.values, old = m->u.change.old.values;
	int filled = m->u.change.old_kind == 'O';
	int first = 1, unchanged = 0;
	const char *why = NULL;

	ADD(out, ",\"columns\":[");
	for (int i = 0; i < r->n && why == NULL; i++) {
		struct pgoutput_value v = pgoutput_value(&new);

		if (filled) {
			struct pgoutput_value was = pgoutput_value(&old);

			if (v.kind == 'u')
				v = was;
		}
		if (v.kind == 'u')
			unchanged++;
		else
			why = add_column(out, r, &r->columns[i], v, &first);
	}
	ADD(out, "]");
	if (why != NULL || unchanged == 0)
		return why;

	ADD(out, ",\"unchanged\":[");
	new = m->u.change.new.values;
	old = m->u.change.old.values;
	for (int i = 0; i < r->n; i++) {
		int is_unchanged = pgoutput_value(&new).kind == 'u';

		if (filled && pgoutput_value(&old).kind != 'u')
			is_unchanged = 0;
		if (is_unchanged) {
			struct relation_part name = r->columns[i].name;

			buf_add(out, relation_text(r, name), name.len);
			if (--unchanged > 0)
				ADD(out, ",");
		}
	}
	ADD(out, "]");
	return NULL;
}

/*
 * "identity": the old key, from the new row when the server sent no old one, which
 * means that the key did not change.  Under FULL it is the whole old row.
 */
static const char *
add_identity(struct buf *out, const struct relation *r, const struct pgoutput_message *m)
{
	const struct pgoutput_tuple *from = m->u.change.old_kind != 0 ? &m->u.change.old
	                                                              : &m->u.change.new;
	struct pgoutput_cursor values = from->values;
	const char *why = NULL;
	int first = 1;

	if (!r->has_identity)
		return NULL;
	ADD(out, ",\"identity\":[");
	for (int i = 0; i < r->n && why == NULL; i++) {
		struct pgoutput_value v = pgoutput_value(&values);

		if (!r->columns[i].in_identity)
			continue;
		if (v.kind == 'u')
			return "a key column whose value the server did not send; update the server "
			       "to its newest minor release";
		why = add_column(out, r, &r->columns[i], v, &first);
	}
	ADD(out, "]");
	return why;
}

const char *
encode_change(struct buf *out, const struct encode_transaction *tx, struct encode_place place,
    const struct relation *r, const struct pgoutput_message *m)
{
	const char *why = NULL;

	add_opening(out, m->type, tx, place);
	buf_add(out, r->text, r->names.len);
	if (m->type != 'D')
		why = add_columns(out, r, m);
	if (why == NULL && m->type != 'I')
		why = add_identity(out, r, m);
	ADD(out, "}\n");
	return why;
}

const char *
encode_truncate(struct buf *out, const struct encode_transaction *tx, struct encode_place place,
    const struct relation *r)
{
	add_opening(out, 'T', tx, place);
	buf_add(out, r->text, r->names.len);
	ADD(out, "}\n");
	return NULL;
}

static void
add_hex(struct buf *out, struct pgoutput_bytes bytes)
{
	char *p = buf_reserve(out, 2 * bytes.len);

	if (p == NULL)
		return;
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.p[i];

		*p++ = "0123456789abcdef"[c >> 4];
		*p++ = "0123456789abcdef"[c & 15];
	}
	buf_advance(out, 2 * bytes.len);
}

/*
 * A message's content is any bytes, in no encoding that the server knows.  A NUL
 * could stand in a JSON string, but Postgres and many parsers refuse it there.
 */
static void
add_content(struct buf *out, struct pgoutput_bytes content)
{
	size_t before = out->len;

	ADD(out, ",\"content\":");
	if (memchr(content.p, '\0', content.len) == NULL &&
	    buf_json(out, content.p, content.len) == 0)
		return;
	out->len = before;
	ADD(out, ",\"content_hex\":\"");
	add_hex(out, content);
	ADD(out, "\"");
}

const char *
encode_message(struct buf *out, const struct encode_transaction *tx, struct encode_place place,
    const struct pgoutput_message *m, struct encode_link link)
{
	add_opening(out, 'M', tx, place);
	if (tx != NULL)
		ADD(out, ",\"transactional\":true,\"prefix\":");
	else
		ADD(out, ",\"transactional\":false,\"prefix\":");
	if (buf_json(out, m->u.message.prefix.p, m->u.message.prefix.len) != 0)
		return NOT_UTF8;
	add_content(out, m->u.message.content);
	if (tx == NULL)
		add_link(out, link);
	ADD(out, "}\n");
	return NULL;
}
