#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "log.h"
#include "query.h"
#include "tables.h"
#include "unmatched.h"

/*
 * Candidates: what a pattern can name, or what publications have, each with its leaves; a
 * partitioned table without any has NULL.  In the order of "enum candidate".
 */
#define LEAVES                                                                                   \
	" LEFT JOIN LATERAL (SELECT t.relid, t.level FROM pg_catalog.pg_partition_tree(c.oid) t" \
	" WHERE t.isleaf AND c.relkind = 'p'"                                                    \
	" UNION ALL SELECT c.oid, 0 WHERE c.relkind <> 'p') l ON true"                           \
	" LEFT JOIN pg_catalog.pg_class h ON h.oid = l.relid"                                    \
	" LEFT JOIN pg_catalog.pg_namespace hn ON hn.oid = h.relnamespace"
#define HEAP                                                                               \
	"h.relkind = 'r', h.oid, hn.nspname, h.relname,"                                   \
	" pg_catalog.quote_ident(hn.nspname) || '.' || pg_catalog.quote_ident(h.relname)," \
	" pg_catalog.has_table_privilege(h.oid, 'SELECT')"                                 \
	" OR pg_catalog.has_any_column_privilege(h.oid, 'SELECT')"

static const char by_pattern[] =
    "SELECT n.nspname, c.relname, h.oid, " HEAP ", NULL, NULL, false"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" LEAVES
    " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgcdc')"
    " ORDER BY 1, 2, h.relpages DESC";

/*
 * Of several publications one may have all rows, and the highest root that one of them names is the
 * one on the line, so it comes first.
 */
#define BY_PUBLICATION(attnames, filter, differ)                                                   \
	"SELECT n.nspname, c.relname, c.oid, " HEAP ", " attnames ", " filter ", " differ          \
	" FROM pg_catalog.pg_publication_tables t"                                                 \
	" JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"                              \
	" JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename" LEAVES \
	" WHERE t.pubname = ANY (pg_catalog.string_to_array($1, E'\\n')) AND n.nspname <> 'pgcdc'" \
	" GROUP BY n.nspname, c.relname, c.oid, h.oid, h.relkind, hn.nspname, h.relname, l.level," \
	" h.relpages"                                                                              \
	" ORDER BY l.level DESC, 1, 2, h.relpages DESC"
static const char by_publication_13[] = BY_PUBLICATION("NULL", "NULL", "false");
static const char by_publication_15[] = BY_PUBLICATION("min(t.attnames::text)",
    "CASE WHEN bool_and(t.rowfilter IS NOT NULL)"
    " THEN string_agg(DISTINCT '(' || t.rowfilter || ')', ' OR ') END",
    "count(DISTINCT t.attnames::text) > 1");

enum candidate {
	SCHEMA,
	NAME,
	LINE_OID,
	IS_TABLE,
	OID,
	HEAP_SCHEMA,
	HEAP_NAME,
	FROM,
	MAY_READ,
	ATTNAMES,
	FILTER,
	DIFFER, /* the columns of several publications */
};

static int
out_of_memory(void)
{
	return log_temporary("out of memory for a table");
}

/* What publications say of it, instead of what they said before. */
static int
take_published(struct table *t, const PGresult *res, int row)
{
	free(t->attnames);
	free(t->filter);
	t->filter = NULL;
	return query_text(&t->attnames, res, row, ATTNAMES) == 0 &&
	               query_text(&t->filter, res, row, FILTER) == 0
	           ? 0
	           : out_of_memory();
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
add(struct tables *ts, PGconn *conn, const struct options *o, const PGresult *res, int row)
{
	struct table *grown, *t;
	int err;

	if (is_known(ts, PQgetvalue(res, row, OID)))
		return 0;
	if ((grown = realloc(ts->table, (ts->n + 1) * sizeof(*grown))) == NULL)
		return out_of_memory();
	ts->table = grown;
	t = &grown[ts->n++];
	*t = (struct table){ .shape.is_object = o->digest };
	if (query_text(&t->oid, res, row, OID) != 0 ||
	    query_text(&t->line_oid, res, row, LINE_OID) != 0)
		return out_of_memory();
	if ((err = take_published(t, res, row)) != 0)
		return err;
	if ((err = tables_describe(t, conn, &o->wanted)) == 0 && t->is_gone) {
		tables_free_one(t);
		ts->n--;
	}
	return err;
}

/* Is it a table that can be read?  0, or the exit code after reporting. */
static int
check(const PGresult *res, int row)
{
	if (*PQgetvalue(res, row, IS_TABLE) != 't')
		return log_permanent(
		    "\"%s.%s\" is no table with rows of its own; name the tables that "
		    "it is made of",
		    PQgetvalue(res, row, SCHEMA), PQgetvalue(res, row, NAME));
	if (*PQgetvalue(res, row, MAY_READ) != 't')
		return log_permanent("table %s may not be read; GRANT SELECT on it to the role",
		    PQgetvalue(res, row, FROM));
	if (*PQgetvalue(res, row, DIFFER) == 't')
		return log_permanent("the publications have different columns of table \"%s.%s\"; "
				     "alter them, as none can be streamed with the other",
		    PQgetvalue(res, row, SCHEMA), PQgetvalue(res, row, NAME));
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

/* Pages are those of one heap. */
static int
are_of(const struct pages *pages, const PGresult *res, int row)
{
	return filter_matches(
	    pages->table, PQgetvalue(res, row, HEAP_SCHEMA), PQgetvalue(res, row, HEAP_NAME));
}

static int
check_pages(const struct wanted *w, const PGresult *res)
{
	for (size_t i = 0; i < w->n_pages; i++) {
		int n = 0;

		for (int row = 0; row < PQntuples(res); row++)
			n += are_of(&w->pages[i], res, row);
		if (n == 0)
			return log_permanent("table \"%s\" of --pages does not exist; name a table "
					     "with rows of its own",
			    w->pages[i].table);
	}
	return 0;
}

/* A leaf that is not on the line as its root is excluded by its own name, too. */
static int
is_excluded(const struct options *o, const PGresult *res, int row)
{
	const struct filter exclude = { .exclude = o->filter.exclude };
	const char *schema = PQgetvalue(res, row, HEAP_SCHEMA);
	const char *name = PQgetvalue(res, row, HEAP_NAME);

	return strcmp(PQgetvalue(res, row, LINE_OID), PQgetvalue(res, row, OID)) == 0 &&
	       !filter_passes(&exclude, schema, strlen(schema), name, strlen(name));
}

static int
passes(const struct options *o, const PGresult *res, int row)
{
	const char *schema = PQgetvalue(res, row, SCHEMA), *name = PQgetvalue(res, row, NAME);
	size_t i = 0;

	return !PQgetisnull(res, row, OID) &&
	       filter_passes(&o->filter, schema, strlen(schema), name, strlen(name)) &&
	       !is_excluded(o, res, row) &&
	       (o->wanted.n_pages == 0 ||
		   wanted_pages(&o->wanted, &i, PQgetvalue(res, row, HEAP_SCHEMA),
		       PQgetvalue(res, row, HEAP_NAME)) != NULL);
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
	return o->wanted.n_pages > 0;
}

static int
check_publications(PGconn *conn, const char *names)
{
	static const char
	    sql[] = "SELECT n FROM pg_catalog.unnest(pg_catalog.string_to_array($1, E'\\n')) n"
		    " WHERE n NOT IN (SELECT pubname FROM pg_catalog.pg_publication) LIMIT 1";
	int err;
	PGresult *res = query_rows(conn, &err, "could not look for publications", sql, 1, &names);

	if (res != NULL && PQntuples(res) > 0)
		err = log_permanent("publication \"%s\" does not exist", PQgetvalue(res, 0, 0));
	PQclear(res);
	return err;
}

static PGresult *
candidates(PGconn *conn, const struct options *o, int *err)
{
	const char *sql = by_pattern, *value = NULL;
	struct buf names = BUF_INIT;
	int n = o->publications.n > 0;
	PGresult *res = NULL;

	for (size_t i = 0; i < o->publications.n; i++) {
		buf_str(&names, i > 0 ? "\n" : "");
		buf_str(&names, o->publications.item[i]);
	}
	buf_add(&names, "", 1);
	*err = names.failed ? out_of_memory() : 0;
	if (n == 1 && *err == 0) {
		value = names.data;
		sql = PQserverVersion(conn) >= 150000 ? by_publication_15 : by_publication_13;
		*err = check_publications(conn, value);
	}
	if (*err == 0)
		res = lock_query(
		    conn, err, "the server to say which tables there are", sql, n, &value);
	buf_free(&names);
	if (res == NULL || PQresultStatus(res) == PGRES_TUPLES_OK)
		return res;
	*err = query_report(conn, res, "could not look for tables");
	PQclear(res);
	return NULL;
}

/* Those that are wanted; one that comes again under another name is known. */
static int
take(struct tables *ts, PGconn *conn, const struct options *o, const PGresult *res)
{
	int err = 0;

	for (int row = 0; row < PQntuples(res) && err == 0; row++) {
		if (!passes(o, res, row) ||
		    (*PQgetvalue(res, row, IS_TABLE) != 't' && !is_named(o, res, row)))
			continue;
		/* Nobody has rights on what was dropped a moment ago. */
		if (PQgetisnull(res, row, MAY_READ))
			continue;
		if ((err = check(res, row)) == 0)
			err = add(ts, conn, o, res, row);
	}
	return err;
}

/* What an option names has to be there; what it only keeps out may be misspelt. */
static int
check_options(const struct options *o, const PGresult *res)
{
	int err;

	if ((err = check_patterns(o, res)) != 0 || (err = check_pages(&o->wanted, res)) != 0)
		return err;
	unmatched_warn_filter(&o->filter, res, o->publications.n > 0 ? "published table" : "table");
	return 0;
}

int
tables_find(struct tables *ts, PGconn *conn, const struct options *o, int is_first)
{
	int err = 0;
	PGresult *res = candidates(conn, o, &err);

	if (res == NULL)
		return err;
	if (!is_first || (err = check_options(o, res)) == 0)
		err = take(ts, conn, o, res);
	PQclear(res);
	if (!is_first || err != 0)
		return err;
	if (ts->n == 0)
		return log_permanent("there is no table to dump");
	wanted_warn_unseen(&o->wanted);
	return 0;
}

static int
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int
is_among(const struct table *t, const struct tables *ts)
{
	for (size_t i = 0; i < ts->n; i++) {
		const struct table *other = &ts->table[i];

		if (strcmp(t->oid, other->oid) == 0)
			return strcmp(t->line_oid, other->line_oid) == 0 &&
			       is_same_text(t->attnames, other->attnames) &&
			       is_same_text(t->filter, other->filter);
	}
	return 0;
}

int
tables_are_same(const struct tables *a, const struct tables *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!is_among(&a->table[i], b))
			return 0;
	return a->n == b->n;
}

/*
 * What publications say of it now: its columns and its filter may have other names.  What they do not have
 * any more, as a partition that was detached, is gone: the stream does not have it either.
 */
static int
publish_again(struct table *t, PGconn *conn, const struct options *o)
{
	int err, found = 0;
	PGresult *res;

	if (o->publications.n == 0)
		return 0;
	if ((res = candidates(conn, o, &err)) == NULL)
		return err;
	for (int row = 0; row < PQntuples(res) && err == 0; row++) {
		if (strcmp(PQgetvalue(res, row, OID), t->oid) != 0 ||
		    strcmp(PQgetvalue(res, row, LINE_OID), t->line_oid) != 0)
			continue;
		found = 1;
		if ((err = take_published(t, res, row)) == 0)
			err = check(res, row);
	}
	t->is_gone = !found;
	PQclear(res);
	return err;
}

int
tables_find_again(struct table *t, PGconn *conn, const struct options *o)
{
	unsigned long file = tables_file(t);
	int err = publish_again(t, conn, o);

	if (err != 0)
		return err;
	tables_forget(t);
	if (t->is_gone || (err = tables_describe(t, conn, &o->wanted)) == 0)
		t->is_rewritten = t->is_gone || tables_file(t) != file;
	return err;
}
