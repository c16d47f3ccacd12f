#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "log.h"
#include "look.h"
#include "query.h"

#define NO_SUCH_TABLE "42P01" /* SQLSTATE, also of a schema that is not there */

static int
out_of_memory(void)
{
	return log_temporary("out of memory for a table");
}

/* A condition may be about other columns than those that are read. */
void
look_sql(struct buf *b, const struct table *t)
{
	int is_whole = t->filter != NULL || t->where.len > 0;

	buf_str(b, "SELECT tableoid");
	buf_str(b, is_whole || t->columns.len > 1 ? "," : "");
	buf_str(b, is_whole ? "*" : t->columns.data);
	buf_str(b, " FROM ONLY ");
	buf_str(b, t->from);
	buf_str(b, " LIMIT 0");
}

/* Which columns of which table the answer has, their types and their names. */
static void
note_look(struct buf *b, const PGresult *res)
{
	for (int i = 0; i < PQnfields(res); i++) {
		buf_uint(b, PQftable(res, i));
		buf_str(b, ".");
		buf_uint(b, (uint64_t)(PQftablecol(res, i) & 0xffff));
		buf_str(b, ".");
		buf_uint(b, PQftype(res, i));
		buf_str(b, ".");
		buf_str(b, PQfname(res, i));
		buf_str(b, ",");
	}
}

int
look_is_as_before(const struct table *t, const PGresult *res)
{
	struct buf now = BUF_INIT;
	int is_same;

	note_look(&now, res);
	/* Columns that were added stand behind the others, and nobody has asked for them. */
	is_same = !now.failed && t->look.len > 0 && now.len >= t->look.len &&
	          memcmp(now.data, t->look.data, t->look.len) == 0;
	buf_free(&now);
	return is_same;
}

int
look_is_altered(const PGresult *res)
{
	static const char *const states[] = {
		NO_SUCH_TABLE,
		"42703" /* column */,
		"3F000" /* schema */,
	};
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	for (size_t i = 0; state != NULL && i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(state, states[i]) == 0)
			return 1;
	return 0;
}

/* The answer to the size, in pages, and to the look.  0, or the exit code after reporting. */
static int
take_answers(struct table *t, PGconn *conn)
{
	char what[300];
	PGresult *res;
	int err = 0;

	snprintf(what, sizeof(what), "could not read table %s", t->from);
	while ((res = PQgetResult(conn)) != NULL) {
		if (PQresultStatus(res) != PGRES_TUPLES_OK) {
			/* What is altered just now, workers find out. */
			if (err == 0 && !look_is_altered(res))
				err = query_report(conn, res, what);
		} else if (PQntuples(res) == 1) {
			t->pages = (uint32_t)strtoul(PQgetvalue(res, 0, 0), NULL, 10);
		} else {
			note_look(&t->look, res);
		}
		PQclear(res);
	}
	return err;
}

/* It shows also whether we may read. */
static int
look(struct table *t, PGconn *conn, const char *name)
{
	struct buf sql = BUF_INIT;
	int err;

	buf_str(&sql, "SELECT pg_catalog.pg_relation_size(");
	buf_str(&sql, t->oid);
	buf_str(&sql, ") / pg_catalog.current_setting('block_size')::bigint; ");
	look_sql(&sql, t);
	buf_add(&sql, "", 1);
	if (sql.failed)
		err = out_of_memory();
	else if (PQsendQuery(conn, sql.data) == 0)
		err = query_report(conn, NULL, "could not ask the server");
	else if ((err = lock_wait(conn, name)) == 0)
		err = take_answers(t, conn);
	buf_free(&sql);
	return err;
}

/* A condition that does not stand for itself is refused before anything is written. */
static int
try_where(struct table *t, PGconn *conn, const char *name)
{
	struct buf sql = BUF_INIT;
	const char *state;
	char what[300];
	PGresult *res;
	int err = 0;

	buf_str(&sql, "SELECT FROM ONLY ");
	buf_str(&sql, t->from);
	buf_str(&sql, " WHERE ");
	buf_str(&sql, t->where.data);
	buf_str(&sql, " LIMIT 0");
	buf_add(&sql, "", 1);
	/* As a query with parameters it can be no more than one command. */
	res = sql.failed ? NULL : lock_query(conn, &err, name, sql.data, 0, NULL);
	if (res == NULL && err == 0)
		err = out_of_memory();
	buf_free(&sql);
	if (res == NULL)
		return err;
	state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	snprintf(what, sizeof(what), "invalid condition of --where for table %s", t->from);
	/* That the table has another name just now, workers find out. */
	if (PQresultStatus(res) != PGRES_TUPLES_OK &&
	    (state == NULL || strcmp(state, NO_SUCH_TABLE) != 0))
		err = query_report(conn, res, what);
	PQclear(res);
	return err;
}

int
look_at(struct table *t, PGconn *conn, const struct wanted *w)
{
	char name[300];
	int err;

	snprintf(name, sizeof(name), "table %s", t->from);
	wanted_where(w, &t->where, t->line_schema, t->line_name);
	if (t->where.len > 0)
		buf_add(&t->where, "", 1);
	if ((err = look(t, conn, name)) != 0)
		return err;
	if (t->where.len > 0 && !t->where.failed)
		err = try_where(t, conn, name);
	/* There may be many tables. */
	buf_trim(&t->columns);
	buf_trim(&t->look);
	buf_trim(&t->shape.text);
	return err == 0 && (t->look.failed || t->where.failed) ? out_of_memory() : err;
}
