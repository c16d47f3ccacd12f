/*
 * From a row line to the change it means: the reading half of replica.h.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "replica.h"

static int
complain(const struct table *t, const char *column, const char *what)
{
	problem("%s: column \"%s\": %s", t->name, column, what);
	return -1;
}

/* The column of this name, near hint; added to a table whose columns change. */
static int
column_of(struct table *t, const char *name, size_t hint)
{
	if (hint < t->ncolumns && strcmp(t->columns[hint].name, name) == 0)
		return (int)hint;
	for (size_t i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i].name, name) == 0)
			return (int)i;
	if (!t->fluid)
		return complain(t, name, "the table has no such");
	replica_add_column(t, name, "");
	return (int)t->ncolumns - 1;
}

static int
is_numeric(const char *type)
{
	static const char *const types[] = { "smallint", "integer", "bigint", "oid", "real",
		"double precision", "numeric", NULL };

	for (int i = 0; types[i] != NULL; i++)
		if (strcmp(type, types[i]) == 0)
			return 1;
	return strncmp(type, "numeric(", 8) == 0 && type[strlen(type) - 1] == ')';
}

static int
is_no_number(const char *s)
{
	return strcmp(s, "NaN") == 0 || strcmp(s, "Infinity") == 0 || strcmp(s, "-Infinity") == 0;
}

/* The text form of a value, allocated, or NULL for null. 0, or -1: wrong kind for the type. */
static int
text_of(const json_t *value, const char *type, char **text)
{
	const char *s = line_number(value);
	int hex = strcmp(type, "bytea") == 0;

	*text = NULL;
	if (json_is_null(value))
		return 0;
	if (is_numeric(type)) {
		if (s == NULL && json_is_string(value) && is_no_number(json_string_value(value)))
			s = json_string_value(value);
	} else if (strcmp(type, "boolean") == 0) {
		s = json_is_true(value) ? "t" : json_is_false(value) ? "f" : NULL;
	} else {
		s = json_string_value(value);
	}
	if (s == NULL)
		return -1;
	if (asprintf(text, "%s%s", hex ? "\\x" : "", s) < 0)
		errx(111, "out of memory");
	return 0;
}

/* Room for all columns that the table may have after this line. */
static void
make_room(struct change *c, const struct line *l)
{
	size_t n = c->table->ncolumns + json_array_size(l->columns) + json_array_size(l->identity) +
	           json_array_size(l->unchanged) + 1;

	c->new = calloc(n, sizeof(*c->new));
	c->old = calloc(n, sizeof(*c->old));
	c->given = malloc(n);
	c->identified = malloc(n);
	if (c->new == NULL || c->old == NULL || c->given == NULL || c->identified == NULL)
		errx(111, "out of memory");
	memset(c->given, ' ', n);
	memset(c->identified, ' ', n);
	c->ncolumns = n;
}

/* Read "columns" or "identity" into values, which given tells of. */
static int
read_entries(struct table *t, const json_t *entries, char **values, char *given)
{
	size_t i, hint = 0;
	json_t *entry;

	json_array_foreach(entries, i, entry)
	{
		const char *name = json_string_value(json_object_get(entry, "name"));
		const char *type = json_string_value(json_object_get(entry, "type"));
		const json_t *value = json_object_get(entry, "value");
		int at;

		if (name == NULL || type == NULL || value == NULL)
			return complain(t, name == NULL ? "" : name, "no name, type or value");
		at = column_of(t, name, hint);
		if (at < 0)
			return -1;
		if (given[at] != ' ')
			return complain(t, name, "is there twice");
		given[at] = '+';
		if (!t->fluid && (size_t)at < hint)
			return complain(t, name, "is not in the order of the table");
		if (!t->fluid && strcmp(type, t->columns[at].type) != 0)
			return complain(t, name, "has another type");
		if (text_of(value, type, &values[at]) != 0)
			return complain(t, name, "its value is not of the kind of its type");
		hint = (size_t)at + 1;
	}
	return 0;
}

static int
read_unchanged(struct table *t, const json_t *names, char *given)
{
	size_t i;
	json_t *name;

	json_array_foreach(names, i, name)
	{
		int at = json_is_string(name) ? column_of(t, json_string_value(name), i) : -1;

		if (at < 0)
			return -1;
		if (given[at] != ' ')
			return complain(t, t->columns[at].name, "is unchanged and not");
		if (t->identity == 'f' && !t->fluid)
			return complain(t, t->columns[at].name, "is not filled from the old row");
		given[at] = '=';
	}
	return 0;
}

/* Every column is given or unchanged. */
static int
check_columns(const struct table *t, const struct change *c)
{
	for (size_t i = 0; i < t->ncolumns; i++) {
		if (c->given[i] == ' ' && !t->fluid)
			return complain(t, t->columns[i].name, "is missing");
		if (c->given[i] != '+' && t->columns[i].in_key)
			return complain(t, t->columns[i].name, "is in the key, and missing");
	}
	return 0;
}

/* The columns of the identity are there, and no others. */
static int
check_identity(const struct table *t, const struct change *c)
{
	for (size_t i = 0; i < t->ncolumns; i++) {
		const struct column *column = &t->columns[i];

		if (c->identified[i] == ' ' &&
		    (column->in_key || (t->identity == 'f' && !t->fluid)))
			return complain(t, column->name, "is missing in identity");
		if (c->identified[i] == '+' && !column->in_key && t->identity != 'f' && !t->fluid)
			return complain(t, column->name, "is in identity, and not in the key");
	}
	return 0;
}

static int
read_parts(struct change *c, const struct line *l)
{
	struct table *t = c->table;

	if (l->columns != NULL &&
	    (read_entries(t, l->columns, c->new, c->given) != 0 ||
		read_unchanged(t, l->unchanged, c->given) != 0 || check_columns(t, c) != 0))
		return -1;
	if (l->identity != NULL &&
	    (read_entries(t, l->identity, c->old, c->identified) != 0 || check_identity(t, c) != 0))
		return -1;
	return 0;
}

int
replica_read_change(const struct replica *r, struct change *c, const struct line *l)
{
	*c = (struct change){ .action = l->action, .lsn = l->lsn };
	c->table = replica_table(r, l->schema, l->table);
	if (c->table == NULL) {
		problem("table \"%s.%s\" is not published", l->schema, l->table);
		return -1;
	}
	make_room(c, l);
	if (read_parts(c, l) == 0)
		return 0;
	replica_free_change(c);
	return -1;
}

void
replica_free_change(struct change *c)
{
	for (size_t i = 0; i < c->ncolumns; i++) {
		free(c->new[i]);
		free(c->old[i]);
	}
	free(c->new);
	free(c->old);
	free(c->given);
	free(c->identified);
}
