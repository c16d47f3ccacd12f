/*
 * Rows of COPY as event lines: what comes out of any bytes is one, with as many columns as the table
 * has, or refused.  Numbers and booleans are copied as the server writes them, so there are none.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct row_shape shape;
	static struct event e;
	struct buf out = BUF_INIT, scratch = BUF_INIT;
	const char *why;
	/* Of its own size, so that ASan sees a read beyond it. */
	char *row = malloc(size + (size == 0));

	if (row == NULL)
		abort();
	if (shape.n == 0 && (row_shape_begin(&shape, "s", "t") != 0 ||
				row_shape_add(&shape, "a", "text", 25) != 0 ||
				row_shape_add(&shape, "b", "bytea", 17) != 0 ||
				row_shape_add(&shape, "c", "jsonb", 3802) != 0))
		abort();
	if (size > 0)
		memcpy(row, data, size);
	why = row_write(&out, &shape, "0/1", row, size, &scratch);
	if (why == NULL && !out.failed &&
	    (event_scan(&e, out.data, out.len) != 0 || e.columns.n != 3)) {
		fprintf(stderr, "%s at %zu: %.*s\n", e.error, e.error_at, (int)out.len, out.data);
		abort();
	}
	buf_free(&out);
	buf_free(&scratch);
	free(row);
	return 0;
}
