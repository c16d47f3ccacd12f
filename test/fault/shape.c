#include <string.h>

#include "problem.h"
#include "shape.h"

static long rows;

static int
is_shape(const struct line *l)
{
	return l->schema != NULL && strncmp(l->schema, "shape", 5) == 0;
}

int
shape_is_other(const struct line *l)
{
	return is_shape(l) || (l->schema != NULL && strcmp(l->schema, "pgcdc") == 0);
}

int
shape_is_baseline(const struct line *l)
{
	return json_is_true(json_object_get(l->json, "baseline"));
}

static void
check_entry(const struct line *l, const json_t *entry, const char *table)
{
	const char *id = json_string_value(json_object_get(entry, "id"));
	const char *name = json_string_value(json_object_get(entry, "name"));
	const char *text = json_string_value(json_object_get(entry, "value"));
	size_t len = strlen(table);

	if (id == NULL || strncmp(id, table, len) != 0 || id[len] != '-') {
		problem("row %s of %s.%s: column \"%s\" has id %s, and its table %s",
		    line_lsn_text(l->lsn), l->schema, l->table, name, id != NULL ? id : "none",
		    table);
		return;
	}
	/* The key is a number; a column added later may be null. */
	if (is_shape(l) && text != NULL && strcmp(text, id + len + 1) != 0)
		problem("row %s of %s.%s has a wrong shape: column \"%s\" is %s, and was %s",
		    line_lsn_text(l->lsn), l->schema, l->table, name, id, text);
}

void
shape_check(const struct line *l)
{
	const json_t *metadata = json_object_get(l->json, "metadata"), *entry;
	const char *table = json_string_value(json_object_get(metadata, "table_id"));
	size_t i;

	if (strchr("IUDTR", l->action) == NULL || strcmp(l->schema, "pgcdc") == 0)
		return;
	if (table == NULL) {
		problem(
		    "row %s of %s.%s has no table_id", line_lsn_text(l->lsn), l->schema, l->table);
		return;
	}
	json_array_foreach(l->columns, i, entry) check_entry(l, entry, table);
	json_array_foreach(l->identity, i, entry) check_entry(l, entry, table);
	rows += is_shape(l);
}

long
shape_rows(void)
{
	return rows;
}
