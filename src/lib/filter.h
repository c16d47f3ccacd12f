/*
 * Which tables pass: --tables and --exclude-tables, patterns of schema.table,
 * --schemas and --exclude-schemas, patterns of a schema's name; '*' in them stands for any
 * characters.
 */
#ifndef FILTER_H
#define FILTER_H

#include <stddef.h>

#include "opt.h"

struct filter {
	struct opt_list tables; /* empty: every table */
	struct opt_list exclude;
	struct opt_list schemas; /* empty: every schema */
	struct opt_list exclude_schemas;
};

/* 0, or the exit code after reporting a pattern that names no table. */
int filter_check(const struct filter *f);

/* Does one pattern match the table, or with NULL the schema, the names NUL-terminated? */
int filter_matches(const char *pattern, const char *schema, const char *table);

/* Does the table, its names not NUL-terminated, pass? */
int filter_passes(const struct filter *f, const char *schema, size_t schema_len, const char *table,
    size_t table_len);

#endif
