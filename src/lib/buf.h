/*
 * A growing buffer of bytes with a sticky failure: append freely, test
 * buf->failed once at the end.  After a failure appends do nothing.
 * The fields may be read by anybody; only buf_* write them.
 */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char *data;
	size_t len; /* bytes in use */
	size_t cap; /* bytes allocated */
	int failed; /* out of memory once: the content is incomplete */
};

#define BUF_INIT ((struct buf){ .data = NULL })

void buf_free(struct buf *b);

/* Make room for at least n more bytes. 0, or -1 with b->failed set. */
int buf_grow(struct buf *b, size_t n);

/*
 * Room for n more bytes at the end, NULL after a failure.  The caller writes
 * at most n bytes there and says with buf_advance how many.
 */
static inline char *
buf_reserve(struct buf *b, size_t n)
{
	if ((b->cap - b->len < n || b->data == NULL) && buf_grow(b, n) != 0)
		return NULL;
	return b->failed ? NULL : b->data + b->len;
}

static inline void
buf_advance(struct buf *b, size_t n)
{
	b->len += n;
}

static inline void
buf_add(struct buf *b, const void *bytes, size_t n)
{
	char *p = buf_reserve(b, n);

	if (p != NULL) {
		memcpy(p, bytes, n);
		b->len += n;
	}
}

void buf_str(struct buf *b, const char *s);
void buf_uint(struct buf *b, uint64_t v);

/*
 * Append the n bytes at s as a JSON string, quotes included (RFC 8259,
 * section 7).  0, or -1 if they are not valid UTF-8; then what was appended is
 * undefined and the caller resets b->len.
 */
int buf_json(struct buf *b, const char *s, size_t n);

/* Give back the memory that is not in use, of one that is kept for long. */
void buf_trim(struct buf *b);

/* Forget the first n bytes, moving the rest to the front. */
void buf_drop(struct buf *b, size_t n);

#endif
