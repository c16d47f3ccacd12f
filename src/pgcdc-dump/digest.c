#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

#include "digest.h"

void
digest_add(struct digest *d, const char *row, size_t len)
{
	XXH128_hash_t hash = XXH3_128bits(row, len);

	d->rows++;
	d->low += hash.low64;
	d->high += hash.high64 + (d->low < hash.low64);
}

void
digest_print(struct buf *b, const struct digest *d)
{
	char text[33];

	snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, d->high, d->low);
	buf_str(b, text);
}
