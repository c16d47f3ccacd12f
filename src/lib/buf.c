#include <stdlib.h>

#include "buf.h"
#include "utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SMALLEST 256

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = BUF_INIT;
}

int
buf_grow(struct buf *b, size_t n)
{
	size_t cap = b->cap < SMALLEST ? SMALLEST : b->cap;
	char *data;

	if (b->failed)
		return -1;
	while (cap - b->len < n) {
		if (cap > SIZE_MAX / 2)
			goto failed;
		cap *= 2;
	}
	data = realloc(b->data, cap);
	if (data == NULL)
		goto failed;
	b->data = data;
	b->cap = cap;
	return 0;
failed:
	b->failed = 1;
	return -1;
}

void
buf_trim(struct buf *b)
{
	char *data = b->len > 0 ? realloc(b->data, b->len) : NULL;

	if (data == NULL)
		return;
	b->data = data;
	b->cap = b->len;
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_uint(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	buf_add(b, digits + i, sizeof(digits) - i);
}

void
buf_drop(struct buf *b, size_t n)
{
	b->len -= n;
	if (n > 0) /* a buffer that was never filled has no data */
		memmove(b->data, b->data + n, b->len);
}

/* Bytes that stand in a JSON string as they are: all of ASCII but these. */
static inline int
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/*
 * Copy plain bytes until one needs attention or 16 bytes are not left, and
 * return how many were copied.  Up to 16 bytes more than that may be written.
 */
static inline size_t
copy_plain(char *dst, const char *src, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(0x20);

	for (; n - i >= 16; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(src + i));
		/* Signed: bytes from 0x80 up are negative, so below the space too. */
		__m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, space),
		    _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)));
		int mask = _mm_movemask_epi8(odd);

		_mm_storeu_si128((__m128i *)(void *)(dst + i), v);
		if (mask != 0)
			return i + (size_t)__builtin_ctz((unsigned)mask);
	}
#endif
	for (; i < n && is_plain((unsigned char)src[i]); i++)
		dst[i] = src[i];
	return i;
}

static size_t
put_escape(char *dst, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letter[0x20] = {
		['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't',
	};

	dst[0] = '\\';
	if (c == '"' || c == '\\') {
		dst[1] = (char)c;
		return 2;
	}
	if (c < 0x20 && letter[c] != 0) {
		dst[1] = letter[c];
		return 2;
	}
	memcpy(dst + 1, "u00", 3);
	dst[4] = hex[c >> 4];
	dst[5] = hex[c & 15];
	return 6;
}

/* Source bytes escaped with one reservation; a sequence may reach 3 beyond. */
#define CHUNK 4096

int
buf_json(struct buf *b, const char *s, size_t n)
{
	const char *end = s + n;

	buf_add(b, "\"", 1);
	while (s < end) {
		size_t chunk = (size_t)(end - s) < CHUNK ? (size_t)(end - s) : CHUNK;
		const char *stop = s + chunk;
		char *dst = buf_reserve(b, 6 * chunk + 4 + 16);
		char *start = dst;

		if (dst == NULL)
			return 0;
		while (s < stop) {
			size_t copied = copy_plain(dst, s, (size_t)(stop - s));

			s += copied;
			dst += copied;
			if (s == stop)
				break;
			if ((unsigned char)*s < 0x80) {
				dst += put_escape(dst, (unsigned char)*s++);
				continue;
			}
			size_t len = utf8_sequence(s, (size_t)(end - s));
			if (len == 0)
				return -1;
			memcpy(dst, s, len);
			dst += len;
			s += len;
		}
		buf_advance(b, (size_t)(dst - start));
	}
	buf_add(b, "\"", 1);
	return 0;
}
