#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "query.h"
#include "tables.h"

#define COULD_NOT "could not look for tables"

const char tables_state_sql
    [] = "SELECT coalesce(pg_catalog.pg_relation_filenode(c.oid), 0) || ' ' ||"
	 " pg_catalog.md5(pg_catalog.concat(c.relnamespace, ' ', c.relname, ' ',"
	 " (SELECT pg_catalog.string_agg(p.relnamespace || ' ' || p.relname, ',' ORDER BY p.oid)"
	 " FROM pg_catalog.pg_partition_ancestors(c.oid) a JOIN pg_catalog.pg_class p"
	 " ON p.oid = a.relid), ' ',"
	 " (SELECT pg_catalog.string_agg(a.attnum || ' ' || a.attname || ' ' || a.atttypid"
	 " || ' ' || a.atttypmod, ',' ORDER BY attnum) FROM pg_catalog.pg_attribute a"
	 " WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)))"
	 " FROM pg_catalog.pg_class c WHERE c.oid = $1";

/* The names of the line's table ($1), and of the heap ($2) for SQL. */
static const char names_sql
    [] = "SELECT ln.nspname, l.relname,"
	 " pg_catalog.quote_ident(hn.nspname) || '.' || pg_catalog.quote_ident(h.relname)"
	 " FROM pg_catalog.pg_class l JOIN pg_catalog.pg_namespace ln ON ln.oid = l.relnamespace,"
	 " pg_catalog.pg_class h JOIN pg_catalog.pg_namespace hn ON hn.oid = h.relnamespace"
	 " WHERE l.oid = $1 AND h.oid = $2";

/*
 * Candidates: what a pattern can name, or what publications have, each with its leaves.  In the
 * order of "enum candidate".
 */
#define LEAVES                                                                           \
	" CROSS JOIN LATERAL (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t" \
	" WHERE t.isleaf AND c.relkind = 'p'"                                            \
	" UNION ALL SELECT c.oid WHERE c.relkind <> 'p') l"                              \
	" JOIN pg_catalog.pg_class h ON h.oid = l.relid"                                 \
	" JOIN pg_catalog.pg_namespace hn ON hn.oid = h.relnamespace"
#define HEAP                                                                               \
	"h.relkind = 'r', h.oid,"                                                          \
	" pg_catalog.quote_ident(hn.nspname) || '.' || pg_catalog.quote_ident(h.relname)," \
	" pg_catalog.has_table_privilege(h.oid, 'SELECT')"                                 \
	" OR pg_catalog.has_any_column_privilege(h.oid, 'SELECT')"

static const char by_pattern[] =
    "SELECT n.nspname, c.relname, h.oid, " HEAP ", NULL, NULL"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" LEAVES
    " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgcdc')"
    " ORDER BY 1, 2, pg_catalog.pg_relation_size(h.oid) DESC";

/* Of several publications one may have all rows; that they have the same columns the server checks. */
#define BY_PUBLICATION(attnums, filter)                                                            \
	"SELECT n.nspname, c.relname, c.oid, " HEAP ", " attnums ", " filter                       \
	" FROM pg_catalog.pg_publication_tables t"                                                 \
	" JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"                              \
	" JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename" LEAVES \
	" WHERE t.pubname = ANY (pg_catalog.string_to_array($1, E'\\n')) AND n.nspname <> 'pgcdc'" \
	" GROUP BY n.nspname, c.relname, c.oid, h.oid, h.relkind, hn.nspname, h.relname"           \
	" ORDER BY 1, 2, pg_catalog.pg_relation_size(h.oid) DESC"
static const char by_publication_13[] = BY_PUBLICATION("NULL", "NULL");
static const char by_publication_15[] = BY_PUBLICATION(
    "min((SELECT r.prattrs::text FROM pg_catalog.pg_publication_rel r"
    " JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid"
    " WHERE p.pubname = t.pubname AND r.prrelid = c.oid))",
    "CASE WHEN bool_and(t.rowfilter IS NOT NULL)"
    " THEN string_agg(DISTINCT '(' || t.rowfilter || ')', ' OR ') END");

enum candidate { SCHEMA, NAME, LINE_OID, IS_TABLE, OID, FROM, MAY_READ, ATTNUMS, FILTER };

/* The columns of the line's table, in its order; what is generated is not in a stream either. */
static const char columns_sql[] =
    "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid,"
    " pg_catalog.quote_ident(a.attname), h.attnum"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attribute h"
    " ON h.attrelid = $3 AND h.attname = a.attname"
    " WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''"
    " AND ($2::text IS NULL OR a.attnum::text = ANY (pg_catalog.string_to_array($2, ' '))) ORDER BY a.attnum";

static int
out_of_memory(void)
{
	return log_temporary("out of memory for a table");
}

/* --- one table */

static char *
copy(const PGresult *res, int row, int column)
{
	return PQgetisnull(res, row, column) ? NULL : strdup(PQgetvalue(res, row, column));
}

static int
not_utf8(const struct table *t)
{
	return log_permanent(
	    "a name of table \"%s\" is not valid UTF-8; rename it, or recreate the "
	    "database with an encoding other than SQL_ASCII",
	    t->from);
}

static int
read_columns(struct table *t, PGconn *conn)
{
	const char *values[] = { t->line_oid, t->attnums, t->oid };
	int err = 0;
	PGresult *res = query_rows(conn, &err, COULD_NOT, columns_sql, 3, values);

	if (res == NULL)
		return err;
	for (int i = 0; i < PQntuples(res) && err == 0; i++) {
		if (row_shape_add(&t->shape, PQgetvalue(res, i, 0), PQgetvalue(res, i, 1),
			(uint32_t)strtoul(PQgetvalue(res, i, 2), NULL, 10)) != 0)
			err = not_utf8(t);
		if (i > 0)
			buf_str(&t->columns, ",");
		buf_str(&t->columns, PQgetvalue(res, i, 3));
		buf_str(&t->numbers, PQgetvalue(res, i, 4));
		buf_str(&t->numbers, " ");
	}
	buf_add(&t->columns, "", 1);
	buf_add(&t->numbers, "", 1);
	PQclear(res);
	return err;
}

/* How large it is, and what it looks like now. */
static int
read_state(struct table *t, PGconn *conn)
{
	static const char pages[] =
	    "SELECT pg_catalog.pg_relation_size($1) / pg_catalog.current_setting('block_size')::bigint";
	const char *oid = t->oid;
	int err;
	PGresult *res = query_rows(conn, &err, COULD_NOT, tables_state_sql, 1, &oid);

	if (res == NULL)
		return err;
	t->state = PQntuples(res) == 1 ? copy(res, 0, 0) : strdup("");
	PQclear(res);
	if ((res = query_rows(conn, &err, COULD_NOT, pages, 1, &oid)) == NULL)
		return err;
	t->pages = (uint32_t)strtoul(PQgetvalue(res, 0, 0), NULL, 10);
	PQclear(res);
	return 0;
}

static int
read_names(struct table *t, PGconn *conn)
{
	const char *values[] = { t->line_oid, t->oid };
	int err;
	PGresult *res = query_rows(conn, &err, COULD_NOT, names_sql, 2, values);

	if (res == NULL)
		return err;
	t->is_gone = PQntuples(res) == 0;
	if (!t->is_gone) {
		t->from = copy(res, 0, 2);
		if (t->from == NULL)
			err = out_of_memory();
		else if (row_shape_begin(&t->shape, PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1)) !=
			 0)
			err = not_utf8(t);
	}
	PQclear(res);
	return err;
}

static int
describe(struct table *t, PGconn *conn)
{
	int err;

	if ((err = read_names(t, conn)) != 0 || t->is_gone || (err = read_columns(t, conn)) != 0 ||
	    (err = read_state(t, conn)) != 0)
		return err;
	return t->shape.text.failed || t->columns.failed || t->numbers.failed || t->state == NULL
	           ? out_of_memory()
	           : 0;
}

static void
forget(struct table *t)
{
	free(t->from);
	free(t->state);
	buf_free(&t->columns);
	buf_free(&t->numbers);
	row_shape_free(&t->shape);
	t->from = t->state = NULL;
	t->columns = t->numbers = BUF_INIT;
}

int
tables_renew(struct table *t, PGconn *conn, int *is_rewritten)
{
	unsigned long file = strtoul(t->state, NULL, 10);
	int err;

	forget(t);
	if ((err = describe(t, conn)) != 0)
		return err;
	*is_rewritten = t->is_gone || strtoul(t->state, NULL, 10) != file;
	return 0;
}

static int
is_known(const struct tables *ts, const char *oid)
{
	for (size_t i = 0; i < ts->n; i++)
		if (strcmp(ts->table[i].oid, oid) == 0)
			return 1;
	return 0;
}

static int
add(struct tables *ts, PGconn *conn, const PGresult *res, int row)
{
	struct table *grown, *t;

	if (is_known(ts, PQgetvalue(res, row, OID)))
		return 0;
	if ((grown = realloc(ts->table, (ts->n + 1) * sizeof(*grown))) == NULL)
		return out_of_memory();
	ts->table = grown;
	t = &grown[ts->n++];
	*t = (struct table){
		.oid = copy(res, row, OID),
		.line_oid = copy(res, row, LINE_OID),
		.attnums = copy(res, row, ATTNUMS),
		.filter = copy(res, row, FILTER),
	};
	if (t->oid == NULL || t->line_oid == NULL)
		return out_of_memory();
	return describe(t, conn);
}

/* --- all */

/* Is it a table that can be read?  0, or the exit code after reporting. */
static int
check(const PGresult *res, int row)
{
	if (*PQgetvalue(res, row, IS_TABLE) != 't')
		return log_permanent(
		    "\"%s.%s\" is no table with rows of its own; name the tables that "
		    "it is made of",
		    PQgetvalue(res, row, SCHEMA), PQgetvalue(res, row, NAME));
	/* No answer at all: it has just been dropped. */
	if (*PQgetvalue(res, row, MAY_READ) == 'f')
		return log_permanent("table %s may not be read; GRANT SELECT on it to the role",
		    PQgetvalue(res, row, FROM));
	return 0;
}

static int
has_star(const char *pattern)
{
	return strchr(pattern, '*') != NULL;
}

/* A pattern that names one thing, and that is not there, is a mistake; *n: how many match it. */
static int
check_patterns(const struct options *o, const PGresult *res)
{
	for (size_t i = 0; i < o->filter.tables.n; i++) {
		const char *pattern = o->filter.tables.item[i];
		int n = 0;

		for (int row = 0; row < PQntuples(res); row++)
			n += filter_matches(
			    pattern, PQgetvalue(res, row, SCHEMA), PQgetvalue(res, row, NAME));
		if (n == 0)
			return log_permanent(has_star(pattern) ? "no table matches \"%s\""
							       : "table \"%s\" does not exist",
			    pattern);
	}
	return 0;
}

static int
passes(const struct options *o, const PGresult *res, int row)
{
	const char *schema = PQgetvalue(res, row, SCHEMA), *name = PQgetvalue(res, row, NAME);

	return filter_passes(&o->filter, schema, strlen(schema), name, strlen(name));
}

/* A view that "*" happens to match is passed over; one that is named is refused. */
static int
is_named(const struct options *o, const PGresult *res, int row)
{
	for (size_t i = 0; i < o->filter.tables.n; i++)
		if (!has_star(o->filter.tables.item[i]) &&
		    filter_matches(o->filter.tables.item[i], PQgetvalue(res, row, SCHEMA),
			PQgetvalue(res, row, NAME)))
			return 1;
	return 0;
}

static PGresult *
candidates(PGconn *conn, const struct options *o, int *err)
{
	struct buf names = BUF_INIT;
	const char *value;
	PGresult *res;

	if (o->publications.n == 0)
		return query_rows(conn, err, COULD_NOT, by_pattern, 0, NULL);
	for (size_t i = 0; i < o->publications.n; i++) {
		buf_str(&names, i > 0 ? "\n" : "");
		buf_str(&names, o->publications.item[i]);
	}
	buf_add(&names, "", 1);
	value = names.data;
	if (names.failed) {
		*err = out_of_memory();
		return NULL;
	}
	res = query_rows(conn, err, COULD_NOT,
	    PQserverVersion(conn) >= 150000 ? by_publication_15 : by_publication_13, 1, &value);
	buf_free(&names);
	return res;
}

int
tables_find(struct tables *ts, PGconn *conn, const struct options *o)
{
	int err = 0;
	PGresult *res = candidates(conn, o, &err);

	if (res == NULL)
		return err;
	err = check_patterns(o, res);
	for (int row = 0; row < PQntuples(res) && err == 0; row++) {
		if (!passes(o, res, row) ||
		    (*PQgetvalue(res, row, IS_TABLE) != 't' && !is_named(o, res, row)))
			continue;
		if ((err = check(res, row)) == 0)
			err = add(ts, conn, res, row);
	}
	PQclear(res);
	if (err == 0 && ts->n == 0)
		return log_permanent("there is no table to dump");
	return err;
}

void
tables_free(struct tables *ts)
{
	for (size_t i = 0; i < ts->n; i++) {
		struct table *t = &ts->table[i];

		free(t->oid);
		free(t->line_oid);
		free(t->attnums);
		free(t->filter);
		forget(t);
	}
	free(ts->table);
	*ts = (struct tables){ .n = 0 };
}
