#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "loop.h"
#include "lsn.h"
#include "sqlstate.h"
#include "store.h"

/* The newest migration whose tables we know. */
#define MIGRATION "0003_publish"

/* Microseconds between two looks at a store that is behind the stream. */
#define LOOK_AGAIN 100000

/* Microseconds that a store which has not gone away may take for its answer, at least. */
#define SHORTEST_PATIENCE 1000000

/*
 * Does the store show what the row's transaction and those before it have committed?  On a standby
 * that is so when the commit is replayed; else when no snapshot takes the transaction for a running
 * one, as a commit is sent down the stream before it is shown, with a synchronous standby long
 * before.  The line has the low 32 bits of the transaction's id: it is the one near to those of now.
 * To be asked in a statement of its own, as the next one has a later snapshot.
 */
static const char is_shown[] =
    "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() >= $1::pg_lsn"
    " ELSE coalesce(pg_visible_in_snapshot(greatest(xid, 3)::text::xid8, now), true) END"
    " FROM (SELECT now, next + ((($2::bigint - next + 2147483648) & 4294967295) - 2147483648) AS xid"
    " FROM (SELECT now, pg_snapshot_xmax(now)::text::bigint AS next"
    " FROM pg_current_snapshot() AS now) AS n) AS x";

/*
 * The newest row of the log at or below the LSN that describes the table.  A table that is older
 * than the log has its first row after it: then that row holds, if it is a baseline.  So it does
 * for the rows of CREATE TABLE AS, where no other table has the name at that LSN: what the
 * last row described may have been dropped, or go by another name.
 */
static const char from_log[] =
    "WITH described AS (SELECT l.*, d.value AS definition"
    " FROM pgcdc.schema_log l, jsonb_array_elements(l.schema -> 'tables') d"
    " WHERE l.schema ? 'tables' AND pgcdc.described(l.schema) @> ARRAY[$1::text || '.' || $2::text]"
    " AND d.value ->> 'schema' = $1 AND d.value ->> 'name' = $2),"
    " newest AS (SELECT * FROM described WHERE lsn <= $3::pg_lsn ORDER BY lsn DESC, id DESC LIMIT 1),"
    " next AS (SELECT * FROM described WHERE lsn > $3::pg_lsn ORDER BY lsn, id LIMIT 1),"
    " chosen AS (SELECT 1 AS rank, *, $3::pg_lsn AS valid_from FROM next"
    " WHERE CASE WHEN definition ? 'rows_before' THEN NOT EXISTS (SELECT FROM newest o WHERE NOT EXISTS ("
    "SELECT FROM pgcdc.schema_log g WHERE g.lsn > o.lsn AND g.lsn <= $3::pg_lsn"
    " AND (g.dropped @> jsonb_build_array(jsonb_build_object('id', o.definition -> 'id'))"
    " OR g.schema @> jsonb_build_object('tables',"
    " jsonb_build_array(jsonb_build_object('id', o.definition -> 'id')))))) END"
    " UNION ALL SELECT 2, *, lsn FROM newest"
    " UNION ALL SELECT 3, *, '0/0' FROM next WHERE command_tag = 'BASELINE'"
    " ORDER BY rank LIMIT 1)"
    " SELECT id, lsn, valid_from, (SELECT min(lsn) FROM described WHERE lsn > c.lsn), definition, json_build_array("
    " json_build_object('name', 'id', 'type', 'bigint', 'value', id),"
    " json_build_object('name', 'lsn', 'type', 'pg_lsn', 'value', lsn),"
    " json_build_object('name', 'version', 'type', 'bigint', 'value', version),"
    " json_build_object('name', 'schema_name', 'type', 'text', 'value', schema_name),"
    " json_build_object('name', 'command_tag', 'type', 'text', 'value', command_tag),"
    " json_build_object('name', 'schema', 'type', 'jsonb', 'value',"
    " jsonb_build_object('tables', jsonb_build_array(definition))::text)) FROM chosen c";

/* As much of that as the catalog of this moment has; ids are made of the table's oid. */
static const char from_catalog[] =
    "SELECT NULL, NULL, '0/0', NULL, json_build_object('id', 'o' || c.oid,"
    " 'schema', n.nspname, 'name', c.relname,"
    " 'columns', (SELECT coalesce(json_agg(json_build_object('id', 'o' || c.oid || '-' || attnum,"
    " 'name', attname) ORDER BY attnum), '[]') FROM pg_attribute"
    " WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),"
    " 'identity', (SELECT json_agg('o' || c.oid || '-' || k.attnum ORDER BY k.n)"
    " FROM unnest(i.indkey[:i.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, n))), NULL"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN LATERAL (SELECT * FROM pg_index WHERE indrelid = c.oid"
    " AND indisunique AND indimmediate AND indpred IS NULL AND indexprs IS NULL"
    " AND CASE c.relreplident WHEN 'd' THEN indisprimary WHEN 'i' THEN indisreplident"
    " WHEN 'f' THEN NOT EXISTS (SELECT FROM unnest(indkey[:indnkeyatts - 1]) AS u(attnum)"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum"
    " WHERE NOT a.attnotnull) ELSE false END"
    " ORDER BY indisprimary DESC, indexrelid LIMIT 1) i ON true"
    " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'f')";

/* Report the failure of a query, or of the connection when there is no result. */
static int
report(struct store *s, const PGresult *res)
{
	const char *sqlstate = res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *message = sqlstate != NULL ? PQresultErrorMessage(res)
	                                       : PQerrorMessage(s->link.conn);
	int is_privilege = sqlstate != NULL && strcmp(sqlstate, "42501") == 0;

	if (sqlstate_code(sqlstate) == EXIT_PERMANENT)
		return log_permanent("could not read the schema log: %s%s", message,
		    is_privilege ? "; \"pgcdc init --role\" grants what a reader needs" : "");
	return log_temporary("could not read the schema log: %s", message);
}

static PGresult *
run(struct store *s, const char *sql, int n, const char *const *values)
{
	return PQexecParams(s->link.conn, sql, n, NULL, values, NULL, NULL, 0);
}

/* A query at the start: the result, or NULL after reporting, with *err. */
static PGresult *
question(struct store *s, int *err, const char *sql)
{
	PGresult *res = run(s, sql, 0, NULL);

	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return res;
	*err = report(s, res);
	PQclear(res);
	return NULL;
}

/* Is there a log, of a version that we know? */
static int
check_migrations(struct store *s)
{
	PGresult *res;
	int err;

	if ((res = question(s, &err,
		 "SELECT to_regclass('pgcdc.schema_log') IS NULL,"
		 " current_database()")) == NULL)
		return err;
	if (*PQgetvalue(res, 0, 0) == 't') {
		err = log_permanent("database \"%s\" has no schema log; run \"pgcdc init\" there, "
				    "or name another with --store",
		    PQgetvalue(res, 0, 1));
		PQclear(res);
		return err;
	}
	PQclear(res);
	if ((res = question(s, &err,
		 "SELECT name FROM pgcdc.migrations WHERE name > '" MIGRATION
		 "' ORDER BY name LIMIT 1")) == NULL)
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
ask_system_identifier(struct store *s)
{
	PGresult *res;
	int err;

	res = question(s, &err, "SELECT system_identifier FROM pg_control_system()");
	if (res == NULL)
		return err;
	snprintf(s->system_identifier, sizeof(s->system_identifier), "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	return 0;
}

static int
check_kind(struct store *s)
{
	PGresult *res;
	int err, may_ask;

	if ((res = question(s, &err,
		 "SELECT EXISTS (SELECT FROM pgcdc.schema_log WHERE schema ? 'tables')"
		 " OR EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'pgcdc_drop'),"
		 " has_function_privilege('pg_control_system()', 'execute')")) == NULL)
		return err;
	s->keeps_log = *PQgetvalue(res, 0, 0) == 't';
	may_ask = *PQgetvalue(res, 0, 1) == 't';
	PQclear(res);
	if (!s->keeps_log)
		log_warn(
		    "no schema changes are logged in the store: keys and ids are those of its "
		    "catalog now, and what was renamed or dropped since a row was written gets "
		    "none; \"pgcdc init\" without --no-ddl logs them");
	return may_ask ? ask_system_identifier(s) : 0;
}

int
store_open(struct store *s, const struct options *o)
{
	int err;

	*s = (struct store){ .options = o };
	if ((err = link_open(&s->link, &o->store)) != 0 || (err = check_migrations(s)) != 0 ||
	    (err = check_kind(s)) != 0)
		return err;
	s->mark = (struct mark){
		.interval = s->keeps_log ? o->acked_interval : 0,
		.next = loop_now() + o->acked_interval,
	};
	return 0;
}

static void
warn_unmatched(
    const struct opt_list *patterns, const char *option, const PGresult *tables, int whole)
{
	int n = PQntuples(tables);

	for (size_t i = 0; i < patterns->n; i++) {
		int t = 0;

		while (t < n && !filter_matches(patterns->item[i], PQgetvalue(tables, t, 0),
				    whole ? PQgetvalue(tables, t, 1) : NULL))
			t++;
		if (t == n)
			log_warn("pattern \"%s\" of option \"--%s\" matches no table of the store",
			    patterns->item[i], option);
	}
}

static void
warn_unmatched_selections(
    const struct selections *selections, const char *option, const PGresult *tables)
{
	for (size_t i = 0; i < selections->n; i++) {
		char *pattern = (char *)(uintptr_t)selections->item[i].table;

		warn_unmatched(&(struct opt_list){ &pattern, 1 }, option, tables, 1);
	}
}

int
store_check_patterns(struct store *s)
{
	const struct filter *f = &s->options->filter;
	const struct definition_choice *c = &s->options->choice;
	PGresult *res;
	int err;

	if (f->tables.n + f->exclude.n + f->schemas.n + f->exclude_schemas.n + c->identity.n +
		c->columns.n + c->exclude_columns.n ==
	    0)
		return 0;
	res = question(s, &err,
	    "SELECT n.nspname, c.relname FROM pg_class c"
	    " JOIN pg_namespace n ON n.oid = c.relnamespace"
	    " WHERE c.relkind IN ('r', 'p', 'f')");
	if (res == NULL)
		return err;
	warn_unmatched(&f->tables, "tables", res, 1);
	warn_unmatched(&f->exclude, "exclude-tables", res, 1);
	warn_unmatched(&f->schemas, "schemas", res, 0);
	warn_unmatched(&f->exclude_schemas, "exclude-schemas", res, 0);
	warn_unmatched_selections(&c->identity, "identity", res);
	warn_unmatched_selections(&c->columns, "columns", res);
	warn_unmatched_selections(&c->exclude_columns, "exclude-columns", res);
	PQclear(res);
	return 0;
}

static uint64_t
lsn_value(const PGresult *res, int column, uint64_t absent)
{
	uint64_t lsn;

	if (PQgetisnull(res, 0, column) ||
	    lsn_parse(&lsn, PQgetvalue(res, 0, column), (size_t)PQgetlength(res, 0, column)) != 0)
		return absent;
	return lsn;
}

static char *
text_value(const PGresult *res, int column)
{
	return PQgetisnull(res, 0, column) ? NULL : strdup(PQgetvalue(res, 0, column));
}

static int
take_answer(struct store_answer *a, const PGresult *res)
{
	*a = (struct store_answer){ .until = UINT64_MAX };
	if (PQntuples(res) == 0)
		return 0;
	a->schema_id = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
	a->lsn = lsn_value(res, 1, 0);
	a->from = lsn_value(res, 2, 0);
	a->until = lsn_value(res, 3, UINT64_MAX);
	a->table = text_value(res, 4);
	a->row = text_value(res, 5);
	if (a->table != NULL && (a->row != NULL || PQgetisnull(res, 0, 5)))
		return 0;
	free(a->table);
	return log_temporary("out of memory");
}

/* The result of a query, or NULL when the deadline has passed or the connection is lost. */
static PGresult *
query(struct store *s, const char *sql, int n, const char *const *values, int64_t deadline)
{
	int64_t grace = s->options->shutdown_timeout;
	PGconn *conn = s->link.conn;
	PGresult *first, *more;

	if (mark_finish(&s->mark, &s->link, deadline, grace) != 0 ||
	    PQsendQueryParams(conn, sql, n, NULL, values, NULL, NULL, 0) != 1 ||
	    link_await_result(&s->link, deadline, grace) != 0)
		return NULL;
	first = PQgetResult(conn);
	while ((more = PQgetResult(conn)) != NULL)
		PQclear(more);
	return first;
}

static int
wait_to_look_again(struct store *s, int64_t deadline)
{
	int64_t until = loop_now() + LOOK_AGAIN;

	while (link_is_up(&s->link) && loop_now() < until) {
		struct pollfd p = link_pollfd(&s->link);

		if (loop_ending() || loop_now() >= deadline)
			return link_gave_up("it is behind the stream");
		loop_wait(&p, 1, deadline < until ? deadline : until);
		link_tend(&s->link, p.revents);
	}
	return 0;
}

/* The result for the question; where *is_behind or a failure, that of the one before it. */
static PGresult *
ask(struct store *s, const struct store_question *q, int64_t deadline, int *is_behind)
{
	const char *at = lsn_text(q->commit != 0 ? q->commit + 1 : q->lsn);
	const char *moment[] = { at, q->xid }, *values[] = { q->schema, q->name, lsn_text(q->lsn) };
	PGresult *res = query(s, is_shown, 2, moment, deadline);
	int is_known = PQresultStatus(res) == PGRES_TUPLES_OK;

	*is_behind = is_known && *PQgetvalue(res, 0, 0) == 'f';
	if (*is_behind || !is_known)
		return res;
	PQclear(res);
	return s->keeps_log ? query(s, from_log, 3, values, deadline)
	                    : query(s, from_catalog, 2, values, deadline);
}

int
store_ask(struct store *s, struct store_answer *a, const struct store_question *q)
{
	int64_t deadline = loop_now() + s->options->store_timeout, patience;
	int err, is_behind, was_behind = 0;
	PGresult *res;

	link_hurry(&s->link);
	for (;;) {
		if ((err = link_await(&s->link, deadline)) != 0)
			return err;
		patience = loop_now() + SHORTEST_PATIENCE;
		res = ask(s, q, deadline > patience ? deadline : patience, &is_behind);
		if (is_behind) {
			PQclear(res);
			if (!was_behind)
				log_info("waiting for the store, which is behind the stream at %s",
				    lsn_text(q->lsn));
			was_behind = 1;
			if ((err = wait_to_look_again(s, deadline)) != 0)
				return err;
			continue;
		}
		if (PQresultStatus(res) == PGRES_TUPLES_OK) {
			err = take_answer(a, res);
			PQclear(res);
			return err;
		}
		if (PQstatus(s->link.conn) == CONNECTION_OK)
			break;
		PQclear(res);
		link_lose(&s->link);
	}
	err = res != NULL ? report(s, res) : link_gave_up("it does not answer");
	PQclear(res);
	return err;
}

struct pollfd
store_pollfd(const struct store *s)
{
	return link_pollfd(&s->link);
}

int64_t
store_deadline(const struct store *s)
{
	return link_is_up(&s->link) ? mark_deadline(&s->mark) : link_deadline(&s->link);
}

void
store_tend(struct store *s, short revents)
{
	link_tend(&s->link, revents);
	mark_tend(&s->mark, &s->link);
}

void
store_close(struct store *s)
{
	link_close(&s->link);
}
