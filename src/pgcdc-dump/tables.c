#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "query.h"
#include "tables.h"

#define COULD_NOT "could not look for tables"

#define STATE                                                                                         \
	"SELECT coalesce(pg_catalog.pg_relation_filenode(c.oid), 0) || ' ' ||"                        \
	" pg_catalog.md5(pg_catalog.concat(c.relnamespace, ' ', c.relname, ' ',"                      \
	" (SELECT pg_catalog.string_agg(p.relnamespace::pg_catalog.regnamespace || '.' || p.relname," \
	" ',' ORDER BY p.oid) FROM pg_catalog.pg_partition_ancestors(c.oid) a"                        \
	" JOIN pg_catalog.pg_class p ON p.oid = a.relid), ' ',"                                       \
	" (SELECT pg_catalog.string_agg(a.attnum || ' ' || a.attname || ' ' || a.atttypid"            \
	" || ' ' || a.atttypmod || a.attgenerated::text, ',' ORDER BY attnum)"                        \
	" FROM pg_catalog.pg_attribute a"                                                             \
	" WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), ' ', c.relreplident,"    \
	" (SELECT pg_catalog.string_agg(k.key, ',' ORDER BY k.key) FROM"                              \
	" (SELECT i.indkey::text || i.indisprimary AS key FROM pg_catalog.pg_index i"                 \
	" WHERE i.indrelid = c.oid AND (i.indisprimary OR i.indisreplident)) k)))"                    \
	" FROM pg_catalog.pg_class c WHERE c.oid = $1"

const char tables_state_sql[] = STATE;

/* The names of the line's table ($2), and of the heap ($1) for SQL, and what it looks like. */
static const char names_sql
    [] = "SELECT ln.nspname, l.relname,"
	 " pg_catalog.quote_ident(hn.nspname) || '.' || pg_catalog.quote_ident(h.relname),"
	 " hn.nspname, h.relname, (" STATE ")"
	 " FROM pg_catalog.pg_class l JOIN pg_catalog.pg_namespace ln ON ln.oid = l.relnamespace,"
	 " pg_catalog.pg_class h JOIN pg_catalog.pg_namespace hn ON hn.oid = h.relnamespace"
	 " WHERE l.oid = $2 AND h.oid = $1";

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
	wanted_see(w, t->line_schema, t->line_name, NULL);
	for (int i = 0; i < PQntuples(res) && err == 0; i++) {
		const char *name = PQgetvalue(res, i, NAME);

		wanted_see(w, t->line_schema, t->line_name, name);
		if (*PQgetvalue(res, i, IS_IDENTITY) == 't' ||
		    wanted_has(w, t->line_schema, t->line_name, name))
			err = add_column(t, res, i);
	}
	buf_add(&t->columns, "", 1);
	PQclear(res);
	return err;
}

static int
take_names(struct table *t, const PGresult *res)
{
	char **const names[] = { &t->line_schema, &t->line_name, &t->from, &t->schema, &t->name,
		&t->state };
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
	const char *values[] = { t->oid, t->line_oid };
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

	if ((err = read_names(t, conn)) != 0 || t->is_gone || (err = read_columns(t, conn, w)) != 0)
		return err;
	return t->shape.text.failed || t->columns.failed || t->state == NULL ? out_of_memory() : 0;
}

void
tables_forget(struct table *t)
{
	char **const texts[] = { &t->line_schema, &t->line_name, &t->from, &t->schema, &t->name,
		&t->state };
	int is_object = t->shape.is_object;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	buf_free(&t->columns);
	buf_free(&t->look);
	buf_free(&t->where);
	row_shape_free(&t->shape);
	t->shape.is_object = is_object;
	t->columns = t->look = t->where = BUF_INIT;
}

unsigned long
tables_file(const struct table *t)
{
	return strtoul(t->state, NULL, 10);
}

void
tables_free_one(struct table *t)
{
	free(t->oid);
	free(t->line_oid);
	free(t->attnames);
	free(t->filter);
	tables_forget(t);
}

void
tables_free(struct tables *ts)
{
	for (size_t i = 0; i < ts->n; i++)
		tables_free_one(&ts->table[i]);
	free(ts->table);
	*ts = (struct tables){ .n = 0 };
}
