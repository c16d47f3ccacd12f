/* Rows of the schema log as pgstream 0.x has them, with whole schemas. */
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "said.h"
#include "tap.h"
#include "whole_schema.h"

static char folder[] = "/tmp/whole_schema_test.XXXXXX", path[64];
static struct whole_schema w;
static struct event e;

/* A row of the log: id and version are the same; rest are members of the line. */
static const char *
row(int id, const char *schema, const char *tag, const char *document, const char *dropped,
    const char *rest)
{
	static char line[2048];
	json_t *text = json_string(document), *gone = json_string(dropped);
	char *quoted = json_dumps(text, JSON_ENCODE_ANY);
	char *quoted_gone = gone != NULL ? json_dumps(gone, JSON_ENCODE_ANY) : strdup("null");

	snprintf(line, sizeof(line),
	    "{\"action\":\"I\",\"lsn\":\"0/%d00\",\"schema\":\"pgcdc\",\"table\":\"schema_log\","
	    "\"columns\":[{\"name\":\"id\",\"value\":%d},{\"name\":\"version\",\"value\":%d},"
	    "{\"name\":\"schema_name\",\"value\":%s},{\"name\":\"command_tag\",\"value\":\"%s\"},"
	    "{\"name\":\"schema\",\"value\":%s},{\"name\":\"dropped\",\"value\":%s},"
	    "{\"name\":\"created_at\",\"value\":\"2026-11-20 23:34:49.1+00\"}]%s}",
	    id, id, id, schema, tag, quoted, quoted_gone, rest);
	json_decref(text);
	json_decref(gone);
	free(quoted);
	free(quoted_gone);
	return line;
}

/* "VERSION TABLE:COLUMN,COLUMN TABLE..." of the message for a row; "-": there is none. */
static const char *
told(const char *line)
{
	static char text[512];
	struct buf b = BUF_INIT;
	json_t *message, *columns, *document, *table, *column;
	size_t i, k;
	int n;

	if (event_scan(&e, line, strlen(line)) != 0)
		abort();
	n = whole_schema_row(&w, &b, &e);
	if (n != 1)
		return n == 0 ? "-" : "damaged";
	message = json_loadb(b.data, b.len, 0, NULL);
	buf_free(&b);
	columns = json_object_get(message, "columns");
	document = json_loads(
	    json_string_value(json_object_get(json_array_get(columns, 3), "value")), 0, NULL);
	n = snprintf(text, sizeof(text), "%lld",
	    json_integer_value(json_object_get(json_array_get(columns, 1), "value")));
	if (json_is_true(json_object_get(document, "dropped")))
		n += snprintf(text + n, sizeof(text) - (size_t)n, " dropped");
	json_array_foreach(json_object_get(document, "tables"), i, table)
	{
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		    " %s:", json_string_value(json_object_get(table, "name")));
		json_array_foreach(json_object_get(table, "columns"), k, column)
		    n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%s", k > 0 ? "," : "",
			json_string_value(json_object_get(column, "name")));
	}
	json_decref(document);
	json_decref(message);
	return text;
}

#define COLUMN(id, name) "{\"id\":\"" id "\",\"name\":\"" name "\",\"type\":\"int\"}"
#define TABLE(id, schema, name, columns)                                                           \
	"{\"id\":\"" id "\",\"schema\":\"" schema "\",\"name\":\"" name "\",\"columns\":[" columns \
	"]}"
#define A TABLE("1", "s", "a", COLUMN("1-1", "x"))
#define A2 TABLE("1", "s", "a", COLUMN("1-1", "x") "," COLUMN("1-2", "y"))
#define B TABLE("2", "s", "b", COLUMN("2-1", "z"))
#define ONE(table) "{\"tables\":[" table "]}"

static void
accumulates(void)
{
	is_int(whole_schema_open(&w, path), 100, "a file that is not there may be lost");
	ok(strstr(said(), " is not there; restore it, ") != NULL, "and it says so");
	fclose(fopen(path, "w"));
	is_int(whole_schema_open(&w, path), 0, "an empty file is a new one");
	is_int(whole_schema_check(&w, "7"), 0, "it becomes one of this cluster");
	is_str(told(row(1, "\"s\"", "CREATE TABLE", ONE(A), NULL, "")), "1 a:x", "a table");
	is_str(told(row(2, "\"s\"", "CREATE TABLE", ONE(B), NULL, "")), "2 a:x b:z",
	    "a second one comes with the first");
	is_str(told(row(2, "\"s\"", "CREATE TABLE", ONE(B), NULL, ",\"baseline\":true")), "-",
	    "what is known is not told again");
	is_str(told(row(3, "\"s\"", "CREATE INDEX", "{}", NULL, "")), "-",
	    "nor is what changes no table");
	is_str(told(row(9, "\"s\"", "ALTER TABLE", ONE(A2), NULL, "")), "9 a:x,y b:z",
	    "the version is the log's");
	is_str(told(row(4, "\"s\"", "ALTER TABLE", ONE(A), NULL, ",\"baseline\":true")),
	    "10 a:x b:z", "and rises even where that is lower");
	is_str(told(row(11, "null", "CREATE CAST", "{}", NULL, "")), "-", "nothing in no schema");
	is_str(told(row(12, "\"s\"", "CREATE TABLE", "{", NULL, "")), "damaged", "a damaged row");
}

static void
is_kept(void)
{
	is_int(whole_schema_save(&w), 0, "it is saved");
	whole_schema_close(&w);
	is_int(whole_schema_open(&w, path), 0, "and read");
	is_int(whole_schema_check(&w, "7"), 0, "for the same cluster");
	is_str(told(row(12, "\"s\"", "ALTER TABLE", ONE(A2), NULL, "")), "12 a:x,y b:z",
	    "the other table is still there");
	is_int(whole_schema_check(&w, "8"), 100, "it is not for another cluster");
	ok(strstr(said(), "of cluster 7, and the stream is of 8; ") != NULL, "and says so");
}

static void
forgets(void)
{
	is_str(told(row(13, "\"s\"", "DROP TABLE", "{}", "[{\"id\":\"2\"}]", "")), "13 a:x,y",
	    "a table that was dropped is gone");
	is_str(told(row(14, "\"t\"", "ALTER TABLE", ONE(TABLE("1", "t", "a", COLUMN("1-1", "x"))),
		   NULL, "")),
	    "14 a:x", "a table that moves is in its new schema");
	is_str(
	    told(row(15, "\"s\"", "ALTER TABLE", "{}", NULL, "")), "15", "and not in the old one");
	is_str(told(row(16, "\"t\"", "DROP SCHEMA", "{}", NULL, "")), "16 dropped",
	    "a schema that was dropped says so");
	is_str(told(row(17, "\"t\"", "CREATE TABLE", ONE(TABLE("5", "t", "c", "")), NULL, "")),
	    "17 c:", "and begins anew");
}

static void
bad_files(void)
{
	FILE *f = fopen(path, "w");

	whole_schema_close(&w);
	fputs("[]", f);
	fclose(f);
	is_int(whole_schema_open(&w, path), 100, "another file is refused");
	ok(strstr(said(), " has no schemas; ") != NULL, "and says so");
	whole_schema_close(&w);
	w = (struct whole_schema){ .path = "/nonexistent/folder/file" };
	is_int(whole_schema_save(&w), 100, "a folder that is not there");
	ok(strstr(said(), "No such file or directory; ") != NULL, "says so");
}

int
main(void)
{
	if (mkdtemp(folder) == NULL)
		abort();
	said_start();
	snprintf(path, sizeof(path), "%s/schemas", folder);
	accumulates();
	is_kept();
	forgets();
	bad_files();
	unlink(path);
	rmdir(folder);
	event_free(&e);
	return tap_done();
}
