#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "foreign_schema.h"
#include "foreign_value.h"
#include "lsn.h"

/* --- the row of theirs */

static json_t *
value_of(const json_t *columns, const char *name)
{
	const json_t *column;
	size_t i;

	json_array_foreach(columns, i, column)
	{
		const char *its = json_string_value(json_object_get(column, "name"));

		if (its != NULL && strcmp(its, name) == 0)
			return json_object_get(column, "value");
	}
	return NULL;
}

/* Ids of their log are no numbers, and rise as the positions do; those that we made are told. */
static json_int_t
id_of(const json_t *columns, struct event_span lsn)
{
	const char *xid = json_string_value(value_of(columns, "id"));
	struct event_span text;
	uint64_t number = 0;
	char quoted[24];

	if (xid != NULL && strlen(xid) == 20) {
		snprintf(quoted, sizeof(quoted), "\"%s\"", xid);
		number = foreign_xid((struct event_span){ quoted, 22 });
	}
	if (number == 0 && event_text(&text, lsn) == 0)
		lsn_parse(&number, text.p, text.len);
	return (json_int_t)number;
}

/* --- its document */

static void
set_if(json_t *object, const char *key, json_t *value)
{
	if (value != NULL && !json_is_null(value))
		json_object_set(object, key, value);
}

static json_t *
make_column(const json_t *column)
{
	json_t *made = json_object();

	set_if(made, "id", json_object_get(column, "pgstream_id"));
	set_if(made, "name", json_object_get(column, "name"));
	set_if(made, "type", json_object_get(column, "type"));
	set_if(made, "nullable", json_object_get(column, "nullable"));
	set_if(made, "unique", json_object_get(column, "unique"));
	set_if(made, "default", json_object_get(column, "default"));
	return made;
}

static int
is_in(const json_t *names, const json_t *name)
{
	const json_t *its;
	size_t i;

	json_array_foreach(names, i, its) if (json_equal(its, name)) return 1;
	return 0;
}

/* The columns of the primary key, or else the first that is unique and not null, by its id. */
static json_t *
make_identity(const json_t *table)
{
	const json_t *names = json_object_get(table, "primary_key_columns"), *column;
	json_t *ids = json_array(), *first = NULL;
	size_t i;

	json_array_foreach(json_object_get(table, "columns"), i, column)
	{
		json_t *id = json_object_get(column, "pgstream_id");

		if (is_in(names, json_object_get(column, "name")))
			json_array_append(ids, id);
		else if (json_is_true(json_object_get(column, "unique")) &&
			 json_is_false(json_object_get(column, "nullable")) && json_is_string(id) &&
			 (first == NULL ||
			     strcmp(json_string_value(id), json_string_value(first)) < 0))
			first = id;
	}
	if (json_array_size(names) == 0 && first != NULL)
		json_array_append(ids, first);
	return ids;
}

static json_t *
make_table(const json_t *table, json_t *schema)
{
	json_t *made = json_object(), *columns = json_array(), *identity = make_identity(table);
	const json_t *column;
	size_t i;

	set_if(made, "id", json_object_get(table, "pgstream_id"));
	set_if(made, "schema", schema);
	set_if(made, "name", json_object_get(table, "name"));
	json_object_set_new(made, "kind", json_string("table"));
	json_array_foreach(json_object_get(table, "columns"), i, column)
	    json_array_append_new(columns, make_column(column));
	json_object_set_new(made, "columns", columns);
	json_object_set_new(made, "replica_identity", json_string("default"));
	if (json_array_size(json_object_get(table, "primary_key_columns")) > 0)
		json_object_set(made, "primary_key", identity);
	if (json_array_size(identity) > 0)
		json_object_set(made, "identity", identity);
	json_decref(identity);
	return made;
}

static json_t *
make_document(const json_t *theirs, json_t *schema)
{
	json_t *made = json_object(), *tables = json_array();
	const json_t *table;
	size_t i;

	json_array_foreach(json_object_get(theirs, "tables"), i, table)
	    json_array_append_new(tables, make_table(table, schema));
	if (json_array_size(tables) > 0)
		json_object_set(made, "tables", tables);
	json_decref(tables);
	return made;
}

/* --- the row of ours */

static void
add_column(struct buf *b, const char *name, const char *type, const json_t *value)
{
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	buf_str(b, ",{\"name\":\"");
	buf_str(b, name);
	buf_str(b, "\",\"type\":\"");
	buf_str(b, type);
	buf_str(b, "\",\"value\":");
	buf_str(b, text != NULL ? text : "null");
	buf_str(b, "}");
	free(text);
}

static void
add_line(struct buf *b, const json_t *columns, const json_t *theirs, struct event_span lsn)
{
	json_t *schema = value_of(columns, "schema_name"),
	       *document = make_document(theirs, schema);
	json_t *tag = json_string(
	    json_is_true(json_object_get(theirs, "dropped")) ? "DROP SCHEMA" : "BASELINE");
	char *text = json_dumps(document, JSON_COMPACT);
	json_t *string = json_string(text);

	buf_str(b, ",\"schema\":\"pgcdc\",\"table\":\"schema_log\",\"columns\":["
		   "{\"name\":\"id\",\"type\":\"bigint\",\"value\":");
	buf_uint(b, (uint64_t)id_of(columns, lsn));
	buf_str(b, "}");
	add_column(b, "version", "bigint", value_of(columns, "version"));
	add_column(b, "schema_name", "text", schema);
	add_column(b, "command_tag", "text", tag);
	add_column(b, "schema", "jsonb", string);
	add_column(b, "dropped", "jsonb", NULL);
	add_column(b, "created_at", "timestamp without time zone", value_of(columns, "created_at"));
	buf_str(b, "]}");
	if (text == NULL || string == NULL || tag == NULL)
		b->failed = 1;
	free(text);
	json_decref(string);
	json_decref(document);
	json_decref(tag);
}

int
foreign_schema(struct buf *b, struct event_span columns, struct event_span lsn)
{
	json_t *row = columns.p != NULL ? json_loadb(columns.p, columns.len, 0, NULL) : NULL;
	const char *text = json_string_value(value_of(row, "schema"));
	json_t *theirs = text != NULL ? json_loads(text, 0, NULL) : NULL;
	int is_whole = theirs != NULL && json_is_string(value_of(row, "schema_name"));

	if (is_whole)
		add_line(b, row, theirs, lsn);
	json_decref(row);
	json_decref(theirs);
	return is_whole ? 0 : -1;
}
