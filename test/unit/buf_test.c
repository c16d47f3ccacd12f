/* The growing buffer, its JSON strings, and UTF-8. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../fault/prng.h"
#include "buf.h"
#include "tap.h"
#include "utf8.h"

static void
is_content(const struct buf *b, const char *want, const char *what)
{
	char got[256];

	snprintf(got, sizeof(got), "%.*s", (int)b->len, b->data != NULL ? b->data : "");
	is_str(got, want, "%s", what);
}

static void
appending(void)
{
	struct buf b = BUF_INIT;
	char *p;

	ok(b.data == NULL && b.len == 0 && b.cap == 0 && !b.failed, "a new one is empty");
	buf_str(&b, "");
	buf_str(&b, "ab");
	buf_add(&b, "c\0d", 3);
	is_int(b.len, 5, "a NUL is a byte as others");
	ok(memcmp(b.data, "abc\0d", 5) == 0, "bytes stand behind each other");
	p = buf_reserve(&b, 100);
	ok(p == b.data + 5 && b.cap - b.len >= 100 && b.len == 5, "reserved behind them");
	memcpy(p, "xyz", 3);
	buf_advance(&b, 3);
	buf_drop(&b, 3);
	is_int(b.len, 5, "the first three dropped");
	ok(memcmp(b.data, "\0dxyz", 5) == 0, "... and the rest moved to the front");
	buf_drop(&b, 5);
	is_int(b.len, 0, "all dropped");
	buf_free(&b);
	ok(b.data == NULL && b.len == 0 && b.cap == 0, "freed, it is as new");
	buf_drop(&b, 0);
	is_int(b.len, 0, "and nothing can be dropped");
	buf_str(&b, "again");
	is_content(&b, "again", "and can be used again");
	buf_trim(&b);
	ok(b.cap == 5 && b.len == 5, "what it does not need is given back");
	buf_str(&b, "!");
	is_content(&b, "again!", "and taken again");
	buf_free(&b);
	buf_trim(&b);
	ok(b.data == NULL && b.cap == 0 && !b.failed, "one that is empty stays so");
	buf_free(&b);
}

static void
numbers(void)
{
	static const struct {
		uint64_t v;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 9, "9" },
		{ 10, "10" },
		{ 4294967296, "4294967296" },
		{ UINT64_MAX, "18446744073709551615" },
		{ 10000000000000000000u, "10000000000000000000" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = BUF_INIT;

		buf_uint(&b, cases[i].v);
		is_content(&b, cases[i].text, "a number");
		buf_free(&b);
	}
}

static void
growing(void)
{
	struct buf b = BUF_INIT;
	int good = 1;

	for (int i = 0; i < 100000; i++)
		buf_add(&b, &(char){ (char)i }, 1);
	for (int i = 0; i < 100000; i++)
		good &= b.data[i] == (char)i;
	ok(b.len == 100000 && good, "100000 appends keep all bytes");
	ok(b.cap >= b.len && b.cap < 400000, "... in a buffer not much larger");
	buf_free(&b);
}

static void
failing(void)
{
	struct buf b = BUF_INIT;

	buf_str(&b, "kept");
	is_int(buf_grow(&b, SIZE_MAX), -1, "more than there can be");
	ok(b.failed, "is a failure");
	is_int(b.len, 4, "that leaves the length");
	buf_str(&b, "dropped");
	buf_uint(&b, 1);
	buf_add(&b, "x", 1);
	ok(buf_reserve(&b, 0) == NULL && buf_reserve(&b, 1) == NULL, "no room any more");
	is_int(buf_grow(&b, 1), -1, "nor does it grow");
	buf_json(&b, "text", 4);
	is_content(&b, "kept", "appends do nothing, although there would be room");
	buf_free(&b);
	ok(!b.failed, "freed, it has not failed");
}

/* The JSON string of text, the plain way; 0 if it is not UTF-8. */
static int
plain_json(char *dst, const char *s, size_t n)
{
	for (*dst++ = '"'; n > 0;) {
		unsigned char c = (unsigned char)*s;
		size_t len = 1;

		if (c == '"' || c == '\\')
			dst += sprintf(dst, "\\%c", c);
		else if (c >= 0x20 && c < 0x80)
			*dst++ = (char)c;
		else if (c < 0x20 && strchr("\b\f\n\r\t", c) != NULL && c != 0)
			dst += sprintf(dst, "\\%c", "btn-fr"[c - 8]);
		else if (c < 0x20)
			dst += sprintf(dst, "\\u%04x", c);
		else if ((len = utf8_sequence(s, n)) == 0)
			return 0;
		else
			dst = (char *)memcpy(dst, s, len) + len;
		s += len;
		n -= len;
	}
	strcpy(dst, "\"");
	return 1;
}

/* Does buf_json() say the same of the text, which lies in a block of its size? */
static int
same_json(const char *s, size_t n)
{
	struct buf b = BUF_INIT;
	char *copy = malloc(n > 0 ? n : 1), *want = malloc(6 * n + 3);
	int valid, outcome, same;

	if (copy == NULL || want == NULL)
		abort();
	memcpy(copy, s, n);
	buf_add(&b, "+", 1);
	valid = plain_json(want, copy, n);
	outcome = buf_json(&b, copy, n);
	same = valid ? outcome == 0 && b.len == strlen(want) + 1 && *b.data == '+' &&
	                   memcmp(b.data + 1, want, b.len - 1) == 0
	             : outcome == -1;
	buf_free(&b);
	free(copy);
	free(want);
	return same;
}

static void
json_escapes(void)
{
	static const struct {
		const char *s, *want;
	} cases[] = {
		{ "", "\"\"" },
		{ "a \"b\"\n", "\"a \\\"b\\\"\\n\"" },
		{ "\\", "\"\\\\\"" },
		{ "/", "\"/\"" },
		{ "\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"" },
		{ "\v\x01\x1f", "\"\\u000b\\u0001\\u001f\"" },
		{ "\x7f", "\"\x7f\"" },
		{ "\xe6\xbc\xa2\xf0\x9f\x98\x80", "\"\xe6\xbc\xa2\xf0\x9f\x98\x80\"" },
	};
	char bytes[256];
	int good = 1;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = BUF_INIT;

		is_int(buf_json(&b, cases[i].s, strlen(cases[i].s)), 0, "a JSON string");
		is_content(&b, cases[i].want, "... as it is written");
		buf_free(&b);
	}
	for (int c = 0; c < 256; c++)
		for (size_t n = 1; n < 40; n++) {
			memset(bytes, 'a', n);
			for (size_t at = 0; at < n; at++) {
				bytes[at] = (char)c;
				good &= same_json(bytes, n);
				bytes[at] = 'a';
			}
		}
	ok(good, "each byte at each place of texts up to 40 bytes");
}

static void
json_chunks(void)
{
	static char text[20000];
	int good = 1;

	for (size_t n = 4070; n < 4130; n++) {
		memset(text, 'a', sizeof(text));
		memcpy(text + n, "\xf0\x9f\x98\x80", 4);
		memcpy(text + 2 * n, "\xe6\xbc\xa2", 3);
		for (size_t end = n; end <= n + 4; end++)
			good &= same_json(text, end);
		good &= same_json(text, sizeof(text));
	}
	ok(good, "characters of several bytes where long texts are split");
	memset(text, 1, sizeof(text));
	ok(same_json(text, sizeof(text)), "long texts of escapes only");
	memset(text, '"', sizeof(text));
	ok(same_json(text, sizeof(text)), "long texts of quotation marks only");
}

static void
json_random(uint64_t seed)
{
	struct prng p = { seed };
	int good = 1;

	for (int i = 0; i < 20000 && good; i++) {
		static const char *const parts[] = { "a", "plain text, 20 bytes", "\"", "\\", "\n",
			"\x01", "\x7f", "\xc3\xa9", "\xe6\xbc\xa2", "\xf0\x9f\x98\x80", "\xff",
			"\xed\xa0\x80" };
		char text[512];
		size_t n = 0;
		int choices = sizeof(parts) / sizeof(parts[0]);

		/* One in ten may have bytes that are no UTF-8. */
		if (!prng_percent(&p, 10))
			choices -= 2;

		for (int k = prng_below(&p, 20); k > 0; k--) {
			const char *part = parts[prng_below(&p, choices)];

			memcpy(text + n, part, strlen(part));
			n += strlen(part);
		}
		good = same_json(text, n);
	}
	ok(good, "random texts, seed %llu", (unsigned long long)seed);
}

/* RFC 3629 by decoding: the length of the sequence, 0 if it is none. */
static size_t
plain_sequence(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = 0;
	uint32_t code;

	if (s[0] < 0x80)
		len = 1;
	else if (s[0] >> 5 == 6)
		len = 2;
	else if (s[0] >> 4 == 14)
		len = 3;
	else if (s[0] >> 3 == 30)
		len = 4;
	if (len < 2 || len > n)
		return len <= n ? len : 0;
	code = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	return code < least[len] || code > 0x10ffff || code >> 11 == 0xd800 >> 11 ? 0 : len;
}

static void
utf8(void)
{
	/* The bounds of all ranges that the RFC's grammar tells apart. */
	static const unsigned char bytes[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
		0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5,
		0xff };
	const size_t m = sizeof(bytes);
	int good = 1;

	for (size_t i = 0; i < m * m * m * m; i++) {
		unsigned char s[4] = { bytes[i % m], bytes[i / m % m], bytes[i / m / m % m],
			bytes[i / m / m / m] };

		for (size_t n = 1; n <= 4; n++)
			good &= utf8_sequence((char *)s, n) == plain_sequence(s, n);
	}
	ok(good, "sequences as RFC 3629 has them");
	is_int(utf8_sequence("", 0), 0, "no bytes are none");
}

int
main(int argc, char **argv)
{
	appending();
	numbers();
	growing();
	failing();
	json_escapes();
	json_chunks();
	json_random(argc > 1 ? strtoull(argv[1], NULL, 10) : 1);
	utf8();
	return tap_done();
}
