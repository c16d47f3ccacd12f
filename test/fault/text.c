#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"
#include "text.h"

static size_t
put_utf8(char *s, unsigned c)
{
	if (c < 0x80) {
		s[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		s[0] = (char)(0xC0 | c >> 6);
		s[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		s[0] = (char)(0xE0 | c >> 12);
		s[1] = (char)(0x80 | (c >> 6 & 63));
		s[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	s[0] = (char)(0xF0 | c >> 18);
	s[1] = (char)(0x80 | (c >> 12 & 63));
	s[2] = (char)(0x80 | (c >> 6 & 63));
	s[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* Any character that Postgres takes: not NUL, no surrogate. */
static unsigned
any_character(struct prng *p)
{
	static const char special[] = "\"\\/'\x7F{}[],:";

	switch (prng_below(p, 8)) {
	case 0:
		return (unsigned)prng_between(p, 1, 0x1F);
	case 1:
		return (unsigned char)special[prng_below(p, sizeof(special) - 1)];
	case 2:
		return (unsigned)prng_between(p, 0x80, 0x7FF);
	case 3:
		return (unsigned)prng_between(p, 0x800, 0xD7FF);
	case 4:
		return (unsigned)prng_between(p, 0xE000, 0xFFFF);
	case 5:
		return (unsigned)prng_between(p, 0x10000, 0x10FFFF);
	default:
		return (unsigned)prng_between(p, ' ', '~');
	}
}

static int
random_length(struct prng *p)
{
	int kind = prng_below(p, 100);

	if (kind < 70)
		return prng_below(p, 20);
	if (kind < 95)
		return prng_below(p, 200);
	if (kind < 99)
		return prng_below(p, 4000);
	return prng_below(p, 40000);
}

char *
text_random(struct prng *p)
{
	int n = random_length(p), any = prng_percent(p, 40);
	char *s = malloc(9 + (size_t)n * 4 + 1), checksum[10];
	size_t used = 9;

	if (s == NULL)
		errx(111, "out of memory");
	for (int i = 0; i < n; i++)
		used += put_utf8(
		    s + used, any ? any_character(p) : (unsigned)prng_between(p, 'a', 'z'));
	s[used] = '\0';
	snprintf(checksum, sizeof(checksum), "%08x:", tables_checksum(s + 9, used - 9));
	memcpy(s, checksum, 9);
	return s;
}
