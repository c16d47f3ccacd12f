/* The event scanner.  Run it from the root of the sources, or give it that as argument. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../fuzz/event_oracle.h"
#include "tap.h"

static const char *root = ".";
static struct event e;

/*
 * Scan text as the scanner will see lines: with nothing behind it that may be read.
 * The copy lives until the next call.
 */
static char *copy;

static int
scan_bytes(const char *text, size_t len)
{
	free(copy);
	copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, text, len);
	return event_scan(&e, copy, len);
}

/* NULL if a plain second opinion is the same. */
static const char *
judge(const char *text, size_t len)
{
	int outcome = scan_bytes(text, len);

	return oracle_judge(&e, outcome, copy, len);
}

static int
scan(const char *text)
{
	return scan_bytes(text, strlen(text));
}

static void
is_span(struct event_span span, const char *want, const char *what)
{
	char got[512];

	snprintf(got, sizeof(got), "%.*s", (int)span.len, span.p != NULL ? span.p : "");
	is_str(span.p != NULL ? got : NULL, want, "%s", what);
}

static void
is_refused(const char *text, const char *error, size_t at)
{
	ok(scan(text) == -1 && errno == EBADMSG, "refused: %.60s", text);
	is_str(e.error, error, "... with its reason");
	is_int(e.error_at, at, "... and place");
}

static const char row[] = "{\"action\":\"U\",\"lsn\":\"0/D1EA240\",\"seq\":3,\"xid\":1476,"
			  "\"timestamp\":\"2026-11-20 23:34:49.387783+00\",\"origin\":\"other\","
			  "\"schema\":\"public\",\"table\":\"or\\\"ders\",\"columns\":["
			  "{\"name\":\"id\",\"type\":\"bigint\",\"value\":1,\"id\":\"16385-1\"},"
			  "{\"name\":\"amount\",\"type\":\"numeric(12,2)\",\"value\":1.17}],"
			  "\"unchanged\":[\"note\"],"
			  "\"identity\":[{\"name\":\"id\",\"type\":\"bigint\",\"value\":1}],"
			  "\"metadata\":{\"schema_id\":7,\"identity_ids\":[\"16385-1\"]}}";

static void
row_line(void)
{
	if (!ok(scan(row) == 0, "a row line"))
		return;
	is_int(e.code, 'U', "code");
	is_span(e.action, "\"U\"", "action");
	is_span(e.lsn, "\"0/D1EA240\"", "lsn");
	is_span(e.seq, "3", "seq");
	is_span(e.xid, "1476", "xid");
	is_span(e.timestamp, "\"2026-11-20 23:34:49.387783+00\"", "timestamp");
	is_span(e.origin, "\"other\"", "origin");
	is_span(e.schema, "\"public\"", "schema");
	is_span(e.table, "\"or\\\"ders\"", "table");
	is_span(e.unchanged, "[\"note\"]", "unchanged");
	is_span(e.metadata, "{\"schema_id\":7,\"identity_ids\":[\"16385-1\"]}", "metadata");
	is_span(
	    e.identity.whole, "[{\"name\":\"id\",\"type\":\"bigint\",\"value\":1}]", "identity");
	is_int(e.identity.n, 1, "entries of identity");
	is_span(e.identity.entry[0].value, "1", "value of identity");
	if (!is_int(e.columns.n, 2, "entries of columns"))
		return;
	is_span(e.columns.entry[0].whole,
	    "{\"name\":\"id\",\"type\":\"bigint\",\"value\":1,\"id\":\"16385-1\"}", "first column");
	is_span(e.columns.entry[0].name, "\"id\"", "its name");
	is_span(e.columns.entry[0].type, "\"bigint\"", "its type");
	is_span(e.columns.entry[0].value, "1", "its value");
	is_span(e.columns.entry[0].id, "\"16385-1\"", "its id");
	is_span(e.columns.entry[1].value, "1.17", "value of the second column");
	ok(e.columns.entry[1].id.p == NULL, "it has no id");
	ok(e.ack.p == NULL && e.prev.p == NULL && e.content.p == NULL, "no other keys");
}

static void
other_lines(void)
{
	ok(scan("{\"action\":\"H\",\"format\":1,\"system_identifier\":\"7445\",\"timeline\":1,"
		"\"slot\":\"orders\",\"start\":\"0/D1E9F10\",\"prev\":\"0/D1E9F20\"}") == 0,
	    "an H line");
	is_int(e.code, 'H', "code");
	is_span(e.format, "1", "format");
	is_span(e.system_identifier, "\"7445\"", "system_identifier");
	is_span(e.timeline, "1", "timeline");
	is_span(e.slot, "\"orders\"", "slot");
	is_span(e.start, "\"0/D1E9F10\"", "start");
	is_span(e.prev, "\"0/D1E9F20\"", "prev");
	ok(e.columns.n == 0 && e.columns.whole.p == NULL && e.identity.n == 0 && e.lsn.p == NULL,
	    "nothing is left of the line before");

	ok(scan("{\"action\":\"M\",\"lsn\":\"0/2\",\"seq\":0,\"transactional\":false,"
		"\"prefix\":\"app\",\"content\":\"c\",\"content_hex\":\"63\","
		"\"prev\":\"0/1\",\"ack\":\"0/2\",\"baseline\":true}") == 0,
	    "an M line, and more");
	is_int(e.code, 'M', "code");
	is_span(e.transactional, "false", "transactional");
	is_span(e.prefix, "\"app\"", "prefix");
	is_span(e.content, "\"c\"", "content");
	is_span(e.content_hex, "\"63\"", "content_hex");
	is_span(e.prev, "\"0/1\"", "prev");
	is_span(e.ack, "\"0/2\"", "ack");
	is_span(e.baseline, "true", "baseline");
}

static void
codes(void)
{
	for (int c = ' '; c < 0x7f; c++) {
		char line[40];
		int known = strchr("HBCIUDTMR", c) != NULL;

		if (c == '"' || c == '\\')
			continue;
		snprintf(line, sizeof(line), "{\"action\":\"%c\"}", c);
		if (known || c == 'A' || c == 'h')
			is_int(scan(line) == 0 ? e.code : -1, known ? c : 0, "code of %c", c);
		else if (scan(line) != 0 || e.code != 0)
			ok(0, "code of %c", c);
	}
	is_int(scan("{\"action\":\"BC\"}") == 0 ? e.code : -1, 0, "code of BC");
	is_int(scan("{\"action\":\"\"}") == 0 ? e.code : -1, 0, "code of an empty string");
	is_int(scan("{\"action\":\"\\u0043\"}") == 0 ? e.code : -1, 'C', "code of an escaped C");
	is_int(scan("{\"action\":\"\\u0000\"}") == 0 ? e.code : -1, 0, "code of an escaped NUL");
}

static void
reasons(void)
{
	char line[200] = "";

	is_refused("", "not a JSON object", 0);
	is_refused("[]", "not a JSON object", 0);
	is_refused("{\"x\":1}", "not an event line: no key \"action\"", 0);
	is_refused("{\"action\":\"I\"} {}", "more than one JSON value", 15);
	is_refused("{\"action\":\"I\",", "unexpected end", 14);
	is_refused("{\"action\":\"I\",;", "unexpected character ';'", 14);
	is_refused("{\"action\":\"I\"\v}", "unexpected byte 0x0b", 13);
	is_refused("{\"action\":\"I\"\xff}", "unexpected byte 0xff", 13);
	is_refused("{\"action\":\"\xc3(\"}", "invalid UTF-8", 11);
	is_refused("{\"action\":\"\t\"}", "control character 0x09 in a string", 11);
	is_refused("{\"action\":\"\\v\"}", "invalid escape sequence", 11);
	is_refused("{\"action\":\"I\",\"lsn\":1}", "key \"lsn\" is not a string", 20);
	is_refused("{\"action\":\"I\",\"system_identifier\":1}",
	    "key \"system_identifier\" is not a string", 34);
	is_refused("{\"action\":\"I\",\"seq\":null}", "key \"seq\" is not a number", 20);
	is_refused("{\"action\":\"I\",\"transactional\":1}",
	    "key \"transactional\" is not true or false", 30);
	is_refused("{\"action\":\"I\",\"unchanged\":{}}", "key \"unchanged\" is not an array", 26);
	is_refused("{\"action\":\"I\",\"metadata\":[]}", "key \"metadata\" is not an object", 25);
	is_refused(
	    "{\"action\":\"I\",\"columns\":7}", "key \"columns\" is not an array of objects", 24);
	is_refused("{\"action\":\"I\",\"identity\":[7]}",
	    "key \"identity\" is not an array of objects", 26);
	is_refused("{\"action\":\"I\",\"identity\":[{\"name\":7}]}",
	    "key \"name\" in \"identity\" is not a string", 34);
	is_refused("{\"action\":\"I\",\"columns\":[{\"id\":\"\",\"id\":\"\"}]}",
	    "key \"id\" in \"columns\" appears twice", 34);
	is_refused(
	    "{\"columns\":[{\"id\":\"\"}],\"action\":7}", "key \"action\" is not a string", 32);
	snprintf(line, sizeof(line), "{\"action\":\"I\",\"x\":");
	memset(line + strlen(line), '[', 63);
	is_refused(line, "unexpected end", 81);
	strcat(line, "[");
	is_refused(line, "nested deeper than 64 levels", 81);
}

/* A value of each type for each known key, and each known key twice. */
static void
types(void)
{
	static const char *const values[] = { "\"I\"", "-1", "1", "true", "false", "null", "[]",
		"[{}]", "[1]", "{}" };

	for (const struct oracle_key *k = oracle_keys; k->name != NULL; k++) {
		int is_action = strcmp(k->name, "action") == 0, accepted = 0;
		const char *wrong = NULL;
		char line[200];

		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			size_t len = (size_t)snprintf(line, sizeof(line), "{%s\"%s\":%s}",
			    is_action ? "" : "\"action\":\"I\",", k->name, values[i]);

			if (wrong == NULL)
				wrong = judge(line, len);
			if (scan(line) != 0)
				continue;
			accepted++;
			snprintf(line, sizeof(line), "{\"%s\":%s,\"action\":\"I\",\"%s\":%s}",
			    k->name, values[i], k->name, values[i]);
			if (scan(line) == 0 || strstr(e.error, "appears twice") == NULL)
				wrong = "a key was accepted twice";
		}
		is_str(wrong, NULL, "values of \"%s\"", k->name);
		ok(accepted > 0, "some are accepted");
	}
}

/* The byte that %xx stands for, and the others as they are. */
static size_t
decode(char *dst, const char *src)
{
	size_t n = 0;

	for (; *src != '\0' && *src != '\n'; src++) {
		unsigned code;

		if (*src == '%' && sscanf(src + 1, "%2x", &code) == 1) {
			dst[n++] = (char)code;
			src += 2;
		} else {
			dst[n++] = *src;
		}
	}
	return n;
}

/* The places where an event line may have any value. */
static const char *const around_value[][2] = {
	{ "{\"action\":\"I\",\"x\":", "}" },
	{ "{\"x\":", ",\"action\":\"I\"}" },
	{ "{\"x\":", ",\"y\":\"much more, so that the end is far\",\"action\":\"I\"}" },
	{ "{\"action\":\"I\",\"unchanged\":[", "]}" },
	{ "{\"action\":\"I\",\"x\":[0,", " ,0]}" },
	{ "{\"action\":\"I\",\"metadata\":{\"\":", "}}" },
	{ "{\"action\":\"I\",\"columns\":[{\"name\":\"a\",\"type\":\"b\",\"value\":", "}]}" },
	{ "{\"action\":\"I\",\"identity\":[{\"x\":", ",\"id\":\"a\"}]}" },
};
static const char *const around_line[][2] = { { "", "" } };

/* Each case of a table: README there. */
static void
table(const char *name, const char *const around[][2], size_t n)
{
	char path[4096], text[1000];
	FILE *f;

	snprintf(path, sizeof(path), "%s/test/data/json/%s", root, name);
	if (!ok((f = fopen(path, "r")) != NULL, "open %s", path))
		return;
	while (fgets(text, sizeof(text), f) != NULL) {
		char value[1000], line[1200], *rest = text + 1;
		int good = text[0] == 'y';
		const char *wrong = NULL;
		size_t at = 0, len;

		if (text[0] != 'y' && text[0] != 'n')
			continue;
		text[strcspn(text, "\n")] = '\0';
		if (!good)
			at = strtoul(rest, &rest, 10);
		len = decode(value, *rest == ' ' ? rest + 1 : rest);
		for (size_t i = 0; wrong == NULL && i < n; i++) {
			size_t front = strlen(around[i][0]), back = strlen(around[i][1]);

			memcpy(line, around[i][0], front);
			memcpy(line + front, value, len);
			memcpy(line + front + len, around[i][1], back);
			wrong = judge(line, front + len + back);
			if (wrong == NULL && (e.error[0] == '\0') != good)
				wrong = good ? "refused" : "accepted";
			if (wrong == NULL && !good && e.error_at != front + at)
				wrong = "another offset";
		}
		if (!is_str(wrong, NULL, "%s: %s", name, text))
			printf("#   %s at %zu: %.*s\n", e.error, e.error_at, (int)len, value);
	}
	fclose(f);
}

/* A line that is cut is no line. */
static void
cuts(void)
{
	size_t len = strlen(row), accepted = 0;

	for (size_t i = 0; i < len; i++)
		accepted += judge(row, i) != NULL || e.error[0] == '\0';
	is_int(accepted, 0, "a row line cut anywhere is refused");
}

/* One odd byte at each place of strings, numbers and lines of each length. */
static void
places(void)
{
	static const char odd[] = "\"\\\x1f\x7f\x80\xff /0:9";
	const char *wrong = NULL;
	char line[200];

	for (int len = 0; len < 40; len++)
		for (int at = 0; at <= len; at++)
			for (const char *c = odd; *c != '\0'; c++)
				for (int behind = 0; behind < 20 && wrong == NULL; behind++) {
					const char *q = (at + behind) % 2 ? "\"" : "";
					int n = sprintf(line,
					    "{\"x\":%s1%0*d%s,\"action\":\"%*s\"}", q, len, 0, q,
					    behind, "");

					line[6 + at] = *c;
					wrong = judge(line, (size_t)n);
				}
	is_str(wrong, NULL, "an odd byte anywhere");
}

static uint64_t seed = 20261120;

/* Below n. SplitMix64. */
static unsigned
choose(unsigned n)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (unsigned)((z ^ z >> 31) % n);
}

static char *
any_value(char *p)
{
	static const char *const values[] = { "\"I\"", "\"0/D1EA240\"",
		"\"a \\\"quoted\\\" word \xc3\xa4\\u00e4\"", "\"\"",
		"\"as long as a column with text in it may be\"", "0", "-17.25e+3",
		"123456789012345678901234567890", "true", "null", "[]", "[1,[2],{\"a\":3}]", "{}",
		"{\"action\":\"I\",\"name\":[]}" };

	return stpcpy(p, values[choose(sizeof(values) / sizeof(values[0]))]);
}

static char *
any_space(char *p)
{
	while (choose(12) == 0)
		*p++ = " \t\r\n"[choose(4)];
	return p;
}

static char *any_object(char *p, const struct oracle_key *keys, unsigned n);

/* A value of the type of k, mostly. */
static char *
any_value_of(char *p, const struct oracle_key *k)
{
	if (k->first == NULL || choose(100) == 0)
		return any_value(p);
	if (strcmp(k->name, "columns") == 0 || strcmp(k->name, "identity") == 0) {
		p = stpcpy(p, "[");
		for (unsigned i = 0, n = choose(4); i < n; i++)
			p = any_object(stpcpy(p, i > 0 ? "," : ""), oracle_entry_keys, 4);
		return stpcpy(p, "]");
	}
	switch (*k->first) {
	case '"':
		return stpcpy(p, "\"U\"");
	case '-':
		return stpcpy(p, "10");
	case 't':
		return stpcpy(p, "true");
	case '[':
		return stpcpy(p, "[\"a\"]");
	}
	return stpcpy(p, "{\"a\":1}");
}

/* An object with some of the n keys in any order, here and there escaped or misspelt. */
static char *
any_object(char *p, const struct oracle_key *keys, unsigned n)
{
	unsigned order[32], used = choose(n + 1);

	for (unsigned i = 0; i < n; i++) {
		unsigned j = choose(i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	*p++ = '{';
	for (unsigned i = 0; i < used; i++) {
		const struct oracle_key *k = &keys[order[i]];
		size_t escaped = choose(30);

		p = any_space(stpcpy(any_space(p), i > 0 ? "," : ""));
		*p++ = '"';
		for (size_t c = 0; k->name[c] != '\0'; c++)
			p += sprintf(p, c == escaped ? "\\u%04x" : "%c", k->name[c]);
		p = any_space(stpcpy(p, choose(100) == 0 ? "x\"" : "\""));
		p = any_value_of(any_space(stpcpy(p, ":")), k);
	}
	return stpcpy(p, "}");
}

/* Lines of all shapes, some with a byte that was changed, put in or taken out. */
static void
any_lines(void)
{
	const char *wrong = NULL;
	int accepted = 0, runs = 100000;

	for (int i = 0; i < runs && wrong == NULL; i++) {
		static char line[20000];
		char *end = any_object(line, oracle_keys, 24);

		for (unsigned n = choose(3); n > 0; n--) {
			char *at = line + choose((unsigned)(end - line));
			unsigned change = choose(3);

			if (change == 0 && choose(2) == 0)
				memmove(at, at + 1, (size_t)(end-- - at) - 1);
			else if (change == 1)
				memmove(at + 1, at, (size_t)(end++ - at));
			else if (change == 2)
				*at = "\"\\{}[]:,0a \n\xc3"[choose(13)];
		}
		wrong = judge(line, (size_t)(end - line));
		accepted += e.error[0] == '\0';
		if (wrong != NULL)
			printf("#   %s: %.*s\n", e.error, (int)(end - line), line);
	}
	is_str(wrong, NULL, "lines of all shapes");
	ok(accepted > runs / 20 && accepted < runs / 2, "%d of %d were accepted", accepted, runs);
}

/* n times open, then n times close. */
static char *
nest(char *p, const char *open, const char *inside, const char *close, int n)
{
	for (int i = 0; i < n; i++)
		p = stpcpy(p, open);
	p = stpcpy(p, inside);
	for (int i = 0; i < n; i++)
		p = stpcpy(p, close);
	return p;
}

/* In each place of around_value, to the last level and one beyond. */
static void
depth(void)
{
	static const int outside[] = { 1, 1, 1, 2, 2, 2, 3, 3 };

	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		for (int beyond = 0; beyond < 2; beyond++) {
			int n = EVENT_DEPTH - outside[i] + beyond;
			char line[600];
			const char *wrong;

			stpcpy(nest(stpcpy(line, around_value[i][0]), "[", "", "]", n),
			    around_value[i][1]);
			wrong = judge(line, strlen(line));
			is_int(e.error[0] != '\0', beyond, "%d arrays: %s", n, e.error);
			is_str(wrong, NULL, "a second opinion");
			stpcpy(nest(stpcpy(line, around_value[i][0]), "{\"\":", "0", "}", n),
			    around_value[i][1]);
			wrong = judge(line, strlen(line));
			is_int(e.error[0] != '\0', beyond, "%d objects: %s", n, e.error);
			is_str(wrong, NULL, "a second opinion");
		}
}

static void
many_entries(void)
{
	static const char entry[] = "{\"name\":\"a\",\"value\":0},";
	static char line[2 * (EVENT_ENTRIES + 2) * sizeof(entry) + 100];

	for (int n = 1; n <= EVENT_ENTRIES + 1; n = n < EVENT_ENTRIES ? EVENT_ENTRIES : n + 1) {
		char *p = stpcpy(line, "{\"action\":\"I\",\"identity\":[");

		p = nest(p, entry, "{}", "", n - 1);
		p = stpcpy(p, "],\"columns\":[");
		p = nest(p, entry, "{}]}", "", n - 1);
		is_str(judge(line, (size_t)(p - line)), NULL, "%d entries", n);
		is_int(e.error[0] == '\0', n <= EVENT_ENTRIES, "accepted or not");
	}
	is_str(e.error, "more than 1600 entries in \"identity\"", "the reason");
	event_free(&e);
	ok(e.columns.entry == NULL && e.identity.entry == NULL && e.columns.cap == 0, "freed");
	is_str(judge(row, strlen(row)), NULL, "and used again");
}

static void
helpers(void)
{
	struct event_span text = { NULL, 0 }, none = { NULL, 0 };

	if (scan("{\"action\":\"C\",\"prev\":\"0/1\",\"ack\":\"0/1\",\"lsn\":\"0/12\",\"seq\":1,"
		 "\"slot\":\"0\\/1\",\"prefix\":\"\",\"start\":\"0/2\",\"xid\":12}") != 0)
		abort();
	ok(event_text(&text, e.ack) == 0, "the text of a string");
	is_span(text, "0/1", "is inside its quotes");
	ok(event_text(&text, e.prefix) == 0 && text.len == 0, "of an empty string");
	is_int(event_text(&text, e.slot), -1, "not with escapes");
	is_int(event_text(&text, e.seq), -1, "not of a number");
	is_int(event_text(&text, none), -1, "not of what is absent");
}

static void
texts(void)
{
	struct event_span none = { NULL, 0 };

	if (scan("{\"action\":\"C\",\"ack\":\"[1]\",\"lsn\":\"\\u0061\",\"prefix\":\"\","
		 "\"unchanged\":[1]}") != 0)
		abort();
	ok(event_is_text(e.ack, "[1]"), "a string is its text");
	ok(event_is_text(e.prefix, ""), "which may be empty");
	ok(!event_is_text(e.ack, "[2]") && !event_is_text(e.ack, "[1") &&
		!event_is_text(e.ack, "[1]]"),
	    "and no other text");
	ok(!event_is_text(e.unchanged, "1"), "what is no string is none");
	ok(!event_is_text(e.lsn, "a"), "nor what is written with escapes");
	ok(!event_is_text(none, ""), "nor what is absent");
}

static void
schema_rows(void)
{
	static const struct {
		const char *action, *schema, *table;
		int is_one;
	} cases[] = {
		{ "I", "pgcdc", "schema_log", 1 },
		{ "U", "pgcdc", "schema_log", 0 },
		{ "I", "public", "schema_log", 0 },
		{ "I", "pgcdc", "schema_logs", 0 },
		{ "I", "pgcdc", "table_ids", 0 },
	};
	char line[100];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line),
		    "{\"action\":\"%s\",\"schema\":\"%s\",\"table\":\"%s\"}", cases[i].action,
		    cases[i].schema, cases[i].table);
		is_int(scan(line) == 0 ? event_is_schema_row(&e) : -1, cases[i].is_one,
		    "a row of the schema log? %s", line);
	}
	is_int(scan("{\"action\":\"I\"}") == 0 ? event_is_schema_row(&e) : -1, 0,
	    "nor is a row without names one");
}

int
main(int argc, char **argv)
{
	const size_t places_of_values = sizeof(around_value) / sizeof(around_value[0]);

	if (argc > 1)
		root = argv[1];
	row_line();
	other_lines();
	codes();
	reasons();
	types();
	table("values", around_value, places_of_values);
	table("lines", around_line, 1);
	cuts();
	places();
	any_lines();
	depth();
	many_entries();
	helpers();
	texts();
	schema_rows();
	event_free(&e);
	free(copy);
	return tap_done();
}
