/* Keys of messages. */
#include <stdlib.h>

#include "key.h"
#include "tap.h"

/* The key, "none", "?" when it cannot be told. */
static const char *
key_of(enum key_kind kind, const char *line, int is_old)
{
	static struct event e;
	static struct buf key;
	static char copy[1024];
	int made;

	/* As in the reader's buffer, something follows. */
	snprintf(copy, sizeof(copy), "%s\n\"", line);
	if (event_scan(&e, copy, strlen(line)) != 0) {
		printf("# %s: %s\n", e.error, line);
		abort();
	}
	key.len = 0;
	made = key_make(&key, kind, &e, is_old);
	buf_add(&key, "", 1);
	return made == 0 ? "none" : made < 0 ? "?" : key.data;
}

#define LINE(code, rest) \
	"{\"action\":\"" code "\",\"schema\":\"public\",\"table\":\"orders\"" rest "}"
#define METADATA(ids) \
	",\"metadata\":{\"schema_id\":1,\"table_id\":\"7\",\"identity_ids\":[" ids "]}"
#define COLUMNS                                                         \
	",\"columns\":[{\"name\":\"n\",\"value\":1.10,\"id\":\"7-2\"}," \
	"{\"name\":\"id\",\"value\":5,\"id\":\"7-1\"}]"
#define OLD ",\"identity\":[{\"name\":\"id\",\"value\":4,\"id\":\"7-1\"}]"

static const struct {
	enum key_kind kind;
	const char *line;
	int is_old;
	const char *key;
} cases[] = {
	{ KEY_NONE, LINE("I", COLUMNS), 0, "none" },
	{ KEY_SCHEMA, LINE("I", COLUMNS), 0, "public" },
	{ KEY_TABLE, LINE("T", ""), 0, "public.orders" },
	{ KEY_TABLE, "{\"action\":\"I\",\"schema\":\"a\\\"\\u00e9\",\"table\":\"b\\n\"}", 0,
	    "a\"\xc3\xa9.b\n" },
	{ KEY_IDENTITY, LINE("I", COLUMNS METADATA("\"7-1\"")), 0,
	    "{\"schema\":\"public\",\"table\":\"orders\",\"identity\":{\"id\":5}}" },
	{ KEY_IDENTITY, LINE("I", COLUMNS METADATA(" \"7-1\" , \"7-2\" ")), 0,
	    "{\"schema\":\"public\",\"table\":\"orders\",\"identity\":{\"id\":5,\"n\":1.10}}" },
	{ KEY_IDENTITY, LINE("U", COLUMNS OLD METADATA("\"7-1\"")), 0,
	    "{\"schema\":\"public\",\"table\":\"orders\",\"identity\":{\"id\":5}}" },
	{ KEY_IDENTITY, LINE("U", COLUMNS OLD METADATA("\"7-1\"")), 1,
	    "{\"schema\":\"public\",\"table\":\"orders\",\"identity\":{\"id\":4}}" },
	{ KEY_IDENTITY, LINE("U", ",\"unchanged\":[\"id\"],\"columns\":[]" OLD METADATA("\"7-1\"")),
	    0, "{\"schema\":\"public\",\"table\":\"orders\",\"identity\":{\"id\":4}}" },
	{ KEY_IDENTITY, LINE("D", OLD METADATA("\"7-1\"")), 0,
	    "{\"schema\":\"public\",\"table\":\"orders\",\"identity\":{\"id\":4}}" },
	/* a table without identity, and what cannot be told */
	{ KEY_IDENTITY, LINE("I", COLUMNS METADATA("")), 0,
	    "{\"schema\":\"public\",\"table\":\"orders\"}" },
	{ KEY_IDENTITY, LINE("I", COLUMNS), 0, "?" },
	{ KEY_IDENTITY, LINE("I", COLUMNS METADATA("\"7-3\"")), 0, "?" },
	{ KEY_IDENTITY, LINE("I", COLUMNS ",\"metadata\":{}"), 0, "?" },
	/* the name of the key as a value, and blanks */
	{ KEY_IDENTITY,
	    LINE(
		"I", COLUMNS ",\"metadata\":{\"x\":\"identity_ids\",\"identity_ids\" : [\"7-2\"]}"),
	    0, "{\"schema\":\"public\",\"table\":\"orders\",\"identity\":{\"n\":1.10}}" },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(key_of(cases[i].kind, cases[i].line, cases[i].is_old), cases[i].key, "%s",
		    cases[i].line);
	return tap_done();
}
