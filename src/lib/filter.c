#include <string.h>

#include "filter.h"
#include "log.h"

static int
check_list(const struct opt_list *list, const char *option)
{
	for (size_t i = 0; i < list->n; i++)
		if (strchr(list->item[i], '.') == NULL)
			return log_permanent("invalid pattern \"%s\" for option \"--%s\"; expected "
					     "schema.table, with \"*\" for any characters",
			    list->item[i], option);
	return 0;
}

int
filter_check(const struct filter *f)
{
	int err = check_list(&f->tables, "tables");

	return err != 0 ? err : check_list(&f->exclude, "exclude-tables");
}

/* A name in two parts, as if it were "schema.table", or the schema's alone. */
struct full_name {
	const char *schema, *table;
	size_t schema_len, len;
};

static char
char_at(const struct full_name *n, size_t i)
{
	if (i < n->schema_len)
		return n->schema[i];
	return i == n->schema_len ? '.' : n->table[i - n->schema_len - 1];
}

/* The usual greedy match: on a mismatch let the last '*' take one more. */
static int
matches(const char *pattern, const struct full_name *name)
{
	const char *star = NULL;
	size_t i = 0, star_at = 0;

	while (i < name->len) {
		if (*pattern == '*') {
			star = pattern++;
			star_at = i;
		} else if (*pattern != '\0' && *pattern == char_at(name, i)) {
			pattern++;
			i++;
		} else if (star != NULL) {
			pattern = star + 1;
			i = ++star_at;
		} else {
			return 0;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static int
any_matches(const struct opt_list *patterns, const struct full_name *name)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (matches(patterns->item[i], name))
			return 1;
	return 0;
}

int
filter_matches(const char *pattern, const char *schema, const char *table)
{
	size_t schema_len = strlen(schema);
	struct full_name name = { schema, table, schema_len,
		table != NULL ? schema_len + 1 + strlen(table) : schema_len };

	return matches(pattern, &name);
}

int
filter_passes(const struct filter *f, const char *schema, size_t schema_len, const char *table,
    size_t table_len)
{
	struct full_name name = { schema, table, schema_len, schema_len + 1 + table_len };
	struct full_name only_schema = { schema, NULL, schema_len, schema_len };

	if (f->schemas.n > 0 && !any_matches(&f->schemas, &only_schema))
		return 0;
	if (any_matches(&f->exclude_schemas, &only_schema))
		return 0;
	if (f->tables.n > 0 && !any_matches(&f->tables, &name))
		return 0;
	return !any_matches(&f->exclude, &name);
}
