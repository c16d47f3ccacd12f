#include "unmatched.h"
#include "log.h"

static int
matches_any(const char *pattern, const PGresult *tables, int only_schema)
{
	int n = PQntuples(tables);

	for (int t = 0; t < n; t++)
		if (filter_matches(pattern, PQgetvalue(tables, t, 0),
			only_schema ? NULL : PQgetvalue(tables, t, 1)))
			return 1;
	return 0;
}

static void
check(const char *pattern, const char *option, const PGresult *tables, int only_schema,
    const char *what)
{
	if (!matches_any(pattern, tables, only_schema))
		log_warn("pattern \"%s\" of option \"--%s\" matches no %s", pattern, option, what);
}

void
unmatched_warn_filter(const struct filter *f, const PGresult *tables, const char *what)
{
	for (size_t i = 0; i < f->tables.n; i++)
		check(f->tables.item[i], "tables", tables, 0, what);
	for (size_t i = 0; i < f->exclude.n; i++)
		check(f->exclude.item[i], "exclude-tables", tables, 0, what);
	for (size_t i = 0; i < f->schemas.n; i++)
		check(f->schemas.item[i], "schemas", tables, 1, what);
	for (size_t i = 0; i < f->exclude_schemas.n; i++)
		check(f->exclude_schemas.item[i], "exclude-schemas", tables, 1, what);
}
