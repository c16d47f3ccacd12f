/*
 * The digest of rows: how many there are, and the sum of their XXH3 hashes of 128 bits (xxHash,
 * "XXH3_128bits", seed 0), modulo 2^128, so that their order does not count.  What is hashed of a row
 * is a JSON object of its columns in the order of their names, as row_object() writes it.
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdint.h>

#include "buf.h"

/* Start with all zero. */
struct digest {
	uint64_t rows, low, high;
};

/* The next row, len bytes. */
void digest_add(struct digest *d, const char *row, size_t len);

/* Append the sum, 32 hexadecimal digits. */
void digest_print(struct buf *b, const struct digest *d);

#endif
