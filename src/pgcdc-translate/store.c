#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect.h"
#include "log.h"
#include "loop.h"
#include "lsn.h"
#include "sqlstate.h"
#include "store.h"
#include "unmatched.h"

/* The newest migration whose tables we know. */
#define MIGRATION "0003_publish"

/* Microseconds between attempts to reach a store that has gone away; doubled each time. */
#define FIRST_PAUSE 250000
#define LONGEST_PAUSE 8000000

/* Microseconds that a store which has not gone away may take for its answer, at least. */
#define SHORTEST_PATIENCE 1000000

static const char settings[] = "SET search_path = '';"
			       "SET client_min_messages = 'warning';"
			       "SET default_transaction_read_only = off;"
			       "SET synchronous_commit = off;"
			       "SET lock_timeout = '100ms';"
			       "SET statement_timeout = '30s'";

/*
 * The newest row of the log at or below the LSN that describes the table.  A table that is older
 * than the log has its first row after it: then that row holds, if it is a baseline.  So it does
 * for the rows of CREATE TABLE AS, where no other table has the name at that LSN: what the
 * last row described may have been dropped, or go by another name.
 *
 * A renamed schema's tables are not locked: the new names hold from the commit.  Until the
 * stream has brought it, which is when it gets its commit_lsn, they do not, unless the commit
 * was before all that the slot holds; where no other table has the name, there is no doubt.
 */
static const char from_log[] =
    "WITH described AS (SELECT l.*, d.value AS definition, coalesce(l.commit_lsn, l.lsn) AS since,"
    " l.command_tag = 'ALTER SCHEMA' AND l.commit_lsn IS NULL AND NOT l.acked"
    " AND NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.slot_name = $4::text"
    " AND age(l.xmin) > age(s.catalog_xmin)) AS is_to_come"
    " FROM pgcdc.schema_log l, jsonb_array_elements(l.schema -> 'tables') d"
    " WHERE l.schema ? 'tables' AND pgcdc.described(l.schema) @> ARRAY[$1::text || '.' || $2::text]"
    " AND d.value ->> 'schema' = $1 AND d.value ->> 'name' = $2),"
    " newest AS (SELECT * FROM described WHERE since <= $3::pg_lsn"
    " ORDER BY is_to_come, since DESC, id DESC LIMIT 1),"
    " next AS (SELECT * FROM described WHERE since > $3::pg_lsn ORDER BY since, id LIMIT 1),"
    " chosen AS (SELECT 1 AS rank, *, $3::pg_lsn AS valid_from FROM next"
    " WHERE CASE WHEN definition ? 'rows_before' THEN NOT EXISTS (SELECT FROM newest o WHERE NOT EXISTS ("
    "SELECT FROM pgcdc.schema_log g WHERE g.lsn > o.lsn AND g.lsn <= $3::pg_lsn"
    " AND (g.dropped @> jsonb_build_array(jsonb_build_object('id', o.definition -> 'id'))"
    " OR g.schema @> jsonb_build_object('tables',"
    " jsonb_build_array(jsonb_build_object('id', o.definition -> 'id')))))) END"
    " UNION ALL SELECT 2, *, since FROM newest"
    " UNION ALL SELECT 3, *, '0/0' FROM next WHERE command_tag = 'BASELINE'"
    " ORDER BY rank LIMIT 1)"
    " SELECT id, lsn, valid_from, (SELECT min(since) FROM described"
    " WHERE since > c.since AND NOT is_to_come), definition, json_build_array("
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

/* A transaction older than all that the slot may still need is confirmed, with its rows. */
static const char
    mark[] = "UPDATE pgcdc.schema_log l SET acked = true FROM pg_replication_slots s"
	     " WHERE s.slot_name = $1 AND NOT l.acked AND l.lsn <= s.confirmed_flush_lsn"
	     " AND age(l.xmin) > age(s.catalog_xmin)";

/* The stream may have been here before, and the commit is where it was. */
static const char commit[] =
    "UPDATE pgcdc.schema_log SET commit_lsn = $2 WHERE id = ANY ($1::bigint[]) AND commit_lsn IS NULL";

/* Report the failure of a query, or of the connection when there is no result. */
static int
report(struct store *s, const PGresult *res)
{
	const char *sqlstate = res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *message = sqlstate != NULL ? PQresultErrorMessage(res)
	                                       : PQerrorMessage(s->conn);
	int is_privilege = sqlstate != NULL && strcmp(sqlstate, "42501") == 0;

	if (sqlstate_code(sqlstate) == EXIT_PERMANENT)
		return log_permanent("could not read the schema log: %s%s", message,
		    is_privilege ? "; \"pgcdc init --role\" grants what a reader needs" : "");
	return log_temporary("could not read the schema log: %s", message);
}

static PGresult *
run(struct store *s, const char *sql, int n, const char *const *values)
{
	return PQexecParams(s->conn, sql, n, NULL, values, NULL, NULL, 0);
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

static int
connect_store(struct store *s)
{
	PGresult *res;
	int err;

	PQfinish(s->conn);
	s->is_marking = 0;
	if ((err = connect_open(&s->conn, &s->options->store, NULL)) != 0)
		return err;
	res = PQexec(s->conn, settings);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		err = report(s, res);
	PQclear(res);
	return err;
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

	*s = (struct store){ .options = o, .next_mark = loop_now() + o->acked_interval };
	if ((err = connect_check_identity(&o->store)) != 0 || (err = connect_store(s)) != 0 ||
	    (err = check_migrations(s)) != 0)
		return err;
	return check_kind(s);
}

/* What patterns are to match. */
static const char matched[] = "table of the store";

static void
warn_unmatched_selections(
    const struct selections *selections, const char *option, const PGresult *tables)
{
	for (size_t i = 0; i < selections->n; i++)
		unmatched_warn(selections->item[i].table, option, tables, matched);
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
	unmatched_warn_filter(f, res, matched);
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

static int
gave_up(void)
{
	if (loop_ending())
		return log_temporary("the schema log could not be asked before the end");
	return log_temporary("the store did not come back within --store-timeout");
}

/* The store is away: come back to it, or give up at the deadline. */
static int
come_back(struct store *s, int64_t deadline)
{
	int64_t pause = FIRST_PAUSE, until;
	int err;

	for (;;) {
		until = loop_now() + pause;
		while (loop_now() < until && !loop_ending())
			loop_wait(NULL, 0, until);
		if (loop_ending())
			return gave_up();
		if ((err = connect_store(s)) != EXIT_TEMPORARY)
			return err;
		if (loop_now() + pause >= deadline)
			return gave_up();
		if ((pause *= 2) > LONGEST_PAUSE)
			pause = LONGEST_PAUSE;
	}
}

/* Wait for a result: 0, or -1 when the deadline has passed or the connection is lost. */
static int
await_result(struct store *s, int64_t deadline)
{
	struct pollfd p = { .fd = PQsocket(s->conn), .events = POLLIN };
	int64_t give_up = deadline;

	while (PQisBusy(s->conn)) {
		if (loop_ending() && loop_now() + s->options->shutdown_timeout < give_up)
			give_up = loop_now() + s->options->shutdown_timeout;
		if (loop_now() >= give_up)
			return -1;
		loop_wait(&p, 1, give_up);
		if (PQconsumeInput(s->conn) == 0)
			return -1;
	}
	return 0;
}

/* A result that is still to come would stand before the next one. */
static int
finish_marking(struct store *s, int64_t deadline)
{
	PGresult *res;

	while (s->is_marking) {
		if (await_result(s, deadline) != 0)
			return -1;
		if ((res = PQgetResult(s->conn)) == NULL)
			s->is_marking = 0;
		PQclear(res);
	}
	return 0;
}

/* The answer, or NULL as await_result(). */
static PGresult *
answer(struct store *s, const char *sql, int n, const char *const *values, int64_t deadline)
{
	PGresult *first, *more;

	if (finish_marking(s, deadline) != 0 ||
	    PQsendQueryParams(s->conn, sql, n, NULL, values, NULL, NULL, 0) != 1 ||
	    await_result(s, deadline) != 0)
		return NULL;
	first = PQgetResult(s->conn);
	while ((more = PQgetResult(s->conn)) != NULL)
		PQclear(more);
	return first;
}

/*
 * The answer, with its own error if it has one; or NULL with *err after reporting, when the
 * store is away for longer than --store-timeout.
 */
static PGresult *
patient_answer(struct store *s, const char *sql, int n, const char *const *values, int *err)
{
	int64_t deadline = loop_now() + s->options->store_timeout;
	int64_t patience = loop_now() + SHORTEST_PATIENCE;
	PGresult *res;

	for (;;) {
		res = answer(s, sql, n, values, deadline > patience ? deadline : patience);
		if (PQstatus(s->conn) == CONNECTION_OK) {
			*err = res != NULL ? 0 : gave_up();
			return res;
		}
		if (loop_now() >= deadline) {
			*err = report(s, res);
			PQclear(res);
			return NULL;
		}
		log_warn("lost the connection to the store: %s", PQerrorMessage(s->conn));
		PQclear(res);
		if ((*err = come_back(s, deadline)) != 0)
			return NULL;
	}
}

int
store_ask(
    struct store *s, struct store_answer *a, const char *schema, const char *table, uint64_t lsn)
{
	const char *values[] = { schema, table, lsn_text(lsn), s->slot };
	PGresult *res;
	int err;

	res = s->keeps_log ? patient_answer(s, from_log, 4, values, &err)
	                   : patient_answer(s, from_catalog, 2, values, &err);
	if (res == NULL)
		return err;
	err = PQresultStatus(res) == PGRES_TUPLES_OK ? take_answer(a, res) : report(s, res);
	PQclear(res);
	return err;
}

int
store_commit(struct store *s, const char *ids, uint64_t lsn)
{
	const char *values[] = { ids, lsn_text(lsn) };
	PGresult *res;
	int err;

	if (!s->keeps_log)
		return 0;
	if ((res = patient_answer(s, commit, 2, values, &err)) == NULL)
		return err;
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		log_warn(
		    "could not note in the schema log that a schema was renamed at %s, so that "
		    "behind a restart rows which others wrote before may get the ids of "
		    "another table of their name: %s",
		    lsn_text(lsn), PQresultErrorMessage(res));
	PQclear(res);
	return 0;
}

/* There is no use in trying again what is not granted. */
static void
stop_marking(struct store *s, const char *why)
{
	log_warn("could not mark rows of the schema log as confirmed: %s", why);
	s->next_mark = LOOP_NEVER;
}

static void
take_mark(struct store *s)
{
	PGresult *res;

	if (PQconsumeInput(s->conn) == 0) {
		s->is_marking = 0; /* store_ask() sees it, and comes back */
		return;
	}
	while (!PQisBusy(s->conn)) {
		const char *sqlstate;

		if ((res = PQgetResult(s->conn)) == NULL) {
			s->is_marking = 0;
			return;
		}
		sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
		if (sqlstate != NULL && sqlstate_code(sqlstate) == EXIT_PERMANENT)
			stop_marking(s, PQresultErrorMessage(res));
		PQclear(res);
	}
}

void
store_mark(struct store *s)
{
	const char *values[] = { s->slot };

	if (s->is_marking)
		take_mark(s);
	if (s->conn == NULL || s->is_marking || loop_now() < store_deadline(s))
		return;
	s->next_mark = loop_now() + s->options->acked_interval;
	if (PQstatus(s->conn) == CONNECTION_OK &&
	    PQsendQueryParams(s->conn, mark, 1, NULL, values, NULL, NULL, 0) == 1)
		s->is_marking = 1;
}

struct pollfd
store_pollfd(const struct store *s)
{
	return (struct pollfd){ .fd = s->is_marking ? PQsocket(s->conn) : -1, .events = POLLIN };
}

int64_t
store_deadline(const struct store *s)
{
	if (s->conn == NULL || !s->keeps_log || s->slot[0] == '\0' ||
	    s->options->acked_interval == 0 || s->is_marking)
		return LOOP_NEVER;
	return s->next_mark;
}

void
store_close(struct store *s)
{
	PQfinish(s->conn);
	s->conn = NULL;
}
