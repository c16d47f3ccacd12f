/*
 * JSON text (RFC 8259): check it and pass over it, part by part.  Nothing is
 * allocated, and only scan_unescape() copies.
 *
 * Functions that pass over a part take a pointer to its first byte and return
 * one to the byte behind it, or NULL after scan_fail().  Their depth is the
 * number of objects and arrays around that part.  The text needs no NUL and no
 * byte outside of it is read.
 */
#ifndef SCAN_H
#define SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#else
#include <endian.h>
#endif

struct scan {
	const char *start, *end; /* of the whole text */
	int depth;               /* the most objects and arrays inside each other */
	size_t error_size;
	char *error;     /* scan_fail() puts the reason here */
	size_t error_at; /* and here the offset of the byte where it was seen */
};

/* The value at p, of any type. */
const char *scan_value(struct scan *s, const char *p, int depth);

/* Report that p is wrong, and return NULL. */
const char *scan_fail(struct scan *s, const char *p, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
const char *scan_unexpected(struct scan *s, const char *p) __attribute__((cold));
const char *scan_too_deep(struct scan *s, const char *p) __attribute__((cold));

/*
 * Unescape the len bytes at p, the inside of a string that was checked, if it
 * comes out as at most size bytes of ASCII.  Their number, or SIZE_MAX.
 */
size_t scan_unescape(char *dst, size_t size, const char *p, size_t len);

/* The rest of a string, from its first byte that is not plain. */
const char *scan_string_rest(struct scan *s, const char *p);

#define SCAN_INLINE static inline __attribute__((always_inline, unused))

SCAN_INLINE int
scan_at(const struct scan *s, const char *p, char c)
{
	return p < s->end && *p == c;
}

SCAN_INLINE const char *
scan_space(const struct scan *s, const char *p)
{
	while (p < s->end && *p <= ' ' && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p;
}

/*
 * From behind a member or an element to the next one, or past the closing
 * bracket: then *last is set.
 */
SCAN_INLINE const char *
scan_next(struct scan *s, const char *p, char close, int *last)
{
	p = scan_space(s, p);
	if ((*last = scan_at(s, p, close)))
		return p + 1;
	return scan_at(s, p, ',') ? scan_space(s, p + 1) : scan_unexpected(s, p);
}

/* Behind a key: its colon and the space around that. */
SCAN_INLINE const char *
scan_colon(struct scan *s, const char *p)
{
	p = scan_space(s, p);
	return scan_at(s, p, ':') ? scan_space(s, p + 1) : scan_unexpected(s, p);
}

/*
 * Strings and numbers are examined a block of SCAN_BLOCK bytes at a time.
 * scan_not_plain() and scan_not_digit() return a mask with SCAN_BITS bits for
 * each of them, the first byte lowest, not all zero where a byte is not such.
 * Plain bytes stand for themselves in a string: all of ASCII but '"', '\' and
 * the control characters.
 */
#ifdef __SSE2__

#define SCAN_BLOCK 16
#define SCAN_BITS 1

SCAN_INLINE uint64_t
scan_not_plain(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	/* Signed: bytes from 0x80 up are negative, so below the space too. */
	__m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(' ')),
	    _mm_or_si128(
		_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));

	return (unsigned)_mm_movemask_epi8(odd);
}

SCAN_INLINE uint64_t
scan_not_digit(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i odd = _mm_or_si128(
	    _mm_cmplt_epi8(v, _mm_set1_epi8('0')), _mm_cmpgt_epi8(v, _mm_set1_epi8('9')));

	return (unsigned)_mm_movemask_epi8(odd);
}

#else

#define SCAN_BLOCK 8
#define SCAN_BITS 8
#define SCAN_EACH(c) (0x0101010101010101u * (uint64_t)(c))

SCAN_INLINE uint64_t
scan_load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* The top bit of each byte that is above n < 0x80; there is no carry between bytes. */
SCAN_INLINE uint64_t
scan_above(uint64_t v, unsigned n)
{
	return (((v & SCAN_EACH(0x7f)) + SCAN_EACH(0x7f - n)) | v) & SCAN_EACH(0x80);
}

SCAN_INLINE uint64_t
scan_not_plain(const char *p)
{
	uint64_t v = scan_load(p);
	uint64_t plain = scan_above(v, 0x1f) & scan_above(v ^ SCAN_EACH('"'), 0) &
	                 scan_above(v ^ SCAN_EACH('\\'), 0) & ~v;

	return ~plain & SCAN_EACH(0x80);
}

SCAN_INLINE uint64_t
scan_not_digit(const char *p)
{
	return scan_above(scan_load(p) ^ SCAN_EACH('0'), 9);
}

#endif

/* scan_while() in a text shorter than a block. */
const char *scan_while_short(const char *p, const char *end, uint64_t (*is_not)(const char *))
    __attribute__((cold));

/*
 * The first byte from p on that is_not, or the end.  When less than a block is
 * left, the last block of the text is examined: it begins before p.
 */
SCAN_INLINE const char *
scan_while(const struct scan *s, const char *p, uint64_t (*is_not)(const char *))
{
	size_t left;
	uint64_t mask;

	for (; s->end - p >= SCAN_BLOCK; p += SCAN_BLOCK)
		if ((mask = is_not(p)) != 0)
			return p + __builtin_ctzll(mask) / SCAN_BITS;
	if ((left = (size_t)(s->end - p)) == 0)
		return p;
	if (s->end - s->start < SCAN_BLOCK)
		return scan_while_short(p, s->end, is_not);
	mask = is_not(s->end - SCAN_BLOCK) >> (SCAN_BLOCK - left) * SCAN_BITS;
	return mask != 0 ? p + __builtin_ctzll(mask) / SCAN_BITS : s->end;
}

/* The string at p, where its opening quote is. */
SCAN_INLINE const char *
scan_string(struct scan *s, const char *p)
{
	p = scan_while(s, p + 1, scan_not_plain);
	return scan_at(s, p, '"') ? p + 1 : scan_string_rest(s, p);
}

#endif
