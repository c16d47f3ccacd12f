#include "lsn.h"

static int
hex_half(uint32_t *half, const char *s, size_t len)
{
	if (len < 1 || len > 8)
		return -1;
	uint32_t v = 0;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (c >= 'A' && c <= 'F')
			digit = (uint32_t)(c - 'A') + 10;
		else if (c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a') + 10;
		else
			return -1;
		v = v << 4 | digit;
	}
	*half = v;
	return 0;
}

int
lsn_parse(uint64_t *lsn, const char *s, size_t len)
{
	uint32_t high, low;
	size_t slash = 0;

	while (slash < len && s[slash] != '/')
		slash++;
	if (slash == len)
		return -1;
	if (hex_half(&high, s, slash) || hex_half(&low, s + slash + 1, len - slash - 1))
		return -1;
	*lsn = (uint64_t)high << 32 | low;
	return 0;
}

static char *
put_hex(char *p, uint32_t v)
{
	int shift = 28;

	while (shift > 0 && (v >> shift) == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = "0123456789ABCDEF"[v >> shift & 15];
	return p;
}

size_t
lsn_format(char dst[LSN_SIZE], uint64_t lsn)
{
	char *p = put_hex(dst, (uint32_t)(lsn >> 32));

	*p++ = '/';
	p = put_hex(p, (uint32_t)lsn);
	*p = '\0';
	return (size_t)(p - dst);
}

const char *
lsn_text(uint64_t lsn)
{
	static char texts[4][LSN_SIZE];
	static unsigned next;
	char *text = texts[next++ % 4];

	lsn_format(text, lsn);
	return text;
}
