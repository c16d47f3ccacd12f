#include <stdlib.h>

#include "row.h"

#define NOT_UTF8                                                                     \
	"text that is not valid UTF-8; the database's encoding is SQL_ASCII, which " \
	"promises nothing: correct the value, or recreate the database with an encoding"

/* Append a string literal without counting its bytes at run time. */
#define ADD(b, literal) buf_add(b, literal, sizeof(literal) - 1)

/* --- what the lines of a table share */

static int
add_string(struct buf *b, const char *s)
{
	return buf_json(b, s, strlen(s));
}

int
row_shape_begin(struct row_shape *s, const char *schema, const char *table)
{
	buf_str(&s->text, ",\"schema\":");
	if (add_string(&s->text, schema) != 0)
		return -1;
	buf_str(&s->text, ",\"table\":");
	if (add_string(&s->text, table) != 0)
		return -1;
	if (!s->is_object)
		buf_str(&s->text, ",\"columns\":[");
	s->head = s->text.len;
	return 0;
}

static int
open_entry(struct buf *b, const char *name, const char *type)
{
	buf_str(b, "{\"name\":");
	if (add_string(b, name) != 0)
		return -1;
	buf_str(b, ",\"type\":");
	if (add_string(b, type) != 0)
		return -1;
	buf_str(b, ",\"value\":");
	return 0;
}

static int
open_member(struct buf *b, const char *name, const char *type)
{
	(void)type;
	if (add_string(b, name) != 0)
		return -1;
	buf_str(b, ":");
	return 0;
}

int
row_shape_add(struct row_shape *s, const char *name, const char *type, uint32_t oid)
{
	struct row_column *grown = realloc(s->column, (s->n + 1) * sizeof(*grown)), *c;

	if (grown == NULL) {
		s->text.failed = 1;
		return 0;
	}
	s->column = grown;
	c = &grown[s->n++];
	*c = (struct row_column){ .at = s->text.len, .form = value_form(oid) };
	buf_str(&s->text, s->n > 1 ? "," : "");
	if ((s->is_object ? open_member : open_entry)(&s->text, name, type) != 0)
		return -1;
	c->len = s->text.len - c->at;
	return 0;
}

void
row_shape_free(struct row_shape *s)
{
	buf_free(&s->text);
	free(s->column);
	*s = (struct row_shape){ .n = 0 };
}

/* --- a row */

static char
escaped(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'v':
		return '\v';
	default:
		return c;
	}
}

/* The n bytes at p without their escapes, into an empty buffer. */
static void
unescape(struct buf *b, const char *p, size_t n)
{
	const char *end = p + n, *backslash;
	char *to = buf_reserve(b, n);

	if (to == NULL)
		return;
	while ((backslash = memchr(p, '\\', (size_t)(end - p))) != NULL && backslash + 1 < end) {
		memcpy(to, p, (size_t)(backslash - p));
		to += backslash - p;
		*to++ = escaped(backslash[1]);
		p = backslash + 2;
	}
	memcpy(to, p, (size_t)(end - p));
	to += end - p;
	buf_advance(b, (size_t)(to - b->data) - b->len);
}

static int
add_value(struct buf *out, enum value_form form, const char *p, size_t n, struct buf *scratch)
{
	if (memchr(p, '\\', n) == NULL)
		return value_add(out, form, p, n);
	if (n == 2 && p[1] == 'N') {
		ADD(out, "null");
		return 0;
	}
	/* Of a bytea only the backslash before its x is escaped: large ones are not copied. */
	if (form == VALUE_BYTEA && n >= 3 && memcmp(p, "\\\\x", 3) == 0)
		return value_add(out, form, p + 1, n - 1);
	scratch->len = 0;
	unescape(scratch, p, n);
	return scratch->failed ? 0 : value_add(out, form, scratch->data, scratch->len);
}

/* The row's values, each behind its opening; an entry is closed, too. */
static const char *
add_values(
    struct buf *out, const struct row_shape *s, const char *row, size_t len, struct buf *scratch)
{
	const char *p = row, *end = row + len;

	for (size_t i = 0; i < s->n; i++) {
		const struct row_column *c = &s->column[i];
		const char *tab = i + 1 < s->n ? memchr(p, '\t', (size_t)(end - p)) : end;

		if (tab == NULL)
			return "fewer values than the table has columns";
		buf_add(out, s->text.data + c->at, c->len);
		if (add_value(out, c->form, p, (size_t)(tab - p), scratch) != 0)
			return NOT_UTF8;
		if (!s->is_object)
			ADD(out, "}");
		p = tab + 1;
	}
	out->failed |= scratch->failed;
	return NULL;
}

const char *
row_write(struct buf *out, const struct row_shape *s, const char *lsn, const char *row, size_t len,
    struct buf *scratch)
{
	const char *why;

	ADD(out, "{\"action\":\"R\",\"lsn\":\"");
	buf_str(out, lsn);
	ADD(out, "\"");
	buf_add(out, s->text.data, s->head);
	why = add_values(out, s, row, len, scratch);
	ADD(out, "]}\n");
	return why;
}

const char *
row_object(
    struct buf *out, const struct row_shape *s, const char *row, size_t len, struct buf *scratch)
{
	const char *why;

	ADD(out, "{");
	why = add_values(out, s, row, len, scratch);
	ADD(out, "}");
	return why;
}
