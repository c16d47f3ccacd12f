/*
 * A second opinion on JSON: RFC 8259, section by section, a byte at a time.
 * It is written to be seen to be right, not to be fast.
 */
#ifndef RFC8259_H
#define RFC8259_H

#include <stddef.h>
#include <string.h>

/* What is left of a text. */
struct rfc8259 {
	const unsigned char *p, *end;
};

static int rfc8259_value(struct rfc8259 *t, int levels);

/* The next byte, or -1 at the end. */
static int
rfc8259_peek(const struct rfc8259 *t)
{
	return t->p == t->end ? -1 : *t->p;
}

static int
rfc8259_take(struct rfc8259 *t, int c)
{
	if (rfc8259_peek(t) != c)
		return 0;
	t->p++;
	return 1;
}

static int
rfc8259_take_from(struct rfc8259 *t, int low, int high)
{
	if (rfc8259_peek(t) < low || rfc8259_peek(t) > high)
		return 0;
	t->p++;
	return 1;
}

/* Section 2. */
static void
rfc8259_ws(struct rfc8259 *t)
{
	while (rfc8259_take(t, 0x20) || rfc8259_take(t, 0x09) || rfc8259_take(t, 0x0a) ||
	       rfc8259_take(t, 0x0d))
		;
}

/* Section 3. */
static int
rfc8259_word(struct rfc8259 *t, const char *word)
{
	for (; *word != '\0'; word++)
		if (!rfc8259_take(t, *word))
			return 0;
	return 1;
}

/* Section 5. */
static int
rfc8259_array(struct rfc8259 *t, int levels)
{
	if (levels == 0 || !rfc8259_take(t, '['))
		return 0;
	rfc8259_ws(t);
	if (rfc8259_take(t, ']'))
		return 1;
	do {
		rfc8259_ws(t);
		if (!rfc8259_value(t, levels - 1))
			return 0;
		rfc8259_ws(t);
	} while (rfc8259_take(t, ','));
	return rfc8259_take(t, ']');
}

/* Section 6. */
static int
rfc8259_digits(struct rfc8259 *t)
{
	if (!rfc8259_take_from(t, '0', '9'))
		return 0;
	while (rfc8259_take_from(t, '0', '9'))
		;
	return 1;
}

static int
rfc8259_number(struct rfc8259 *t)
{
	rfc8259_take(t, '-');
	if (!rfc8259_take(t, '0') && !rfc8259_digits(t))
		return 0;
	if (rfc8259_take(t, '.') && !rfc8259_digits(t))
		return 0;
	if (rfc8259_take(t, 'e') || rfc8259_take(t, 'E')) {
		if (!rfc8259_take(t, '+'))
			rfc8259_take(t, '-');
		return rfc8259_digits(t);
	}
	return 1;
}

/* Section 8.1: one character, as RFC 3629 encodes it. */
static int
rfc8259_character(struct rfc8259 *t)
{
	static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned long code;
	int len;

	if (t->p == t->end)
		return 0;
	if (*t->p < 0x80) {
		t->p++;
		return 1;
	}
	if ((*t->p & 0xe0) == 0xc0) {
		len = 2;
		code = *t->p & 0x1f;
	} else if ((*t->p & 0xf0) == 0xe0) {
		len = 3;
		code = *t->p & 0x0f;
	} else if ((*t->p & 0xf8) == 0xf0) {
		len = 4;
		code = *t->p & 0x07;
	} else {
		return 0;
	}
	t->p++;
	for (int i = 1; i < len; i++, t->p++) {
		if (t->p == t->end || (*t->p & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (*t->p & 0x3f);
	}
	return code >= least[len] && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

/* Section 7. */
static int
rfc8259_string(struct rfc8259 *t)
{
	if (!rfc8259_take(t, '"'))
		return 0;
	while (!rfc8259_take(t, '"')) {
		if (rfc8259_peek(t) < 0x20)
			return 0;
		if (!rfc8259_take(t, '\\')) {
			if (!rfc8259_character(t))
				return 0;
		} else if (rfc8259_take(t, 'u')) {
			for (int i = 0; i < 4; i++)
				if (!rfc8259_take_from(t, '0', '9') &&
				    !rfc8259_take_from(t, 'a', 'f') &&
				    !rfc8259_take_from(t, 'A', 'F'))
					return 0;
		} else {
			int c = rfc8259_peek(t);

			if (c <= 0 || strchr("\"\\/bfnrt", c) == NULL)
				return 0;
			t->p++;
		}
	}
	return 1;
}

/* Section 4. */
static int
rfc8259_object(struct rfc8259 *t, int levels)
{
	if (levels == 0 || !rfc8259_take(t, '{'))
		return 0;
	rfc8259_ws(t);
	if (rfc8259_take(t, '}'))
		return 1;
	do {
		rfc8259_ws(t);
		if (!rfc8259_string(t))
			return 0;
		rfc8259_ws(t);
		if (!rfc8259_take(t, ':'))
			return 0;
		rfc8259_ws(t);
		if (!rfc8259_value(t, levels - 1))
			return 0;
		rfc8259_ws(t);
	} while (rfc8259_take(t, ','));
	return rfc8259_take(t, '}');
}

/* Section 3.  At most so many levels of objects and arrays (section 9). */
static int
rfc8259_value(struct rfc8259 *t, int levels)
{
	switch (rfc8259_peek(t)) {
	case 'f':
		return rfc8259_word(t, "false");
	case 'n':
		return rfc8259_word(t, "null");
	case 't':
		return rfc8259_word(t, "true");
	case '{':
		return rfc8259_object(t, levels);
	case '[':
		return rfc8259_array(t, levels);
	case '"':
		return rfc8259_string(t);
	default:
		return rfc8259_number(t);
	}
}

/* Section 2: is all of it one JSON text? */
static int
rfc8259_valid(const char *s, size_t len, int levels)
{
	struct rfc8259 t = { (const unsigned char *)s, (const unsigned char *)s + len };

	rfc8259_ws(&t);
	if (!rfc8259_value(&t, levels))
		return 0;
	rfc8259_ws(&t);
	return t.p == t.end;
}

#endif
