/*
 * Values of other programs as event lines.  Run it from the root of the sources, or give it that
 * as argument.
 */
#include "event.h"
#include "foreign.h"
#include "kafka_dialect.h"

static const char *root = ".";
static struct buf b;

/* The line that a value becomes; "ours", or the reason that there is none, behind its kind. */
static const char *
read_value(const char *value)
{
	static char text[256];
	static struct event e;
	const char *why = NULL;
	char *copy = malloc(strlen(value));
	enum foreign result;

	/* Of its own size, so that a sanitizer sees a read beyond it. */
	memcpy(copy, value, strlen(value));
	b.len = 0;
	result = foreign_read(&b, copy, strlen(value), &why);
	free(copy);
	switch (result) {
	case FOREIGN_OURS:
		return "ours";
	case FOREIGN_EVENT:
		if (event_scan(&e, b.data, b.len) != 0)
			return e.error;
		buf_add(&b, "", 1);
		return b.data;
	case FOREIGN_NOTHING:
	case FOREIGN_BAD:
		break;
	}
	snprintf(text, sizeof(text), "%s: %s", result == FOREIGN_BAD ? "bad" : "nothing", why);
	return text;
}

static void
as_recorded(const char *name, int count)
{
	char read_name[64];
	FILE *values = dialect_open(root, name), *lines;
	const char *value, *line;
	int n = 0;

	snprintf(read_name, sizeof(read_name), "%s.read", name);
	lines = dialect_open(root, read_name);
	while ((value = dialect_line(values)) != NULL) {
		if (*value == '\0')
			continue;
		line = dialect_line(lines);
		is_str(read_value(value), line, "%s: value %d", name, ++n);
	}
	is_int(n, count, "%s: all of them", name);
	fclose(values);
	fclose(lines);
}

/* Lines of ours, and what each stage may do with them. */
static void
ours(void)
{
	FILE *lines = dialect_open(root, "lines");
	const char *line;
	int n = 0;

	while ((line = dialect_line(lines)) != NULL)
		is_str(read_value(line), "ours", "line %d", ++n);
	fclose(lines);
	is_str(read_value("{\"seq\":1, \"action\":\"I\"}"), "ours", "in another order");
	is_str(read_value("{\"action\":\"I\",\"xid\":1,\"metadata\":{\"table_id\":\"1\"}}"), "ours",
	    "without a position");
	is_str(read_value("{\"action\":\"I\",\"lsn\":0,x"), "ours",
	    "what begins as ours is left to who reads it");
}

#define META \
	"\"metadata\":{\"schema_id\":null,\"table_pgstream_id\":\"\",\"id_col_pgstream_id\":null"
#define V0 META ",\"version_col_pgstream_id\":\"\"}}"
#define V1 META "}}"
#define ROW(action, rest) "{\"action\":\"" action "\",\"schema\":\"s\",\"table\":\"t\"" rest
#define COLUMN(type, value) "[{\"name\":\"c\",\"type\":\"" type "\",\"value\":" value "}]"

static void
shapes(void)
{
	static const struct {
		const char *value, *line;
	} cases[] = {
		{ "", "bad: it is no JSON object with an \"action\"" },
		{ "[]", "bad: it is no JSON object with an \"action\"" },
		{ "{}", "bad: it is no JSON object with an \"action\"" },
		{ "{\"action\":1}", "bad: it is no JSON object with an \"action\"" },
		{ "{\"action\":\"T\"} x", "bad: it is no JSON object with an \"action\"" },
		{ "{\"action\":\"T\"", "bad: it is no JSON object with an \"action\"" },
		{ "{\"action\":\"T\"}", "bad: it has the action of an event, and not its parts" },
		{ ROW("Q", "}"), "bad: it has the action of an event, and not its parts" },
		{ ROW("I", ",\"columns\":[1]}"),
		    "bad: it has the action of an event, and not its parts" },
		{ ROW("I", ",\"columns\":[{\"type\":\"int\"}]}"),
		    "bad: it has the action of an event, and not its parts" },
		{ "{\"action\":\"B\",\"xid\":1}",
		    "nothing: it is the begin or the end of a transaction" },
		{ "{\"action\":\"U\",\"schema\":\"pgstream\",\"table\":\"schema_log\"," V0,
		    "nothing: it is pgstream's bookkeeping" },
		{ "{\"action\":\"I\",\"schema\":\"pgstream\",\"table\":\"table_ids\"," V0,
		    "nothing: it is pgstream's bookkeeping" },
		{ "{\"action\":\"I\",\"schema\":\"pgstream\",\"table\":\"schema_log\","
		  "\"columns\":[]," V0,
		    "bad: it is a damaged row of pgstream's schema log" },
		{ "{\"action\":\"I\",\"schema\":\"pgstream\",\"table\":\"t\"}",
		    "{\"action\":\"I\",\"schema\":\"pgstream\",\"table\":\"t\"}" },
		{ ROW("T", ",\"origin\":0,\"pk\":[]}"), ROW("T", "}") },
		{ " {\t\"table\" : \"t\" , \"schema\" : \"s\", \"action\":\"T\" } ",
		    ROW("T", "}") },
		{ ROW("I", ",\"lsn\":\"0/0\",\"columns\":[],\"identity\":null," V1),
		    "{\"action\":\"R\",\"lsn\":\"0/0\",\"schema\":\"s\",\"table\":\"t\","
		    "\"columns\":[]}" },
		{ "{\"action\":\"M\",\"xid\":null,\"timestamp\":null,\"transactional\":false,"
		  "\"prefix\":\"p\",\"content\":\"c\"}",
		    "{\"action\":\"M\",\"transactional\":false,\"prefix\":\"p\",\"content\":\"c\"}" },
		{ "{\"action\":\"M\",\"schema\":\"\",\"prefix\":\"p\"," V1,
		    "{\"action\":\"M\",\"transactional\":true,\"prefix\":\"p\",\"content\":\"\"}" },
		{ ROW("U",
		      ",\"columns\":[{\"name\":\"a\",\"value\":2}],"
		      "\"identity\":[{\"name\":\"a\",\"value\":1},{\"name\":\"b\",\"value\":3}]}"),
		    ROW("U",
			",\"columns\":[{\"name\":\"a\",\"value\":2},{\"name\":\"b\",\"value\":3}],"
			"\"identity\":[{\"name\":\"a\",\"value\":1},{\"name\":\"b\",\"value\":3}]}") },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(read_value(cases[i].value), cases[i].line, "%s", cases[i].value);
	is_int(foreign_read(&b, NULL, 0, &(const char *){ NULL }), FOREIGN_NOTHING, "a tombstone");
}

static void
values(void)
{
	static const struct {
		const char *type, *value, *expected; /* of a column, as pgstream 1.x writes it */
	} cases[] = {
		{ "char", "\"a\"", "\"\\\"char\\\"\",\"value\":\"a\"" },
		{ "bytea", "\"3g==\"", "\"bytea\",\"value\":\"de\"" },
		{ "bytea", "\"3q0=\"", "\"bytea\",\"value\":\"dead\"" },
		{ "bytea", "\"3q2+\"", "\"bytea\",\"value\":\"deadbe\"" },
		{ "bytea", "\"3q2+7w==\"", "\"bytea\",\"value\":\"deadbeef\"" },
		{ "bytea", "\"deadbeef\"", "\"bytea\",\"value\":\"deadbeef\"" },
		{ "bytea", "\"\"", "\"bytea\",\"value\":\"\"" },
		{ "bytea", "\"3q2=+7w=\"", "\"bytea\",\"value\":\"3q2=+7w=\"" },
		{ "bytea", "\"=\"", "\"bytea\",\"value\":\"=\"" },
		{ "text", "\"3q0=\"", "\"text\",\"value\":\"3q0=\"" },
		{ "numeric", "\"NaN\"", "\"numeric\",\"value\":\"NaN\"" },
		{ "int", "null", "\"int\",\"value\":null" },
	};
	char value[512], line[512], digits[401];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(value, sizeof(value),
		    ROW("I", ",\"columns\":[{\"id\":\"\",\"name\":\"c\","
			     "\"type\":\"%s\",\"value\":%s}]," V1),
		    cases[i].type, cases[i].value);
		snprintf(line, sizeof(line),
		    ROW("I", ",\"columns\":[{\"name\":\"c\",\"type\":%s}]}"), cases[i].expected);
		is_str(read_value(value), line, "%s %s", cases[i].type, cases[i].value);
	}
	is_str(read_value(ROW("I", ",\"columns\":" COLUMN("bytea", "\"3q0=\"") "," V0)),
	    ROW("I", ",\"columns\":" COLUMN("bytea", "\"3q0=\"") "}"), "0.x has no base64");
	memset(digits, '7', 400);
	digits[400] = '\0';
	snprintf(value, sizeof(value), ROW("I", ",\"columns\":" COLUMN("numeric", "\"%s\"") "}"),
	    digits);
	ok(strstr(read_value(value), ":7777") != NULL, "a number that was too large for them");
}

static void
times(void)
{
	static const char *const cases[][2] = {
		{ "2026-11-20 23:34:49.38778+00", "2026-11-20 23:34:49.387780+00" },
		{ "2026-11-20 23:34:49+00", "2026-11-20 23:34:49.000000+00" },
		{ "2026-11-20T23:34:49.1234567Z", "2026-11-20 23:34:49.123456+00" },
		{ "2026-11-20 23:34:49.1+02", "2026-11-20 23:34:49.100000+02" },
		{ "now", "now" },
	};
	char value[256], line[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(value, sizeof(value), ROW("T", ",\"timestamp\":\"%s\"}"), cases[i][0]);
		snprintf(line, sizeof(line),
		    "{\"action\":\"T\",\"timestamp\":\"%s\",\"schema\":\"s\",\"table\":\"t\"}",
		    cases[i][1]);
		is_str(read_value(value), line, "time %s", cases[i][0]);
	}
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		root = argv[1];
	as_recorded("pgstream-v0", 12);
	as_recorded("pgstream-v1", 13);
	as_recorded("wal2json", 13);
	ours();
	shapes();
	values();
	times();
	buf_free(&b);
	return tap_done();
}
