#include <err.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "source.h"

/* The text forms of man page pgcdc-events, section VALUES. */
#define SESSION                                                                           \
	"SET DateStyle = ISO; SET IntervalStyle = postgres; SET TimeZone = UTC;"          \
	"SET extra_float_digits = 3; SET bytea_output = hex; SET client_encoding = UTF8;" \
	"SET lc_monetary = 'C'; SET search_path = ''"

#define TABLES_SQL                                                                              \
	"SELECT DISTINCT c.oid, n.nspname, c.relname, c.relreplident, coalesce((SELECT relname" \
	" FROM pg_class WHERE oid = pg_partition_root(c.oid)), c.relname)"                      \
	" FROM pg_publication_tables p JOIN pg_namespace n ON n.nspname = p.schemaname"         \
	" JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename"                \
	" WHERE p.pubname = ANY (string_to_array($1, ',')) AND n.nspname = 'fault'"             \
	" ORDER BY c.relname"

#define COLUMNS_SQL                                                                       \
	"SELECT a.attname, format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = ANY" \
	" (i.indkey), false) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"   \
	" LEFT JOIN pg_index i ON i.indrelid = c.oid AND CASE c.relreplident WHEN 'i'"    \
	" THEN i.indisreplident ELSE i.indisprimary END"                                  \
	" WHERE c.oid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"

static PGresult *
query(PGconn *conn, const char *sql, const char *value)
{
	PGresult *res = PQexecParams(conn, sql, value != NULL, NULL, &value, NULL, NULL, 0);

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		errx(111, "could not query the source: %s", PQerrorMessage(conn));
	return res;
}

static void
learn_columns(PGconn *conn, struct table *t, const char *oid)
{
	PGresult *res = query(conn, COLUMNS_SQL, oid);

	for (int i = 0; i < PQntuples(res); i++) {
		struct column *c = replica_add_column(
		    t, PQgetvalue(res, i, 0), PQgetvalue(res, i, 1));

		c->in_key = *PQgetvalue(res, i, 2) == 't';
		c->in_source = 1;
	}
	PQclear(res);
	replica_finish_table(t);
}

static void
count_members(struct replica *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->n; k++)
			r->tables[i].members += strcmp(r->tables[i].root, r->tables[k].root) == 0;
}

void
source_open(struct source *s, struct replica *r, const char *publications)
{
	PGconn *conn = PQconnectdb("application_name=check");
	PGresult *res = PQexec(conn, SESSION);

	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		errx(111, "could not connect to the source: %s", PQerrorMessage(conn));
	PQclear(res);
	s->conn = conn;
	s->sends_messages = PQserverVersion(conn) >= 140000;
	res = query(conn, "SELECT system_identifier FROM pg_control_system()", NULL);
	snprintf(s->system_identifier, sizeof(s->system_identifier), "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	res = query(conn, TABLES_SQL, publications);
	for (int i = 0; i < PQntuples(res); i++)
		learn_columns(conn,
		    replica_add_table(r, PQgetvalue(res, i, 1), PQgetvalue(res, i, 2),
			PQgetvalue(res, i, 4), *PQgetvalue(res, i, 3)),
		    PQgetvalue(res, i, 0));
	if (PQntuples(res) == 0)
		errx(100, "the publication \"%s\" has no tables", publications);
	PQclear(res);
	count_members(r);
}

void
source_close(struct source *s)
{
	PQfinish(s->conn);
}

static void
append(char **sql, const char *separator, char *identifier)
{
	char *longer;

	if (identifier == NULL || asprintf(&longer, "%s%s%s", *sql, separator, identifier) < 0)
		errx(111, "out of memory");
	free(*sql);
	PQfreemem(identifier);
	*sql = longer;
}

/* SELECT all columns that the source has; allocated. */
static char *
select_all(PGconn *conn, const struct table *t)
{
	char *sql = strdup("SELECT");
	const char *separator = " ";

	for (size_t i = 0; i < t->ncolumns; i++) {
		const char *name = t->columns[i].name;

		if (!t->columns[i].in_source)
			continue;
		append(&sql, separator, PQescapeIdentifier(conn, name, strlen(name)));
		separator = ", ";
	}
	append(&sql, " FROM ", PQescapeIdentifier(conn, t->schema, strlen(t->schema)));
	append(&sql, ".", PQescapeIdentifier(conn, t->name, strlen(t->name)));
	return sql;
}

static void
learn_values(const struct table *t, const PGresult *res, char **values)
{
	int field = 0;

	for (size_t i = 0; i < t->ncolumns; i++) {
		values[i] = NULL;
		if (!t->columns[i].in_source)
			continue;
		if (!PQgetisnull(res, 0, field))
			values[i] = PQgetvalue(res, 0, field);
		field++;
	}
}

void
source_read(struct source *s, struct table *t, source_take *take, void *context)
{
	PGconn *conn = s->conn;
	char *sql = select_all(conn, t), **values = calloc(t->ncolumns, sizeof(*values));
	PGresult *res;

	if (values == NULL)
		errx(111, "out of memory");
	if (!PQsendQuery(conn, sql) || !PQsetSingleRowMode(conn))
		errx(111, "could not read table \"%s\": %s", t->name, PQerrorMessage(conn));
	while ((res = PQgetResult(conn)) != NULL) {
		if (PQresultStatus(res) == PGRES_SINGLE_TUPLE) {
			learn_values(t, res, values);
			take(context, t, values);
		} else if (PQresultStatus(res) != PGRES_TUPLES_OK) {
			errx(111, "could not read table \"%s\": %s", t->name, PQerrorMessage(conn));
		}
		PQclear(res);
	}
	free(values);
	free(sql);
}

static void
take_row(void *context, struct table *t, char *const *values)
{
	(void)context;
	replica_take(t, values);
}

void
source_compare(struct source *s, struct replica *r)
{
	problem_at(NULL, 0);
	for (size_t i = 0; i < r->n; i++) {
		source_read(s, &r->tables[i], take_row, NULL);
		replica_finish(&r->tables[i]);
	}
}
