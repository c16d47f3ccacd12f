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
 *
 * A renamed schema's tables are not locked: the new names hold from the commit.  Until the
 * stream has brought it, which is when schema_commits gets it, they do not, unless the commit
 * was before all that the slot holds; where no other table has the name, there is no doubt.
 *
 * A row with a column that this one lacks was written behind a change that the log has missed,
 * which a baseline, or what follows a gap, has caught up with.
 */
static const char from_log[] =
    "WITH described AS (SELECT l.*, d.value AS definition, coalesce(k.lsn, l.lsn) AS since,"
    " l.command_tag = 'ALTER SCHEMA' AND k.id IS NULL AND NOT l.acked"
    " AND NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.slot_name = $4::text"
    " AND age(l.xmin) > age(s.catalog_xmin)) AS is_to_come"
    " FROM pgcdc.schema_log l LEFT JOIN pgcdc.schema_commits k USING (id),"
    " jsonb_array_elements(l.schema -> 'tables') d"
    " WHERE l.schema ? 'tables' AND pgcdc.described(l.schema) @> ARRAY[$1::text || '.' || $2::text]"
    " AND d.value ->> 'schema' = $1 AND d.value ->> 'name' = $2),"
    " newest AS (SELECT * FROM described WHERE since <= $3::pg_lsn"
    " ORDER BY is_to_come, since DESC, id DESC LIMIT 1),"
    " next AS (SELECT * FROM described WHERE since > $3::pg_lsn ORDER BY since, id LIMIT 1),"
    " chosen AS (SELECT 0 AS rank, *, $3::pg_lsn AS valid_from FROM next WHERE $5::bool"
    " AND (command_tag = 'BASELINE' OR EXISTS (SELECT FROM pgcdc.schema_log g"
    " WHERE g.schema ? 'gap' AND g.lsn < next.lsn AND g.lsn > (SELECT since FROM newest)))"
    " UNION ALL SELECT 1, *, $3::pg_lsn FROM next"
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

/* The stream may have been here before, and the commit is where it was. */
static const char commit
    [] = "INSERT INTO pgcdc.schema_commits SELECT unnest($1::bigint[]), $2 ON CONFLICT DO NOTHING";

int
store_open(struct store *s, const struct options *o)
{
	int err;

	*s = (struct store){ .options = o };
	if ((err = link_open(&s->link, &o->store)) != 0 ||
	    (err = survey_take(&s->survey, &s->link)) != 0 ||
	    (err = survey_patterns(&s->link, o)) != 0)
		return err;
	s->mark = (struct mark){
		.interval = s->survey.keeps_log ? o->acked_interval : 0,
		.next = loop_now() + o->acked_interval,
	};
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

/* Does the store show the transaction of the question?  As query(). */
static PGresult *
shows(struct store *s, const struct store_question *q, int64_t deadline)
{
	const char *values[] = { lsn_text(q->commit != 0 ? q->commit + 1 : q->lsn), q->xid };

	return query(s, is_shown, 2, values, deadline);
}

static int
is_no(const PGresult *res)
{
	return PQresultStatus(res) == PGRES_TUPLES_OK && *PQgetvalue(res, 0, 0) == 'f';
}

/*
 * The result of a query, which may be an error; or NULL with *err, after reporting that the store
 * did not come back in time.  With q, only when the store shows the transaction of the question.
 */
static PGresult *
patient_query(struct store *s, const char *sql, int n, const char *const *values,
    const struct store_question *q, int *err)
{
	int64_t deadline = loop_now() + s->options->store_timeout;
	int was_behind = 0;
	PGresult *res;

	link_hurry(&s->link);
	for (;;) {
		int64_t limit;

		if ((*err = link_await(&s->link, deadline)) != 0)
			return NULL;
		limit = loop_now() + SHORTEST_PATIENCE;
		if (limit < deadline)
			limit = deadline;
		res = q != NULL ? shows(s, q, limit) : NULL;
		if (q != NULL && is_no(res)) {
			PQclear(res);
			if (!was_behind)
				log_info("waiting for the store, which is behind the stream at %s",
				    lsn_text(q->lsn));
			was_behind = 1;
			if ((*err = wait_to_look_again(s, deadline)) != 0)
				return NULL;
			continue;
		}
		if (q == NULL || PQresultStatus(res) == PGRES_TUPLES_OK) {
			PQclear(res);
			res = query(s, sql, n, values, limit);
		}
		if (PQstatus(s->link.conn) == CONNECTION_OK) {
			*err = res != NULL ? 0 : link_gave_up("it does not answer");
			return res;
		}
		PQclear(res);
		link_lose(&s->link);
	}
}

/* What the store says; with shown, only when it shows the transaction of the question. */
static PGresult *
ask(struct store *s, const struct store_question *q, int shown, int *err)
{
	char lsn[LSN_SIZE];
	const char *values[] = { q->schema, q->name, lsn, s->mark.slot, q->is_lacking ? "t" : "f" };

	lsn_format(lsn, q->lsn);
	return s->survey.keeps_log
	           ? patient_query(s, from_log, 5, values, shown ? q : NULL, err)
	           : patient_query(s, from_catalog, 2, values, shown ? q : NULL, err);
}

/*
 * What a primary does not show yet the stream has brought, but for CREATE TABLE AS, so an answer
 * of its is right.  It must not be waited for: we may be what the transaction waits for.
 */
int
store_ask(struct store *s, struct store_answer *a, const struct store_question *q)
{
	PGresult *res = NULL;
	int err;

	if (!s->survey.is_standby && (res = ask(s, q, 0, &err)) == NULL)
		return err;
	if (res == NULL || (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 0)) {
		PQclear(res);
		res = ask(s, q, 1, &err);
	}
	if (res == NULL)
		return err;
	err = PQresultStatus(res) == PGRES_TUPLES_OK ? take_answer(a, res)
	                                             : link_failure(&s->link, res);
	PQclear(res);
	return err;
}

int
store_check_slot(struct store *s)
{
	static const char sql[] = "SELECT database, current_database() FROM pg_replication_slots"
				  " WHERE slot_name = $1 AND database <> current_database()";
	const char *values[] = { s->mark.slot };
	PGresult *res;
	int err;

	if (!link_is_up(&s->link))
		return 0;
	if ((res = patient_query(s, sql, 1, values, NULL, &err)) == NULL)
		return err;
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		err = link_failure(&s->link, res);
	else if (PQntuples(res) > 0)
		err = log_permanent("slot \"%s\" of the stream is of database \"%s\", and the "
				    "store is database \"%s\"; name the stream's own database "
				    "with --store",
		    s->mark.slot, PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
	PQclear(res);
	return err;
}

int
store_commit(struct store *s, const char *ids, uint64_t lsn)
{
	char at[LSN_SIZE];
	const char *values[] = { ids, at };
	PGresult *res;
	int err;

	if (!s->survey.keeps_log)
		return 0;
	lsn_format(at, lsn);
	if ((res = patient_query(s, commit, 2, values, NULL, &err)) == NULL)
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
