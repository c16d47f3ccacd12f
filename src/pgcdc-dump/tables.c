#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "query.h"
#include "tables.h"

#define COULD_NOT "could not look for tables"
#define NO_SUCH_TABLE "42P01" /* SQLSTATE, also of a schema that is not there */

const char tables_state_sql[] =
    "SELECT coalesce(pg_catalog.pg_relation_filenode(c.oid), 0) || ' ' ||"
    " pg_catalog.md5(pg_catalog.concat(c.relnamespace, ' ', c.relname, ' ',"
    " (SELECT pg_catalog.string_agg(p.relnamespace::pg_catalog.regnamespace || '.' || p.relname,"
    " ',' ORDER BY p.oid) FROM pg_catalog.pg_partition_ancestors(c.oid) a"
    " JOIN pg_catalog.pg_class p ON p.oid = a.relid), ' ',"
    " (SELECT pg_catalog.string_agg(a.attnum || ' ' || a.attname || ' ' || a.atttypid"
    " || ' ' || a.atttypmod, ',' ORDER BY attnum) FROM pg_catalog.pg_attribute a"
    " WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)))"
    " FROM pg_catalog.pg_class c WHERE c.oid = $1";

/* The names of the line's table ($1), and of the heap ($2) for SQL. */
static const char names_sql
    [] = "SELECT ln.nspname, l.relname,"
	 " pg_catalog.quote_ident(hn.nspname) || '.' || pg_catalog.quote_ident(h.relname),"
	 " hn.nspname, h.relname"
	 " FROM pg_catalog.pg_class l JOIN pg_catalog.pg_namespace ln ON ln.oid = l.relnamespace,"
	 " pg_catalog.pg_class h JOIN pg_catalog.pg_namespace hn ON hn.oid = h.relnamespace"
	 " WHERE l.oid = $1 AND h.oid = $2";

/*
 * The columns of the line's table, in its order; what is generated is not in a stream either, but
 * from 18 on if a publication says so.  Those that identify a row in the stream are always wanted.
 */
static const char columns_sql
    [] = "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid,"
	 " pg_catalog.quote_ident(a.attname),"
	 " a.attnum = ANY (SELECT pg_catalog.unnest(i.indkey::pg_catalog.int2[])"
	 " FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid"
	 " AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END)"
	 " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
	 " WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped"
	 " AND CASE WHEN $2::text IS NULL THEN a.attgenerated = ''"
	 " ELSE a.attname = ANY ($2::name[]) AND (a.attgenerated = ''"
	 " OR pg_catalog.current_setting('server_version_num')::int >= 180000) END"
	 " ORDER BY CASE WHEN $3 THEN a.attname::text COLLATE \"C\" END, a.attnum";

enum column { NAME, TYPE, TYPE_OID, QUOTED, IS_IDENTITY };

static int
out_of_memory(void)
{
	return log_temporary("out of memory for a table");
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
add_column(struct table *t, const PGresult *res, int row)
{
	if (row_shape_add(&t->shape, PQgetvalue(res, row, NAME), PQgetvalue(res, row, TYPE),
		(uint32_t)strtoul(PQgetvalue(res, row, TYPE_OID), NULL, 10)) != 0)
		return not_utf8(t);
	if (t->columns.len > 0)
		buf_str(&t->columns, ",");
	buf_str(&t->columns, PQgetvalue(res, row, QUOTED));
	return 0;
}

static int
read_columns(struct table *t, PGconn *conn, const struct wanted *w)
{
	const char *values[] = { t->line_oid, t->attnames, t->shape.is_object ? "t" : "f" };
	int err = 0;
	PGresult *res = query_rows(conn, &err, COULD_NOT, columns_sql, 3, values);

	if (res == NULL)
		return err;
	for (int i = 0; i < PQntuples(res) && err == 0; i++)
		if (*PQgetvalue(res, i, IS_IDENTITY) == 't' ||
		    wanted_has(w, t->line_schema, t->line_name, PQgetvalue(res, i, NAME)))
			err = add_column(t, res, i);
	buf_add(&t->columns, "", 1);
	PQclear(res);
	return err;
}

/* A condition that does not stand for itself is refused before anything is written. */
static int
read_where(struct table *t, PGconn *conn, const struct wanted *w)
{
	struct buf sql = BUF_INIT;
	const char *state;
	char what[300];
	PGresult *res;
	int err = 0;

	wanted_where(w, &t->where, t->line_schema, t->line_name);
	if (t->where.len == 0)
		return 0;
	buf_add(&t->where, "", 1);
	buf_str(&sql, "SELECT FROM ONLY ");
	buf_str(&sql, t->from);
	buf_str(&sql, " WHERE ");
	buf_str(&sql, t->where.failed ? "" : t->where.data);
	buf_str(&sql, " LIMIT 0");
	buf_add(&sql, "", 1);
	if (sql.failed || t->where.failed) {
		buf_free(&sql);
		return out_of_memory();
	}
	/* As a query with parameters it can be no more than one command. */
	res = PQexecParams(conn, sql.data, 0, NULL, NULL, NULL, NULL, 0);
	buf_free(&sql);
	state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	snprintf(what, sizeof(what), "invalid condition of --where for table %s", t->from);
	/* That the table has another name just now, workers find out. */
	if (PQresultStatus(res) != PGRES_TUPLES_OK &&
	    (state == NULL || strcmp(state, NO_SUCH_TABLE) != 0))
		err = query_report(conn, res, what);
	PQclear(res);
	return err;
}

/* --- a look */

void
tables_look_sql(struct buf *b, const struct table *t)
{
	buf_str(b, "SELECT tableoid");
	buf_str(b, t->columns.len > 1 ? "," : "");
	buf_str(b, t->columns.data);
	buf_str(b, " FROM ONLY ");
	buf_str(b, t->from);
	buf_str(b, " LIMIT 0");
}

/* Which columns of which table the answer has, and their types. */
static void
note_look(struct buf *b, const PGresult *res)
{
	for (int i = 0; i < PQnfields(res); i++) {
		buf_uint(b, PQftable(res, i));
		buf_str(b, ".");
		buf_uint(b, (uint64_t)(PQftablecol(res, i) & 0xffff));
		buf_str(b, ".");
		buf_uint(b, PQftype(res, i));
		buf_str(b, ",");
	}
}

int
tables_is_as_before(const struct table *t, const PGresult *res)
{
	struct buf now = BUF_INIT;
	int is_same;

	note_look(&now, res);
	is_same = !now.failed && now.len == t->look.len &&
	          memcmp(now.data, t->look.data, now.len) == 0;
	buf_free(&now);
	return is_same;
}

int
tables_is_altered(const PGresult *res)
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

/* It shows also whether we may read; what is altered just now, workers find out. */
static int
look(struct table *t, PGconn *conn)
{
	struct buf sql = BUF_INIT;
	char what[300];
	PGresult *res;
	int err = 0;

	tables_look_sql(&sql, t);
	buf_add(&sql, "", 1);
	if (sql.failed || t->columns.failed) {
		buf_free(&sql);
		return out_of_memory();
	}
	res = PQexec(conn, sql.data);
	buf_free(&sql);
	snprintf(what, sizeof(what), "could not read table %s", t->from);
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		note_look(&t->look, res);
	else if (!tables_is_altered(res))
		err = query_report(conn, res, what);
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
	if (PQntuples(res) == 1 && query_text(&t->state, res, 0, 0) != 0)
		err = out_of_memory();
	else if (t->state == NULL && (t->state = strdup("")) == NULL)
		err = out_of_memory();
	PQclear(res);
	if (err != 0)
		return err;
	if ((res = query_rows(conn, &err, COULD_NOT, pages, 1, &oid)) == NULL)
		return err;
	t->pages = (uint32_t)strtoul(PQgetvalue(res, 0, 0), NULL, 10);
	PQclear(res);
	return 0;
}

static int
take_names(struct table *t, const PGresult *res)
{
	char **const names[] = { &t->line_schema, &t->line_name, &t->from, &t->schema, &t->name };
	int err;

	for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
		if (query_text(names[i], res, 0, i) != 0)
			return out_of_memory();
	/* A digest is of pages, and so of a heap. */
	err = t->shape.is_object ? row_shape_begin(&t->shape, t->schema, t->name)
	                         : row_shape_begin(&t->shape, t->line_schema, t->line_name);
	return err == 0 ? 0 : not_utf8(t);
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
	if (!t->is_gone)
		err = take_names(t, res);
	PQclear(res);
	return err;
}

int
tables_describe(struct table *t, PGconn *conn, const struct wanted *w)
{
	int err;

	if ((err = read_names(t, conn)) != 0 || t->is_gone ||
	    (err = read_columns(t, conn, w)) != 0 || (err = look(t, conn)) != 0 ||
	    (err = read_where(t, conn, w)) != 0 || (err = read_state(t, conn)) != 0)
		return err;
	return t->shape.text.failed || t->look.failed || t->state == NULL ? out_of_memory() : 0;
}

static void
forget(struct table *t)
{
	char **const texts[] = { &t->line_schema, &t->line_name, &t->from, &t->schema, &t->name,
		&t->state };
	int is_object;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	buf_free(&t->columns);
	buf_free(&t->look);
	buf_free(&t->where);
	is_object = t->shape.is_object;
	row_shape_free(&t->shape);
	t->shape.is_object = is_object;
	t->columns = t->look = t->where = BUF_INIT;
}

unsigned long
tables_file(const struct table *t)
{
	return strtoul(t->state, NULL, 10);
}

int
tables_renew(struct table *t, PGconn *conn, const struct wanted *w, int *is_rewritten)
{
	unsigned long file = tables_file(t);
	int err;

	forget(t);
	if ((err = tables_describe(t, conn, w)) != 0)
		return err;
	*is_rewritten = t->is_gone || tables_file(t) != file;
	return 0;
}

void
tables_forget(struct table *t)
{
	free(t->oid);
	free(t->line_oid);
	free(t->attnames);
	free(t->filter);
	forget(t);
}

void
tables_free(struct tables *ts)
{
	for (size_t i = 0; i < ts->n; i++)
		tables_forget(&ts->table[i]);
	free(ts->table);
	*ts = (struct tables){ .n = 0 };
}
