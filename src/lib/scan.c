#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "scan.h"
#include "utf8.h"

const char *
scan_fail(struct scan *s, const char *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->error, s->error_size, fmt, ap);
	va_end(ap);
	s->error_at = (size_t)(p - s->start);
	return NULL;
}

const char *
scan_unexpected(struct scan *s, const char *p)
{
	if (p == s->end)
		return scan_fail(s, p, "unexpected end");
	if (*p > ' ' && *p < 0x7f)
		return scan_fail(s, p, "unexpected character '%c'", *p);
	return scan_fail(s, p, "unexpected byte 0x%02x", (unsigned char)*p);
}

const char *
scan_too_deep(struct scan *s, const char *p)
{
	return scan_fail(s, p, "nested deeper than %d levels", s->depth);
}

const char *
scan_while_short(const char *p, const char *end, uint64_t (*is_not)(const char *))
{
	char block[SCAN_BLOCK] = { '\0' }; /* NUL is neither plain nor a digit */

	memcpy(block, p, (size_t)(end - p));
	return p + __builtin_ctzll(is_not(block)) / SCAN_BITS;
}

static int
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static const char *
escape(struct scan *s, const char *p)
{
	const char *digit = p + 2;

	if (s->end - p < 2)
		return scan_unexpected(s, s->end);
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return p + 2;
	case 'u':
		break;
	default:
		return scan_fail(s, p, "invalid escape sequence");
	}
	for (int i = 0; i < 4; i++, digit++) {
		if (digit == s->end)
			return scan_unexpected(s, digit);
		if (!is_hex(*digit))
			return scan_fail(s, p, "invalid escape sequence");
	}
	return digit;
}

/* Sequences of UTF-8 longer than a byte, one at least. */
static const char *
multibyte(struct scan *s, const char *p)
{
	do {
		size_t n = utf8_sequence(p, (size_t)(s->end - p));

		if (n == 0)
			return scan_fail(s, p, "invalid UTF-8");
		p += n;
	} while (p < s->end && (unsigned char)*p >= 0x80);
	return p;
}

const char *
scan_string_rest(struct scan *s, const char *p)
{
	while (p != s->end) {
		if (*p == '"')
			return p + 1;
		if ((unsigned char)*p < 0x20)
			return scan_fail(s, p, "control character 0x%02x in a string", *p);
		p = *p == '\\' ? escape(s, p) : multibyte(s, p);
		if (p == NULL)
			return NULL;
		p = scan_while(s, p, scan_not_plain);
	}
	return scan_unexpected(s, p);
}

static const char *
digits(struct scan *s, const char *p)
{
	const char *behind = scan_while(s, p, scan_not_digit);

	return behind != p ? behind : scan_unexpected(s, p);
}

static const char *
number(struct scan *s, const char *p)
{
	if (*p == '-')
		p++;
	if (scan_at(s, p, '0'))
		p++;
	else if ((p = digits(s, p)) == NULL)
		return NULL;
	if (scan_at(s, p, '.') && (p = digits(s, p + 1)) == NULL)
		return NULL;
	if (scan_at(s, p, 'e') || scan_at(s, p, 'E')) {
		p++;
		if (scan_at(s, p, '+') || scan_at(s, p, '-'))
			p++;
		p = digits(s, p);
	}
	return p;
}

static const char *
literal(struct scan *s, const char *p, const char *word)
{
	for (; *word != '\0'; word++, p++)
		if (!scan_at(s, p, *word))
			return scan_unexpected(s, p);
	return p;
}

static const char *
array(struct scan *s, const char *p, int depth)
{
	int last;

	if (depth == s->depth)
		return scan_too_deep(s, p);
	p = scan_space(s, p + 1);
	if (scan_at(s, p, ']'))
		return p + 1;
	do {
		if ((p = scan_value(s, p, depth + 1)) == NULL ||
		    (p = scan_next(s, p, ']', &last)) == NULL)
			return NULL;
	} while (!last);
	return p;
}

static const char *
object(struct scan *s, const char *p, int depth)
{
	int last;

	if (depth == s->depth)
		return scan_too_deep(s, p);
	p = scan_space(s, p + 1);
	if (scan_at(s, p, '}'))
		return p + 1;
	do {
		if (!scan_at(s, p, '"'))
			return scan_unexpected(s, p);
		if ((p = scan_string(s, p)) == NULL || (p = scan_colon(s, p)) == NULL ||
		    (p = scan_value(s, p, depth + 1)) == NULL ||
		    (p = scan_next(s, p, '}', &last)) == NULL)
			return NULL;
	} while (!last);
	return p;
}

const char *
scan_value(struct scan *s, const char *p, int depth)
{
	if (p == s->end)
		return scan_unexpected(s, p);
	if (*p == '-' || (*p >= '0' && *p <= '9'))
		return number(s, p);
	switch (*p) {
	case '"':
		return scan_string(s, p);
	case '{':
		return object(s, p, depth);
	case '[':
		return array(s, p, depth);
	case 't':
		return literal(s, p, "true");
	case 'f':
		return literal(s, p, "false");
	case 'n':
		return literal(s, p, "null");
	}
	return scan_unexpected(s, p);
}

size_t
scan_unescape(char *dst, size_t size, const char *p, size_t len)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *end = p + len;
	size_t n = 0;

	while (p < end) {
		char c = *p++;

		if (c == '\\' && *p != 'u') {
			c = meanings[strchr(letters, *p++) - letters];
		} else if (c == '\\') {
			char hex[5] = { p[1], p[2], p[3], p[4] };
			unsigned long code = strtoul(hex, NULL, 16);

			if (code >= 0x80)
				return SIZE_MAX;
			c = (char)code;
			p += 5;
		}
		if (n == size)
			return SIZE_MAX;
		dst[n++] = c;
	}
	return n;
}
