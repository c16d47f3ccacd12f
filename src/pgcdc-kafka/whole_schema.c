#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "format.h"
#include "log.h"
#include "schema_row.h"
#include "text.h"
#include "whole_schema.h"

/* --- the file */

int
whole_schema_open(struct whole_schema *w, const char *path)
{
	struct stat file = { .st_size = -1 };
	json_error_t why;

	*w = (struct whole_schema){ .path = path };
	if (path == NULL)
		return 0;
	if (stat(path, &file) != 0 && errno == ENOENT)
		return log_permanent(
		    "file \"%s\" is not there; restore it, as pgstream would take "
		    "what a new one lacks for dropped, or, if the topic is new, make "
		    "an empty one",
		    path);
	if (file.st_size == 0)
		w->root = json_pack("{s:{}}", "schemas");
	else if ((w->root = json_load_file(path, 0, &why)) == NULL)
		return log_permanent("could not read the schemas in \"%s\": %s", path, why.text);
	if (!json_is_object(json_object_get(w->root, "schemas")))
		return log_permanent(
		    "file \"%s\" has no schemas; give --schemas one of its own", path);
	return 0;
}

int
whole_schema_check(struct whole_schema *w, const char *system_identifier)
{
	const char *its = json_string_value(json_object_get(w->root, "system_identifier"));

	if (w->path == NULL)
		return 0;
	if (its != NULL && strcmp(its, system_identifier) != 0)
		return log_permanent("file \"%s\" has the schemas of cluster %s, and the stream is "
				     "of %s; give another one with --schemas",
		    w->path, its, system_identifier);
	json_object_set_new(w->root, "system_identifier", json_string(system_identifier));
	return 0;
}

static int
write_durably(const char *path, const json_t *root)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int failed;

	if (fd < 0)
		return -1;
	failed = json_dumpfd(root, fd, JSON_COMPACT) != 0 || fdatasync(fd) != 0;
	return close(fd) != 0 || failed ? -1 : 0;
}

/* A folder that is missing or closed to us does not heal by itself. */
static int
report(const char *path)
{
	static const int lasting[] = { ENOENT, ENOTDIR, EACCES, EPERM, EROFS, ELOOP };
	const char *why = strerror(errno);

	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		if (errno == lasting[i])
			return log_permanent("could not write the schemas to \"%s\": %s; give "
					     "--schemas a path in a folder of ours",
			    path, why);
	return log_temporary("could not write the schemas to \"%s\": %s", path, why);
}

int
whole_schema_save(const struct whole_schema *w)
{
	char new[PATH_MAX];

	if (snprintf(new, sizeof(new), "%s.new", w->path) < (int)sizeof(new) &&
	    write_durably(new, w->root) == 0 && rename(new, w->path) == 0 &&
	    folder_sync(w->path) == 0)
		return 0;
	return report(w->path);
}

void
whole_schema_close(struct whole_schema *w)
{
	json_decref(w->root);
	w->root = NULL;
}

/* --- what the log says */

static void
set_if(json_t *object, const char *key, json_t *value)
{
	if (value != NULL)
		json_object_set(object, key, value);
}

static json_t *
make_column(const json_t *column)
{
	json_t *made = json_object();
	int is_generated = json_object_get(column, "generated") != NULL;

	set_if(made, "name", json_object_get(column, "name"));
	set_if(made, "type", json_object_get(column, "type"));
	set_if(made, "default", json_object_get(column, is_generated ? "expression" : "default"));
	set_if(made, "nullable", json_object_get(column, "nullable"));
	set_if(made, "unique", json_object_get(column, "unique"));
	json_object_set_new(made, "metadata", json_null());
	set_if(made, "pgstream_id", json_object_get(column, "id"));
	return made;
}

static json_t *
make_table(const json_t *table)
{
	json_t *made = json_object(), *columns = json_array();
	const json_t *column;
	size_t i;

	json_array_foreach(json_object_get(table, "columns"), i, column)
	    json_array_append_new(columns, make_column(column));
	json_object_set_new(made, "oid", json_string(""));
	set_if(made, "name", json_object_get(table, "name"));
	json_object_set_new(made, "columns", columns);
	json_object_set_new(made, "primary_key_columns", schema_row_primary_key(table));
	set_if(made, "pgstream_id", json_object_get(table, "id"));
	return made;
}

/* Of a schema: "tables" by id, "version", and "changed" while pgstream does not know it. */
static json_t *
schema_of(const struct whole_schema *w, const char *name)
{
	json_t *schemas = json_object_get(w->root, "schemas"), *schema;

	if ((schema = json_object_get(schemas, name)) == NULL) {
		schema = json_pack("{s:{}, s:i}", "tables", "version", 0);
		json_object_set_new(schemas, name, schema);
	}
	return schema;
}

/* A table is in one schema, whatever it was in before. */
static void
forget_elsewhere(const struct whole_schema *w, const char *id, const json_t *home)
{
	const char *name;
	json_t *schema;

	json_object_foreach(json_object_get(w->root, "schemas"), name, schema)
	{
		if (schema != home && json_object_del(json_object_get(schema, "tables"), id) == 0)
			json_object_set_new(schema, "changed", json_true());
	}
}

static void
learn_table(const struct whole_schema *w, const json_t *table)
{
	const char *id = json_string_value(json_object_get(table, "id"));
	const char *name = json_string_value(json_object_get(table, "schema"));
	json_t *made, *schema, *tables;

	if (id == NULL || name == NULL)
		return;
	schema = schema_of(w, name);
	tables = json_object_get(schema, "tables");
	forget_elsewhere(w, id, schema);
	made = make_table(table);
	if (!json_equal(json_object_get(tables, id), made)) {
		json_object_set(tables, id, made);
		json_object_set_new(schema, "changed", json_true());
	}
	json_decref(made);
}

static int
learn(const struct whole_schema *w, const struct event *e)
{
	json_t *document, *dropped = NULL;
	const json_t *table;
	const char *id;
	size_t i;
	int err = 0;

	if (schema_row_document(&document, e, "schema") != 0 ||
	    schema_row_document(&dropped, e, "dropped") != 0)
		err = -1;
	json_array_foreach(json_object_get(document, "tables"), i, table) learn_table(w, table);
	json_array_foreach(dropped, i, table)
	{
		if ((id = json_string_value(json_object_get(table, "id"))) != NULL)
			forget_elsewhere(w, id, NULL);
	}
	json_decref(document);
	json_decref(dropped);
	return err;
}

/* --- what pgstream is told */

static json_int_t
number_of(const struct event *e, const char *column)
{
	struct event_span value = schema_row_value(e, column);

	return value.p != NULL && *value.p >= '0' && *value.p <= '9' ? strtoll(value.p, NULL, 10)
	                                                             : 0;
}

/* It takes no version twice, and none that is lower than one before. */
static json_int_t
next_version(json_t *schema, const struct event *e)
{
	json_int_t next = json_integer_value(json_object_get(schema, "version")) + 1;

	if (next < number_of(e, "version"))
		next = number_of(e, "version");
	json_object_set_new(schema, "version", json_integer(next));
	return next;
}

/* The document, as text; NULL: no memory. */
static char *
make_text(const json_t *schema, int is_dropped)
{
	json_t *document = json_object(), *tables, *table;
	const char *id;
	char *text;

	if (is_dropped) {
		json_object_set_new(document, "tables", json_null());
		json_object_set_new(document, "dropped", json_true());
	} else {
		json_object_set_new(document, "tables", tables = json_array());
		json_object_foreach(json_object_get(schema, "tables"), id, table)
		    json_array_append(tables, table);
	}
	text = json_dumps(document, JSON_COMPACT);
	json_decref(document);
	return text;
}

/* The time is one without a zone there. */
static void
add_created_at(struct buf *b, const struct event *e)
{
	struct event_span time = schema_row_value(e, "created_at");
	const char *plus;

	if (time.p == NULL || *time.p != '"')
		return;
	buf_str(b, ",{\"id\":\"\",\"name\":\"created_at\",\"type\":\"timestamp without time zone\","
		   "\"value\":");
	plus = memchr(time.p, '+', time.len);
	buf_add(b, time.p, plus != NULL ? (size_t)(plus - time.p) : time.len - 1);
	buf_str(b, "\"}");
}

static void
add_columns(struct buf *b, const struct event *e, json_int_t version, const char *document)
{
	char id[FORMAT_XID_SIZE];
	struct event_span name = schema_row_value(e, "schema_name");

	format_xid(id, (uint64_t)number_of(e, "id"));
	buf_str(b, "{\"id\":\"\",\"name\":\"id\",\"type\":\"pgstream.xid\",\"value\":\"");
	buf_str(b, id);
	buf_str(b, "\"},{\"id\":\"\",\"name\":\"version\",\"type\":\"bigint\",\"value\":");
	buf_uint(b, (uint64_t)version);
	buf_str(b, "},{\"id\":\"\",\"name\":\"schema_name\",\"type\":\"text\",\"value\":");
	buf_add(b, name.p, name.len);
	buf_str(b, "},{\"id\":\"\",\"name\":\"schema\",\"type\":\"jsonb\",\"value\":");
	buf_json(b, document, strlen(document));
	buf_str(b, "}");
	add_created_at(b, e);
	buf_str(b, ",{\"id\":\"\",\"name\":\"acked\",\"type\":\"boolean\",\"value\":false}");
}

static void
add_message(struct buf *b, const struct event *e, json_int_t version, const char *document)
{
	size_t start = b->len;

	buf_str(b, "{\"action\":\"I\",\"timestamp\":");
	format_timestamp(b, e->timestamp);
	buf_str(b, ",\"lsn\":");
	if (e->lsn.p != NULL)
		buf_add(b, e->lsn.p, e->lsn.len);
	else
		buf_str(b, "\"\"");
	buf_str(b, ",\"schema\":\"pgstream\",\"table\":\"schema_log\",\"columns\":[");
	add_columns(b, e, version, document);
	buf_str(b,
	    "],\"identity\":null,\"metadata\":{\"schema_id\":null,\"table_pgstream_id\":\"\","
	    "\"id_col_pgstream_id\":null,\"version_col_pgstream_id\":\"\"}}");
	format_escape_html(b, start);
}

static int
tell(struct whole_schema *w, struct buf *b, const struct event *e, const char *name)
{
	json_t *schema = schema_of(w, name);
	struct event_span tag = schema_row_value(e, "command_tag");
	int is_dropped = !schema_row_is_baseline(e) && tag.len == 13 &&
	                 memcmp(tag.p, "\"DROP SCHEMA\"", 13) == 0;
	char *document;

	if (!is_dropped && json_object_del(schema, "changed") != 0)
		return 0;
	if ((document = make_text(schema, is_dropped)) != NULL)
		add_message(b, e, next_version(schema, e), document);
	else
		b->failed = 1;
	free(document);
	if (is_dropped)
		json_object_set_new(schema, "tables", json_object());
	return 1;
}

int
whole_schema_row(struct whole_schema *w, struct buf *b, const struct event *e)
{
	struct event_span value = schema_row_value(e, "schema_name");
	struct buf name = BUF_INIT;
	int result;

	if (learn(w, e) != 0)
		return -1;
	if (value.p == NULL || *value.p != '"')
		return 0;
	text_add(&name, value);
	buf_add(&name, "", 1);
	if (name.failed) {
		b->failed = 1;
		return 0;
	}
	result = tell(w, b, e, name.data);
	buf_free(&name);
	return result;
}
