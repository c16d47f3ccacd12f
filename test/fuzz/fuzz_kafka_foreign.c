/*
 * Values of Kafka messages as event lines: what comes out of a value that is no line of ours is
 * one, or out of memory, and reads as one of ours.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event e;
	struct buf b = BUF_INIT;
	const char *why;
	/* Of its own size, so that ASan sees a read beyond it. */
	char *value = malloc(size + (size == 0));

	if (value == NULL)
		abort();
	if (size > 0)
		memcpy(value, data, size);
	if (foreign_read(&b, value, size, &why) == FOREIGN_EVENT && !b.failed &&
	    event_scan(&e, b.data, b.len) != 0) {
		fprintf(stderr, "%s at %zu: %.*s\n", e.error, e.error_at, (int)b.len, b.data);
		abort();
	}
	buf_free(&b);
	free(value);
	return 0;
}
