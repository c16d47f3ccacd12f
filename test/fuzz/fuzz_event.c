/*
 * The event scanner against a plain second opinion: it accepts the same lines and
 * finds the same spans.  Each input is tried as a line, and as a value in
 * the places where a line may have any value.  It lies in a block of
 * its own size, so that ASan sees a read beyond it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "event_oracle.h"

static const char *const around[][2] = {
	{ "", "" },
	{ "{\"action\":\"I\",\"x\":", "}" },
	{ "{\"x\":", ",\"action\":\"I\",\"lsn\":\"0/D1EA240\"}" },
	{ "{\"action\":\"U\",\"columns\":[{\"name\":\"a\",\"type\":\"b\",\"value\":", "}]}" },
	{ "{\"action\":\"C\",\"metadata\":{\"a\":[", "]}}" },
	{ "{\"action\":\"T\",", "}" },
	{ "{\"action\":\"D\",\"identity\":[", "]}" },
	{ "{\"action\":\"B\",\"lsn\":\"", "\"}" },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event e;

	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		size_t front = strlen(around[i][0]), back = strlen(around[i][1]);
		size_t len = front + size + back;
		char *line = malloc(len);
		const char *wrong;

		if (line == NULL)
			abort();
		memcpy(line, around[i][0], front);
		if (size > 0)
			memcpy(line + front, data, size);
		memcpy(line + front + size, around[i][1], back);
		wrong = oracle_judge(&e, event_scan(&e, line, len), line, len);
		if (wrong != NULL) {
			fprintf(stderr, "%s (%s at %zu): %.*s\n", wrong, e.error, e.error_at,
			    (int)len, line);
			abort();
		}
		free(line);
	}
	return 0;
}
