#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ddl.h"
#include "format.h"
#include "schema_row.h"
#include "text.h"

/* What there is of a row, as texts that can be put into a document. */
struct row {
	struct buf type, identity, schema, tag, query;
	json_t *document, *dropped;
	int is_repeated; /* a definition, and no command */
};

static void
take(struct buf *b, const struct event *e, const char *column)
{
	struct event_span value = schema_row_value(e, column);

	if (value.p != NULL && *value.p == '"')
		text_add(b, value);
}

static int
is(const struct buf *b, const char *text)
{
	return b->len == strlen(text) && memcmp(b->data, text, b->len) == 0;
}

static json_t *
string(const struct buf *b)
{
	return json_stringn(b->len > 0 ? b->data : "", b->len);
}

/* --- names */

/* As quote_identifier() does, but for words that SQL has reserved. */
static void
add_identifier(struct buf *b, const char *name)
{
	int is_plain = !isdigit((unsigned char)*name);

	for (const char *p = name; *p != '\0'; p++)
		is_plain &= (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_';
	if (is_plain) {
		buf_str(b, name);
		return;
	}
	buf_str(b, "\"");
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buf_str(b, "\"");
		buf_add(b, name, 1);
	}
	buf_str(b, "\"");
}

/* The identity of a table as pg_identify_object() has it. */
static void
add_identity(struct buf *b, const json_t *table)
{
	const char *schema = json_string_value(json_object_get(table, "schema"));
	const char *name = json_string_value(json_object_get(table, "name"));

	add_identifier(b, schema != NULL ? schema : "");
	buf_str(b, ".");
	add_identifier(b, name != NULL ? name : "");
}

/* Is the row's object this table, or a column of it? */
static int
is_about(const struct row *row, const struct buf *identity)
{
	return row->identity.len >= identity->len &&
	       memcmp(row->identity.data, identity->data, identity->len) == 0 &&
	       (row->identity.len == identity->len || row->identity.data[identity->len] == '.');
}

/* --- objects */

/* The number of a column is behind the '-' of its id. */
static json_int_t
attnum(const json_t *column)
{
	const char *id = json_string_value(json_object_get(column, "id"));
	const char *dash = id != NULL ? strrchr(id, '-') : NULL;

	return dash != NULL ? strtol(dash + 1, NULL, 10) : 0;
}

static void
set_if(json_t *object, const char *key, json_t *value)
{
	if (value != NULL)
		json_object_set(object, key, value);
}

static json_t *
make_column(const json_t *column)
{
	json_t *made = json_object(), *generated = json_object_get(column, "generated");
	json_t *expression = json_object_get(column, generated != NULL ? "expression" : "default");
	const char *identity = json_string_value(json_object_get(column, "identity"));

	json_object_set_new(made, "attnum", json_integer(attnum(column)));
	set_if(made, "name", json_object_get(column, "name"));
	set_if(made, "type", json_object_get(column, "type"));
	set_if(made, "nullable", json_object_get(column, "nullable"));
	set_if(made, "default", expression);
	json_object_set_new(made, "generated", json_boolean(generated != NULL));
	if (identity != NULL)
		json_object_set_new(made, "identity",
		    json_string(strcmp(identity, "always") == 0 ? "ALWAYS" : "BY DEFAULT"));
	set_if(made, "unique", json_object_get(column, "unique"));
	return made;
}

/* Of a table that was dropped nothing is there but names and id. */
static json_t *
make_table(const struct row *row, const json_t *table)
{
	json_t *made = json_object(), *columns, *key;
	struct buf identity = BUF_INIT;
	const json_t *column;
	int is_it;
	size_t i;

	add_identity(&identity, table);
	is_it = is_about(row, &identity) && is(&row->type, "table column");
	json_object_set_new(made, "type", json_string(is_it ? "table column" : "table"));
	json_object_set_new(made, "identity", string(is_it ? &row->identity : &identity));
	buf_free(&identity);
	set_if(made, "schema", json_object_get(table, "schema"));
	json_object_set_new(made, "oid", json_string(""));
	set_if(made, "pgstream_id", json_object_get(table, "id"));
	if (json_object_get(table, "columns") != NULL) {
		json_object_set_new(made, "columns", columns = json_array());
		json_array_foreach(json_object_get(table, "columns"), i, column)
		    json_array_append_new(columns, make_column(column));
	}
	key = schema_row_primary_key(table);
	if (json_array_size(key) > 0)
		json_object_set(made, "primary_key_columns", key);
	json_decref(key);
	return made;
}

static json_t *
make_other(const struct row *row)
{
	json_t *made = json_object();

	json_object_set_new(made, "type", string(&row->type));
	json_object_set_new(made, "identity", string(&row->identity));
	json_object_set_new(made, "schema", string(&row->schema));
	json_object_set_new(made, "oid", json_string(""));
	return made;
}

static json_t *
make_objects(const struct row *row)
{
	json_t *objects = json_array(), *table;
	size_t i;

	if (!row->is_repeated && row->type.len > 0 && !is(&row->type, "table") &&
	    !is(&row->type, "table column"))
		json_array_append_new(objects, make_other(row));
	json_array_foreach(json_object_get(row->document, "tables"), i, table)
	    json_array_append_new(objects, make_table(row, table));
	json_array_foreach(row->dropped, i, table)
	    json_array_append_new(objects, make_table(row, table));
	return objects;
}

static json_t *
make_content(const struct row *row)
{
	json_t *content = json_object();

	json_object_set_new(
	    content, "ddl", row->is_repeated ? json_string("") : string(&row->query));
	json_object_set_new(content, "schema_name", string(&row->schema));
	json_object_set_new(content, "command_tag",
	    row->is_repeated ? json_string("CREATE TABLE") : string(&row->tag));
	json_object_set_new(content, "objects", make_objects(row));
	return content;
}

/* --- the message */

static void
add_message(struct buf *b, const struct event *e, const char *content)
{
	buf_str(b, "{\"action\":\"M\",\"timestamp\":");
	format_timestamp(b, e->timestamp);
	buf_str(b, ",\"lsn\":");
	if (e->lsn.p != NULL)
		buf_add(b, e->lsn.p, e->lsn.len);
	else
		buf_str(b, "\"\"");
	buf_str(b, ",\"schema\":\"\",\"table\":\"\",\"columns\":null,\"identity\":null");
	if (e->xid.p != NULL) {
		buf_str(b, ",\"xid\":");
		buf_add(b, e->xid.p, e->xid.len);
	}
	buf_str(b, ",\"prefix\":\"pgstream.ddl\",\"content\":");
	buf_json(b, content, strlen(content));
	buf_str(b, ",\"metadata\":{\"schema_id\":null,\"table_pgstream_id\":\"\","
		   "\"id_col_pgstream_id\":null}}");
}

static int
add_row(struct buf *b, const struct event *e, const struct row *row)
{
	json_t *content;
	char *text;

	/* A row without a schema is about what is in none, and pgstream leaves it out. */
	if (json_object_get(row->document, "gap") != NULL || row->schema.len == 0 ||
	    (row->is_repeated && json_object_get(row->document, "tables") == NULL))
		return 0;
	content = make_content(row);
	if ((text = json_dumps(content, JSON_COMPACT)) != NULL)
		add_message(b, e, text);
	else
		b->failed = 1;
	free(text);
	json_decref(content);
	return 1;
}

int
ddl_message(struct buf *b, const struct event *e)
{
	struct row row = { .is_repeated = 0 };
	int result = -1;

	take(&row.type, e, "object_type");
	take(&row.identity, e, "object_identity");
	take(&row.schema, e, "schema_name");
	take(&row.tag, e, "command_tag");
	take(&row.query, e, "query");
	row.is_repeated = schema_row_is_baseline(e);
	if (row.type.failed || row.identity.failed || row.schema.failed || row.tag.failed ||
	    row.query.failed)
		b->failed = 1;
	else if (schema_row_document(&row.document, e, "schema") == 0 &&
		 schema_row_document(&row.dropped, e, "dropped") == 0)
		result = add_row(b, e, &row);
	json_decref(row.document);
	json_decref(row.dropped);
	buf_free(&row.type);
	buf_free(&row.identity);
	buf_free(&row.schema);
	buf_free(&row.tag);
	buf_free(&row.query);
	return b->failed ? 0 : result;
}
