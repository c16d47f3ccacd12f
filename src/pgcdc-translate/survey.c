#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "log.h"
#include "survey.h"
#include "unmatched.h"

/* The newest migration whose tables we know. */
#define MIGRATION "0003_publish"

/* A query at the start: the result, or NULL after reporting, with *err. */
static PGresult *
question(const struct link *l, int *err, const char *sql, int n, const char *const *values)
{
	PGresult *res = PQexecParams(l->conn, sql, n, NULL, values, NULL, NULL, 0);

	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return res;
	*err = link_failure(l, res);
	PQclear(res);
	return NULL;
}

/* Is there a log, of a version that we know? */
static int
check_migrations(const struct link *l)
{
	PGresult *res;
	int err;

	if ((res = question(l, &err,
		 "SELECT to_regclass('pgcdc.schema_log') IS NULL,"
		 " current_database()",
		 0, NULL)) == NULL)
		return err;
	if (*PQgetvalue(res, 0, 0) == 't') {
		err = log_permanent("database \"%s\" has no schema log; run \"pgcdc init\" there, "
				    "or name another with --store",
		    PQgetvalue(res, 0, 1));
		PQclear(res);
		return err;
	}
	PQclear(res);
	if ((res = question(l, &err,
		 "SELECT name FROM pgcdc.migrations WHERE name > '" MIGRATION
		 "' ORDER BY name LIMIT 1",
		 0, NULL)) == NULL)
		return err;
	err = 0;
	if (PQntuples(res) > 0)
		err = log_permanent("the schema log has migration \"%s\", which this version of "
				    "pgcdc does not know; use the newer pgcdc that made it",
		    PQgetvalue(res, 0, 0));
	PQclear(res);
	return err;
}

/* Everybody may ask, unless somebody has revoked it. */
static int
ask_system_identifier(struct survey *s, const struct link *l)
{
	PGresult *res;
	int err;

	res = question(l, &err, "SELECT system_identifier FROM pg_control_system()", 0, NULL);
	if (res == NULL)
		return err;
	snprintf(s->system_identifier, sizeof(s->system_identifier), "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	return 0;
}

static int
check_kind(struct survey *s, const struct link *l)
{
	PGresult *res;
	int err, may_ask;

	if ((res = question(l, &err,
		 "SELECT EXISTS (SELECT FROM pgcdc.schema_log WHERE schema ? 'tables')"
		 " OR EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'pgcdc_drop'),"
		 " has_function_privilege('pg_control_system()', 'execute'), pg_is_in_recovery()",
		 0, NULL)) == NULL)
		return err;
	s->keeps_log = *PQgetvalue(res, 0, 0) == 't';
	may_ask = *PQgetvalue(res, 0, 1) == 't';
	s->is_standby = *PQgetvalue(res, 0, 2) == 't';
	PQclear(res);
	if (!s->keeps_log)
		log_warn(
		    "no schema changes are logged in the store: keys and ids are those of its "
		    "catalog now, and what was renamed or dropped since a row was written gets "
		    "none; \"pgcdc init\" without --no-ddl logs them");
	return may_ask ? ask_system_identifier(s, l) : 0;
}

int
survey_take(struct survey *s, const struct link *l)
{
	int err = check_migrations(l);

	return err != 0 ? err : check_kind(s, l);
}

/* What patterns are to match. */
static const char matched[] = "table of the store";

/* A pattern with '*' as one of LIKE. */
static void
add_like(struct buf *b, const char *pattern)
{
	for (; *pattern != '\0'; pattern++)
		if (*pattern == '*')
			buf_add(b, "%", 1);
		else if (strchr("%_\\", *pattern) != NULL)
			buf_add(b, (char[]){ '\\', *pattern }, 2);
		else
			buf_add(b, pattern, 1);
	buf_add(b, "", 1);
}

/* A column that a selection names must be in one of the tables that it names, or have been. */
static int
check_column(
    const struct link *l, const struct selection *item, const char *column, const char *option)
{
	static const char sql[] =
	    "WITH t AS (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
	    " WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname || '.' || c.relname LIKE $1)"
	    " SELECT EXISTS (SELECT FROM t), EXISTS (SELECT FROM t JOIN pg_attribute ON attrelid = oid"
	    " WHERE attnum > 0 AND NOT attisdropped AND attname LIKE $2)"
	    " OR EXISTS (SELECT FROM pgcdc.schema_log l, jsonb_array_elements(l.schema -> 'tables') d,"
	    " jsonb_array_elements(d -> 'columns') c WHERE c ->> 'name' LIKE $2"
	    " AND (d ->> 'schema') || '.' || (d ->> 'name') LIKE $1)";
	struct buf table_like = BUF_INIT, column_like = BUF_INIT;
	PGresult *res = NULL;
	int err = 0;

	add_like(&table_like, item->table);
	add_like(&column_like, column);
	if (table_like.failed || column_like.failed)
		err = log_temporary("out of memory");
	else
		res = question(
		    l, &err, sql, 2, (const char *const[]){ table_like.data, column_like.data });
	if (res != NULL && *PQgetvalue(res, 0, 0) == 'f')
		log_warn("pattern \"%s\" of option \"--%s\" matches no %s", item->table, option,
		    matched);
	else if (res != NULL && *PQgetvalue(res, 0, 1) == 'f')
		log_warn("column \"%s\" of option \"--%s\" is in no %s that \"%s\" matches", column,
		    option, matched, item->table);
	PQclear(res);
	buf_free(&table_like);
	buf_free(&column_like);
	return err;
}

static int
check_columns(const struct link *l, const struct selections *selections, const char *option)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < selections->n; i++) {
		const struct selection *item = &selections->item[i];

		for (size_t c = 0; err == 0 && c < item->n; c++)
			err = check_column(l, item, item->column[c], option);
	}
	return err;
}

int
survey_patterns(const struct link *l, const struct options *o)
{
	const struct filter *f = &o->filter;
	const struct definition_choice *c = &o->choice;
	PGresult *res;
	int err;

	if ((err = check_columns(l, &c->identity, "identity")) != 0 ||
	    (err = check_columns(l, &c->columns, "columns")) != 0 ||
	    (err = check_columns(l, &c->exclude_columns, "exclude-columns")) != 0 ||
	    f->tables.n + f->exclude.n + f->schemas.n + f->exclude_schemas.n == 0)
		return err;
	res = question(l, &err,
	    "SELECT n.nspname, c.relname FROM pg_class c"
	    " JOIN pg_namespace n ON n.oid = c.relnamespace"
	    " WHERE c.relkind IN ('r', 'p', 'f')",
	    0, NULL);
	if (res == NULL)
		return err;
	unmatched_warn_filter(f, res, matched);
	PQclear(res);
	return 0;
}
