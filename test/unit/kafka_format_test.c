/*
 * Values in each dialect.  Run it from the root of the sources, or give it that as argument.
 */
#include "ddl.h"
#include "format.h"
#include "kafka_dialect.h"
#include "schema_row.h"
#include "whole_schema.h"

static const char *root = ".";
static struct event e;
static struct buf b;
static struct whole_schema schemas;

static enum format_kind
kind_of(const char *name)
{
	return strcmp(name, "wal2json") == 0      ? FORMAT_WAL2JSON
	       : strcmp(name, "pgstream-v1") == 0 ? FORMAT_PGSTREAM_V1
	                                          : FORMAT_PGSTREAM_V0;
}

/* What the line is in a dialect; empty when it is not sent. */
static const char *
made(enum format_kind kind, const char *line, char action)
{
	int n = 1;

	b.len = 0;
	if (event_scan(&e, line, strlen(line)) != 0)
		abort();
	if (event_is_schema_row(&e) && kind == FORMAT_PGSTREAM_V0)
		n = whole_schema_row(&schemas, &b, &e);
	else if (event_is_schema_row(&e) && kind == FORMAT_PGSTREAM_V1)
		n = ddl_message(&b, &e);
	else
		format_row(&b, kind, &e, action);
	buf_add(&b, "", 1);
	return n == 1 ? b.data : n == 0 ? "" : "damaged";
}

/* Our lines are what the other programs have written. */
static void
as_recorded(const char *name)
{
	FILE *lines = dialect_open(root, "lines"), *values = dialect_open(root, name);
	const char *line, *value;
	int n = 0;

	whole_schema_open(&schemas, "/dev/null");
	while ((line = dialect_line(lines)) != NULL && (value = dialect_line(values)) != NULL)
		is_str(made(kind_of(name), line, 0), value, "%s: line %d", name, ++n);
	is_int(n, 13, "%s: all of them", name);
	whole_schema_close(&schemas);
	fclose(lines);
	fclose(values);
}

#define HEAD \
	"{\"action\":\"I\",\"lsn\":\"0/1\",\"schema\":\"s\",\"table\":\"t\",\"columns\":[{\"name\":\"c\","

/* A value of a type, in one column; expected is the rest of the entry behind its name. */
static void
values(void)
{
	static const struct {
		const char *dialect, *type, *value, *expected;
	} cases[] = {
		{ "wal2json", "numeric", "\"NaN\"", "\"numeric\",\"value\":null" },
		{ "wal2json", "numeric(9,2)", "\"NaN\"", "\"numeric(9,2)\",\"value\":null" },
		{ "pgstream-v0", "real", "\"Infinity\"", "\"real\",\"value\":null" },
		{ "pgstream-v1", "double precision", "\"-Infinity\"",
		    "\"double precision\",\"value\":null" },
		{ "wal2json", "text", "\"NaN\"", "\"text\",\"value\":\"NaN\"" },
		{ "wal2json", "numeric[]", "\"{NaN}\"", "\"numeric[]\",\"value\":\"{NaN}\"" },
		{ "wal2json", "numeric", "12345678901234567890.10",
		    "\"numeric\",\"value\":12345678901234567890.10" },
		{ "wal2json", "\\\"char\\\"", "\"a\"", "\"char\",\"value\":\"a\"" },
		{ "wal2json", "public.\\\"T\\\"", "\"a\"", "\"public.\\\"T\\\"\",\"value\":\"a\"" },
		{ "wal2json", "text", "\"<&>\"", "\"text\",\"value\":\"<&>\"" },
		{ "pgstream-v1", "text", "\"<&>\"", "\"text\",\"value\":\"<&>\"" },
		{ "pgstream-v0", "text", "\"<&> \xe2\x80\xa8\xe2\x80\xa9 \xe2\x80\xaa\"",
		    "\"text\",\"value\":\"\\u003c\\u0026\\u003e \\u2028\\u2029 \xe2\x80\xaa\"" },
		{ "pgstream-v0", "bytea", "\"deadbeef\"", "\"bytea\",\"value\":\"deadbeef\"" },
		{ "pgstream-v1", "bytea", "\"\"", "\"bytea\",\"value\":\"\"" },
		{ "pgstream-v1", "bytea", "\"de\"", "\"bytea\",\"value\":\"3g==\"" },
		{ "pgstream-v1", "bytea", "\"dead\"", "\"bytea\",\"value\":\"3q0=\"" },
		{ "pgstream-v1", "bytea", "\"deadbe\"", "\"bytea\",\"value\":\"3q2+\"" },
		{ "pgstream-v1", "bytea", "\"deadbeef\"", "\"bytea\",\"value\":\"3q2+7w==\"" },
		{ "pgstream-v1", "bytea", "\"xy\"", "\"bytea\",\"value\":\"xy\"" },
		{ "pgstream-v1", "bytea", "null", "\"bytea\",\"value\":null" },
		{ "pgstream-v1", "public.b", "\"dead\"", "\"public.b\",\"value\":\"dead\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[512];
		const char *value;

		snprintf(line, sizeof(line), HEAD "\"type\":\"%s\",\"value\":%s}]}", cases[i].type,
		    cases[i].value);
		value = made(kind_of(cases[i].dialect), line, 0);
		ok(strstr(value, cases[i].expected) != NULL, "%s: %s %s: %s", cases[i].dialect,
		    cases[i].type, cases[i].value, value);
	}
}

/* pgstream stops at a number that is no double: it gets a string. */
static void
beyond_double(void)
{
	char digits[400], line[1024];

	for (int n = 308; n <= 309; n++) {
		memset(digits, '1', sizeof(digits));
		digits[n] = '\0';
		snprintf(
		    line, sizeof(line), HEAD "\"type\":\"numeric\",\"value\":-%s.5}]}", digits);
		is_int(strstr(made(FORMAT_PGSTREAM_V1, line, 0), ":\"-111") != NULL, n == 309,
		    "pgstream-v1: %d digits", n);
		is_int(strstr(made(FORMAT_PGSTREAM_V0, line, 0), ":\"-111") != NULL, n == 309,
		    "pgstream-v0: %d digits", n);
		ok(strstr(made(FORMAT_WAL2JSON, line, 0), ":-111") != NULL, "wal2json: %d digits",
		    n);
	}
}

static void
times(void)
{
	static const char *const cases[][2] = {
		{ "2026-11-20 23:34:49.387780+00", "2026-11-20 23:34:49.38778+00" },
		{ "2026-11-20 23:34:00.000000+00", "2026-11-20 23:34:00+00" },
		{ "2026-11-20 23:34:49.100000+00 BC", "2026-11-20 23:34:49.1+00 BC" },
		{ "2026-11-20 23:34:40+00", "2026-11-20 23:34:40+00" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[256], expected[256];

		snprintf(
		    line, sizeof(line), "{\"action\":\"T\",\"timestamp\":\"%s\"}", cases[i][0]);
		snprintf(expected, sizeof(expected), "{\"action\":\"T\",\"timestamp\":\"%s\"}",
		    cases[i][1]);
		is_str(made(FORMAT_WAL2JSON, line, 0), expected, "time %s", cases[i][0]);
	}
}

/* What Go has for what is absent, and rows that are not events of the server. */
static void
shapes(void)
{
	const char *bare = "{\"action\":\"T\",\"schema\":\"s\",\"table\":\"t\"}";
	const char *update = "{\"action\":\"U\",\"schema\":\"s\",\"table\":\"t\",\"columns\":[],"
			     "\"unchanged\":[\"v\"],\"identity\":[{\"name\":\"a\",\"value\":1}],"
			     "\"more\":1}";

	is_str(made(FORMAT_WAL2JSON, bare, 0), bare, "wal2json has no key for what is absent");
	is_str(made(FORMAT_PGSTREAM_V0, bare, 0),
	    "{\"action\":\"T\",\"timestamp\":\"\",\"lsn\":\"\",\"schema\":\"s\",\"table\":\"t\","
	    "\"columns\":null,\"identity\":null,\"metadata\":{\"schema_id\":null,"
	    "\"table_pgstream_id\":\"\",\"id_col_pgstream_id\":null,"
	    "\"version_col_pgstream_id\":\"\"}}",
	    "pgstream 0.x has all keys");
	is_str(made(FORMAT_PGSTREAM_V1, bare, 0),
	    "{\"action\":\"T\",\"timestamp\":\"\",\"lsn\":\"\",\"schema\":\"s\",\"table\":\"t\","
	    "\"columns\":null,\"identity\":null,\"metadata\":{\"schema_id\":null,"
	    "\"table_pgstream_id\":\"\",\"id_col_pgstream_id\":null}}",
	    "pgstream 1.x leaves some out");
	is_str(made(FORMAT_WAL2JSON, update, 'D'),
	    "{\"action\":\"D\",\"schema\":\"s\",\"table\":\"t\",\"identity\":[{\"name\":\"a\","
	    "\"type\":\"\",\"value\":1}]}",
	    "the delete of an update");
	is_str(made(FORMAT_WAL2JSON, update, 'I'),
	    "{\"action\":\"I\",\"schema\":\"s\",\"table\":\"t\",\"columns\":[]}",
	    "the insert of an update");
	ok(strncmp(made(FORMAT_PGSTREAM_V1, HEAD "\"value\":1}]}", 0), "{\"action\":\"I\"", 13) ==
		0,
	    "an insert");
	ok(strncmp(made(FORMAT_PGSTREAM_V1,
		       "{\"action\":\"R\",\"schema\":\"s\",\"table\":\"t\",\"columns\":[]}", 0),
	       "{\"action\":\"I\"", 13) == 0,
	    "a row that was read is an insert");
	ok(strstr(made(FORMAT_PGSTREAM_V0,
		      "{\"action\":\"T\",\"metadata\":{\"schema_id\":null,\"table_id\":null,"
		      "\"identity_ids\":[]}}",
		      0),
	       "{\"schema_id\":null,\"table_pgstream_id\":\"\",\"id_col_pgstream_id\":null,") !=
		NULL,
	    "a table that the log does not know");
}

static void
xids(void)
{
	static const struct {
		uint64_t number;
		const char *text;
	} cases[] = {
		{ 1, "0000000000000000000g" },
		{ 2, "00000000000000000010" },
		{ 63, "000000000000000000vg" },
		{ UINT64_MAX, "0000007vvvvvvvvvvvvg" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[FORMAT_XID_SIZE];

		format_xid(text, cases[i].number);
		is_str(text, cases[i].text, "xid of %llu", (unsigned long long)cases[i].number);
	}
}

int
main(int argc, char **argv)
{
	static const char *const dialects[] = { "pgstream-v0", "pgstream-v1", "wal2json" };

	if (argc > 1)
		root = argv[1];
	ok(format_is_pgstream(FORMAT_PGSTREAM_V0) && !format_is_pgstream(FORMAT_WAL2JSON),
	    "what is pgstream's");
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
		as_recorded(dialects[i]);
	values();
	beyond_double();
	times();
	shapes();
	xids();
	event_free(&e);
	buf_free(&b);
	return tap_done();
}
