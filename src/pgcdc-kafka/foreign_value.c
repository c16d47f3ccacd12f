#include <string.h>

#include "foreign_value.h"
#include "object.h"

static void
add_span(struct buf *b, struct event_span span)
{
	buf_add(b, span.p, span.len);
}

static int
is_made_of(struct event_span string, const char *characters)
{
	for (size_t i = 1; i + 1 < string.len; i++)
		if (strchr(characters, string.p[i]) == NULL)
			return 0;
	return 1;
}

static int
sextet(char c)
{
	static const char
	    letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(letters, c) : NULL;

	return at != NULL ? (int)(at - letters) : -1;
}

/* The n characters of base64 at s as hexadecimal digits. 0, or -1: they are none. */
static int
add_hex(struct buf *b, const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t start = b->len, padding = 0;
	unsigned group = 0;
	char *p;

	while (padding < 2 && padding < n && s[n - 1 - padding] == '=')
		padding++;
	if (n % 4 != 0 || (p = buf_reserve(b, n / 2 * 3 + 2)) == NULL)
		return -1;
	*p++ = '"';
	for (size_t i = 0; i < n; i++) {
		int bits = i < n - padding ? sextet(s[i]) : 0;

		if (bits < 0)
			return -1;
		group = group << 6 | (unsigned)bits;
		if (i % 4 == 3)
			for (int shift = 20; shift >= 0; shift -= 4)
				*p++ = digits[group >> shift & 15];
	}
	p -= 2 * padding;
	*p++ = '"';
	buf_advance(b, (size_t)(p - (b->data + start)));
	return 0;
}

/* A number that was too large for the other's numbers. */
static int
is_number_text(struct event_span type, struct event_span value)
{
	static const char numeric[] = "\"numeric";

	return value.len > 310 && type.len >= sizeof(numeric) &&
	       memcmp(type.p, numeric, sizeof(numeric) - 1) == 0 && type.p[type.len - 2] != ']' &&
	       is_made_of(value, "0123456789.-");
}

void
foreign_value(struct buf *b, struct event_span type, struct event_span value, int is_base64)
{
	if (value.p == NULL)
		buf_str(b, "null");
	else if (*value.p != '"')
		add_span(b, value);
	else if (is_number_text(type, value))
		buf_add(b, value.p + 1, value.len - 2);
	else if (!is_base64 || !object_is(type, "bytea") ||
		 (value.len % 2 == 0 && is_made_of(value, "0123456789abcdef")) ||
		 add_hex(b, value.p + 1, value.len - 2) != 0)
		add_span(b, value);
}

void
foreign_type(struct buf *b, struct event_span type)
{
	if (object_is(type, "char"))
		buf_str(b, "\"\\\"char\\\"\"");
	else
		add_span(b, type);
}

/* How many digits are at p, before the end. */
static size_t
digits_at(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && p[n] >= '0' && p[n] <= '9')
		n++;
	return n;
}

/* Up to the seconds: each 0 of the form is a digit, and the blank may be a 'T'. */
static int
has_form(const char *p, const char *form)
{
	for (; *form != '\0'; p++, form++)
		if (*form == '0' ? digits_at(p, p + 1) == 0
				 : *p != *form && (*form != ' ' || *p != 'T'))
			return 0;
	return 1;
}

/* "2026-11-20 23:34:49.38+00", or as RFC 3339 has it: "2026-11-20T23:34:49.38Z". */
void
foreign_timestamp(struct buf *b, struct event_span timestamp)
{
	static const char form[] = "\"0000-00-00 00:00:00";
	enum { DATE = 11, SECONDS = sizeof(form) - 1 }; /* behind which they are */
	const char *p = timestamp.p, *end = p + timestamp.len;
	size_t digits = 0;

	if (timestamp.len < SECONDS + 2 || !has_form(p, form)) {
		add_span(b, timestamp);
		return;
	}
	buf_add(b, p, DATE);
	buf_str(b, " ");
	buf_add(b, p + DATE + 1, SECONDS - DATE - 1);
	p += SECONDS;
	buf_str(b, ".");
	if (*p == '.') {
		digits = digits_at(++p, end);
		buf_add(b, p, digits < 6 ? digits : 6);
		p += digits;
	}
	buf_add(b, "000000", digits < 6 ? 6 - digits : 0);
	if (*p == 'Z')
		buf_str(b, "+00\"");
	else
		buf_add(b, p, (size_t)(end - p));
}

uint64_t
foreign_xid(struct event_span xid)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	uint64_t number = 0;

	if (xid.len != 22 || memcmp(xid.p, "\"000000", 7) != 0 || xid.p[7] > '7')
		return 0;
	for (size_t i = 7; i < 21; i++) {
		const char *at = xid.p[i] != '\0' ? strchr(digits, xid.p[i]) : NULL;

		if (at == NULL)
			return 0;
		number = i < 20 ? number << 5 | (uint64_t)(at - digits)
		                : number << 1 | (uint64_t)(at - digits) >> 4;
	}
	return number;
}
