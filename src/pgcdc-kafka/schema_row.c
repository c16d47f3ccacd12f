#include <jansson.h>

#include "schema_row.h"
#include "text.h"

struct event_span
schema_row_value(const struct event *e, const char *column)
{
	for (size_t i = 0; i < e->columns.n; i++)
		if (event_is_text(e->columns.entry[i].name, column))
			return e->columns.entry[i].value;
	return (struct event_span){ NULL, 0 };
}

void
schema_row_key(struct buf *key, const struct event *e)
{
	struct event_span name = schema_row_value(e, "schema_name");

	if (name.p != NULL && *name.p == '"')
		text_add(key, name);
	else
		buf_str(key, "pgcdc");
}

int
schema_row_document(json_t **json, const struct event *e, const char *column)
{
	struct event_span text = schema_row_value(e, column);
	struct buf b = BUF_INIT;

	*json = NULL;
	if (text.p == NULL || *text.p != '"')
		return 0;
	text_add(&b, text);
	if (!b.failed)
		*json = json_loadb(b.data, b.len, 0, NULL);
	buf_free(&b);
	return *json != NULL ? 0 : -1;
}

int
schema_row_is_baseline(const struct event *e)
{
	return (e->baseline.p != NULL && *e->baseline.p == 't') ||
	       event_is_text(schema_row_value(e, "command_tag"), "BASELINE");
}

static json_t *
name_of(const json_t *table, const json_t *id)
{
	const json_t *column;
	size_t i;

	json_array_foreach(json_object_get(table, "columns"), i, column)
	{
		if (json_equal(json_object_get(column, "id"), id))
			return json_object_get(column, "name");
	}
	return NULL;
}

json_t *
schema_row_primary_key(const json_t *table)
{
	json_t *names = json_array(), *name;
	const json_t *id;
	size_t i;

	json_array_foreach(json_object_get(table, "primary_key"), i, id)
	{
		if ((name = name_of(table, id)) != NULL)
			json_array_append(names, name);
	}
	return names;
}

static int
tell(const json_t *table, int (*each)(void *, const char *, const char *), void *context)
{
	const char *schema = json_string_value(json_object_get(table, "schema"));
	const char *name = json_string_value(json_object_get(table, "name"));

	return schema != NULL && name != NULL ? each(context, schema, name) : 0;
}

int
schema_row_tables(const struct event *e,
    int (*each)(void *context, const char *schema, const char *table), void *context)
{
	json_t *schema, *dropped = NULL, *table;
	int err = 0;
	size_t i;

	if (schema_row_document(&schema, e, "schema") != 0 ||
	    schema_row_document(&dropped, e, "dropped") != 0)
		err = SCHEMA_ROW_DAMAGED;
	json_array_foreach(json_object_get(schema, "tables"), i, table)
	{
		if (err == 0)
			err = tell(table, each, context);
		if (err == 0)
			err = tell(json_object_get(table, "was"), each, context);
	}
	json_array_foreach(dropped, i, table) if (err == 0) err = tell(table, each, context);
	json_decref(schema);
	json_decref(dropped);
	return err;
}
