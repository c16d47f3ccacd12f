#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "definition.h"
#include "scan.h"

/* Bytes of a name, 63 as Postgres is built.  With all of them escaped they fit an unsigned short. */
#define LONGEST_NAME 8192

/* Where the texts of a definition lie while they are built: a buffer moves. */
struct draft {
	struct buf text;
	size_t *at; /* offsets: name and suffix of each column, then the metadata */
	size_t n;
};

static const char *
string_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void
add_json(struct buf *b, const char *s)
{
	if (buf_json(b, s, strlen(s)) != 0)
		b->failed = 1; /* jansson gives valid UTF-8 only */
}

static int
is_in_identity(const json_t *table, const char *id)
{
	const json_t *identity = json_object_get(table, "identity"), *item;
	size_t i;

	json_array_foreach(identity, i,
	    item) if (json_is_string(item) && strcmp(json_string_value(item), id) == 0) return 1;
	return 0;
}

static const json_t *
column_named(const json_t *columns, const char *pattern)
{
	const struct selection one = { .column = (char *[]){ (char *)(uintptr_t)pattern }, .n = 1 };
	const json_t *column;
	size_t i;

	json_array_foreach(
	    columns, i, column) if (selection_has(&one, string_of(column, "name"))) return column;
	return NULL;
}

/* --identity chooses among the columns that a DELETE carries. */
static int
check_identity_choice(const json_t *table, const json_t *columns, const struct selection *chosen,
    char *error, size_t error_size)
{
	for (size_t i = 0; chosen != NULL && i < chosen->n; i++) {
		const json_t *column = column_named(columns, chosen->column[i]);

		if (column == NULL || !is_in_identity(table, string_of(column, "id"))) {
			snprintf(error, error_size,
			    "column \"%s\" of --identity is not part of its identity",
			    chosen->column[i]);
			return -1;
		}
	}
	return 0;
}

static int
check_shape(const json_t *table, const json_t *columns, char *error, size_t error_size)
{
	const json_t *column;
	size_t i;

	if (string_of(table, "id") == NULL || string_of(table, "schema") == NULL ||
	    string_of(table, "name") == NULL) {
		snprintf(error, error_size, "it lacks \"id\", \"schema\" or \"name\"");
		return -1;
	}
	/* A table may have none. */
	if (columns != NULL && !json_is_array(columns)) {
		snprintf(error, error_size, "its \"columns\" is no array");
		return -1;
	}
	json_array_foreach(columns, i, column)
	{
		if (string_of(column, "id") == NULL || string_of(column, "name") == NULL) {
			snprintf(error, error_size, "column %zu lacks \"id\" or \"name\"", i + 1);
			return -1;
		}
		if (strlen(string_of(column, "id")) > LONGEST_NAME ||
		    strlen(string_of(column, "name")) > LONGEST_NAME) {
			snprintf(
			    error, error_size, "column %zu has a name that is too long", i + 1);
			return -1;
		}
	}
	return 0;
}

static void
add_column(struct draft *d, const json_t *column)
{
	d->at[d->n++] = d->text.len;
	add_json(&d->text, string_of(column, "name"));
	d->at[d->n++] = d->text.len;
	buf_str(&d->text, ",\"id\":");
	add_json(&d->text, string_of(column, "id"));
}

/* "metadata" up to the version, which is the row's; the number of columns in the identity. */
static size_t
add_metadata(struct draft *d, const json_t *table, const json_t *columns, uint64_t schema_id,
    const struct selection *chosen)
{
	const json_t *column;
	size_t i, n = 0;

	d->at[d->n++] = d->text.len;
	buf_str(&d->text, ",\"metadata\":{\"schema_id\":");
	if (schema_id != 0)
		buf_uint(&d->text, schema_id);
	else
		buf_str(&d->text, "null");
	buf_str(&d->text, ",\"table_id\":");
	if (table != NULL)
		add_json(&d->text, string_of(table, "id"));
	else
		buf_str(&d->text, "null");
	buf_str(&d->text, ",\"identity_ids\":[");
	json_array_foreach(columns, i, column)
	{
		if (!is_in_identity(table, string_of(column, "id")) ||
		    (chosen != NULL && !selection_has(chosen, string_of(column, "name"))))
			continue;
		if (n++ > 0)
			buf_str(&d->text, ",");
		add_json(&d->text, string_of(column, "id"));
	}
	buf_str(&d->text, "],\"version_id\":");
	return n;
}

/* The finished text behind the struct, in one block. */
static struct definition *
assemble(struct draft *d, const struct definition *like, size_t n)
{
	size_t head = sizeof(struct definition) + n * sizeof(struct column);
	struct definition *made = d->text.failed ? NULL : malloc(head + d->text.len);
	char *text;

	if (made == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	text = (char *)made + head;
	*made = *like;
	made->n = n;
	memcpy(text, d->text.data, d->text.len);
	for (size_t i = 0; i < n; i++) {
		const size_t *at = d->at + 2 * i;

		made->column[i] = (struct column){
			.name = text + at[0],
			.suffix = text + at[1],
			.name_len = (unsigned short)(at[1] - at[0]),
			.suffix_len = (unsigned short)(at[2] - at[1]),
			.is_kept = 1,
		};
		if (made->column[i].suffix_len > made->longest_suffix)
			made->longest_suffix = made->column[i].suffix_len;
	}
	made->metadata = text + d->at[2 * n];
	made->metadata_len = d->text.len - d->at[2 * n];
	return made;
}

/* What identifies a row stays, whatever else is left out. */
static void
choose_columns(struct definition *d, const json_t *table, const json_t *columns,
    const struct definition_choice *choice)
{
	const char *schema = string_of(table, "schema"), *name = string_of(table, "name");
	const struct selection *only = selections_find(&choice->columns, schema, name);
	const struct selection *but = selections_find(&choice->exclude_columns, schema, name);
	const json_t *column;
	size_t i;

	if (only == NULL && but == NULL)
		return;
	json_array_foreach(columns, i, column)
	{
		const char *column_name = string_of(column, "name");

		if (is_in_identity(table, string_of(column, "id")))
			continue;
		if ((only != NULL && !selection_has(only, column_name)) ||
		    (but != NULL && selection_has(but, column_name))) {
			d->column[i].is_kept = 0;
			d->is_selective = 1;
		}
	}
}

struct definition *
definition_make(const json_t *table, const struct definition *like,
    const struct definition_choice *choice, char *error, size_t error_size)
{
	const json_t *columns = json_object_get(table, "columns"), *column;
	size_t n = json_array_size(columns), i, in_identity;
	const struct selection *chosen;
	struct definition *made = NULL;
	struct draft d = { .n = 0 };

	errno = 0;
	if (check_shape(table, columns, error, error_size) != 0)
		return NULL;
	chosen = selections_find(
	    &choice->identity, string_of(table, "schema"), string_of(table, "name"));
	if (check_identity_choice(table, columns, chosen, error, error_size) != 0)
		return NULL;
	if ((d.at = calloc(2 * n + 1, sizeof(*d.at))) == NULL)
		return NULL;
	json_array_foreach(columns, i, column) add_column(&d, column);
	in_identity = add_metadata(&d, table, columns, like->schema_id, chosen);
	if ((made = assemble(&d, like, n)) != NULL) {
		made->has_identity = in_identity > 0;
		choose_columns(made, table, columns, choice);
	}
	buf_free(&d.text);
	free(d.at);
	return made;
}

struct definition *
definition_unknown(const struct definition *like)
{
	size_t at[1];
	struct draft d = { .at = at };
	struct definition *made;

	add_metadata(&d, NULL, NULL, 0, NULL);
	if ((made = assemble(&d, like, 0)) != NULL)
		made->is_partial = 1;
	buf_free(&d.text);
	return made;
}

/* A name that somebody else has escaped in another way than we do. */
static int
same_string(const struct column *c, const char *name, size_t len)
{
	json_t *a, *b;
	int same;

	if (memchr(name, '\\', len) == NULL && memchr(c->name, '\\', c->name_len) == NULL)
		return 0;
	a = json_loadb(name, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	b = json_loadb(c->name, c->name_len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	same = a != NULL && json_equal(a, b);
	json_decref(a);
	json_decref(b);
	return same;
}

const struct column *
definition_column(const struct definition *d, const char *name, size_t len, size_t *hint)
{
	size_t i = *hint;

	for (size_t tried = 0; tried < d->n; tried++, i++) {
		if (i >= d->n)
			i = 0;
		if (d->column[i].name_len == len && memcmp(d->column[i].name, name, len) == 0) {
			*hint = i + 1;
			return &d->column[i];
		}
	}
	for (i = 0; i < d->n; i++)
		if (same_string(&d->column[i], name, len))
			return &d->column[i];
	return NULL;
}
