#include "value.h"

/* OIDs of built-in types never change. */
enum { BOOL = 16, BYTEA = 17, INT8 = 20, INT2 = 21, INT4 = 23, OID = 26 };
enum { FLOAT4 = 700, FLOAT8 = 701, NUMERIC = 1700 };

enum value_form
value_form(uint32_t oid)
{
	switch (oid) {
	case BOOL:
		return VALUE_BOOLEAN;
	case BYTEA:
		return VALUE_BYTEA;
	case INT2:
	case INT4:
	case INT8:
	case OID:
	case FLOAT4:
	case FLOAT8:
	case NUMERIC:
		return VALUE_NUMBER;
	default:
		return VALUE_STRING;
	}
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Steps over digits; 0 when there is none. */
static int
skip_digits(const char **p, const char *end)
{
	const char *start = *p;

	while (*p < end && is_digit(**p))
		++*p;
	return *p > start;
}

/* The grammar of a JSON number (RFC 8259, section 6). */
static int
is_json_number(const char *p, size_t n)
{
	const char *end = p + n, *whole;

	if (p < end && *p == '-')
		p++;
	whole = p;
	if (!skip_digits(&p, end) || (*whole == '0' && p - whole > 1))
		return 0;
	if (p < end && *p == '.') {
		p++;
		if (!skip_digits(&p, end))
			return 0;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!skip_digits(&p, end))
			return 0;
	}
	return p == end;
}

int
value_add(struct buf *out, enum value_form form, const char *text, size_t n)
{
	if (form == VALUE_NUMBER && is_json_number(text, n)) {
		buf_add(out, text, n);
		return 0;
	}
	if (form == VALUE_BOOLEAN && n == 1 && (*text == 't' || *text == 'f')) {
		buf_str(out, *text == 't' ? "true" : "false");
		return 0;
	}
	if (form == VALUE_BYTEA && n >= 2 && memcmp(text, "\\x", 2) == 0) {
		text += 2;
		n -= 2;
	}
	return buf_json(out, text, n);
}
