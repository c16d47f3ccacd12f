#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "loop.h"
#include "query.h"
#include "snapshot.h"

/* Microseconds between two looks whether a transaction has ended: the first and the longest. */
#define FIRST_PAUSE 5000
#define LONGEST_PAUSE 200000

/* Microseconds of waiting after which that is told, and told again. */
#define NEWS_PAUSE (INT64_C(5) * 1000000)

/* Microseconds that the WAL writer may be late. */
#define LATE_WRITER 1500000

#define COULD_NOT "could not take a snapshot"
#define TOO_EARLY "the end came before there was a snapshot"

/* One value of one row, into a buffer of size bytes. 0, or the exit code after reporting. */
static int
ask(PGconn *conn, char *value, size_t size, const char *sql, int n, const char *const *values)
{
	int err;
	PGresult *res = query_rows(conn, &err, COULD_NOT, sql, n, values);

	if (res == NULL)
		return err;
	snprintf(value, size, "%s", PQntuples(res) == 1 ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	return 0;
}

/*
 * On a standby the timeline of what was replayed may be told late, but before anything else is
 * replayed on it.
 */
static int
note_timeline(struct snapshot *s)
{
	return ask(s->conn, s->timeline, sizeof(s->timeline),
	    "SELECT CASE WHEN pg_catalog.pg_is_in_recovery()"
	    " THEN (SELECT greatest(c.timeline_id, r.min_recovery_end_timeline)"
	    " FROM pg_catalog.pg_control_checkpoint() c, pg_catalog.pg_control_recovery() r)"
	    " ELSE ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name("
	    "pg_catalog.pg_current_wal_flush_lsn()), 1, 8))::bit(32)::integer END",
	    0, NULL);
}

/*
 * With synchronous_commit off one sees what a crash may take back, until it is flushed: after three
 * times wal_writer_delay (PostgreSQL documentation, "Asynchronous Commit"), unless the machine has so much
 * to do that the WAL writer comes late.  What a transaction has written that is still open may not be
 * flushed at all.
 */
static int
wait_for_flush(struct snapshot *s)
{
	int64_t deadline;
	char end[LSN_SIZE], delay[24], there[8];
	const char *value = end;
	int err;

	if ((err = ask(s->conn, end, sizeof(end),
		 "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN '0/0'"
		 " ELSE pg_catalog.pg_current_wal_insert_lsn() END",
		 0, NULL)) != 0 ||
	    (err = ask(s->conn, delay, sizeof(delay),
		 "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_writer_delay'", 0,
		 NULL)) != 0)
		return err;
	deadline = loop_now() + 3 * 1000 * strtoll(delay, NULL, 10) + LATE_WRITER;
	for (;;) {
		err = ask(s->conn, there, sizeof(there),
		    "SELECT pg_catalog.pg_is_in_recovery()"
		    " OR pg_catalog.pg_current_wal_flush_lsn() >= $1::pg_catalog.pg_lsn",
		    1, &value);
		if (err != 0 || *there == 't' || loop_now() >= deadline)
			return err;
		loop_wait(NULL, 0, loop_now() + FIRST_PAUSE);
		if (loop_ending())
			return log_temporary(TOO_EARLY);
	}
}

/*
 * How far the WAL is flushed: what is behind may be lost with a crash, and its place be that of other
 * changes then.  Definitions of tables that were seen before are not behind.
 */
static int
note_position(struct snapshot *s)
{
	int err = wait_for_flush(s);

	if (err != 0)
		return err;
	return ask(s->conn, s->lsn, sizeof(s->lsn),
	    "SELECT CASE WHEN pg_catalog.pg_is_in_recovery()"
	    " THEN pg_catalog.pg_last_wal_replay_lsn()"
	    " ELSE pg_catalog.pg_current_wal_flush_lsn() END",
	    0, NULL);
}

/*
 * The next transaction id, without taking one, also on a standby: age() counts from there back to
 * the snapshot's xmax, the id behind the last one that has ended.
 */
static int
note_next_xid(struct snapshot *s, char *xid, size_t size)
{
	return ask(s->conn, xid, size,
	    "SELECT m::text::numeric + pg_catalog.age(m::xid)"
	    " FROM pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) m",
	    0, NULL);
}

/* Who is waited for, as far as the server tells. */
static int
tell(const struct snapshot *s)
{
	char who[256];
	int err = ask(s->conn, who, sizeof(who),
	    "SELECT coalesce((SELECT 'process ' || pid || ', ' || coalesce(usename, '?') || ' in '"
	    " || coalesce(datname, '?') || ', begun ' || date_trunc('second', xact_start)"
	    " FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL"
	    " ORDER BY pg_catalog.age(backend_xid) DESC LIMIT 1),"
	    " (SELECT 'prepared transaction ' || gid FROM pg_catalog.pg_prepared_xacts"
	    " ORDER BY pg_catalog.age(transaction) DESC LIMIT 1), 'one that it does not name')",
	    0, NULL);

	if (err == 0)
		log_info("waiting for the end of open transactions, the oldest: %s", who);
	return err;
}

/* Wait until every transaction with an id below this one has ended. */
static int
wait_for_older(struct snapshot *s, const char *xid)
{
	int64_t pause = FIRST_PAUSE, news = loop_now() + NEWS_PAUSE;
	char ended[8];
	int err;

	for (;;) {
		err = ask(s->conn, ended, sizeof(ended),
		    "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) >= $1::xid8",
		    1, &xid);
		if (err != 0 || *ended == 't')
			return err;
		if (loop_now() >= news) {
			if ((err = tell(s)) != 0)
				return err;
			news = loop_now() + NEWS_PAUSE;
		}
		loop_wait(NULL, 0, loop_now() + pause);
		if (loop_ending())
			return log_temporary(TOO_EARLY);
		pause = 2 * pause < LONGEST_PAUSE ? 2 * pause : LONGEST_PAUSE;
	}
}

int
snapshot_await(PGconn *conn, uint64_t lsn, int64_t timeout)
{
	int64_t deadline = loop_now() + timeout, pause = FIRST_PAUSE;
	char wanted[LSN_SIZE], there[8];
	const char *value = wanted;
	int err;

	lsn_format(wanted, lsn);
	for (;;) {
		err = ask(conn, there, sizeof(there),
		    "SELECT NOT pg_catalog.pg_is_in_recovery()"
		    " OR pg_catalog.pg_last_wal_replay_lsn() >= $1::pg_lsn",
		    1, &value);
		if (err != 0 || *there == 't')
			return err;
		if (loop_now() >= deadline)
			return log_temporary(
			    "the standby has not replayed to %s within --timeout", wanted);
		loop_wait(NULL, 0, loop_now() + pause);
		if (loop_ending())
			return log_temporary(TOO_EARLY);
		pause = 2 * pause < LONGEST_PAUSE ? 2 * pause : LONGEST_PAUSE;
	}
}

/* Hold the snapshot of this command, or with an id that one, and let others have it. */
static int
hold(struct snapshot *s, const char *id)
{
	char import[SNAPSHOT_ID_SIZE + 40];
	int err;

	if ((err = query_run(
		 s->conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", COULD_NOT)) != 0)
		return err;
	if (id != NULL) {
		snprintf(import, sizeof(import), "SET TRANSACTION SNAPSHOT '%s'", id);
		if ((err = query_run(s->conn, import, COULD_NOT)) != 0)
			return err;
	}
	if ((err = ask(s->conn, s->id, sizeof(s->id), "SELECT pg_catalog.pg_export_snapshot()", 0,
		 NULL)) != 0)
		return err;
	/* Transaction ids that the last checkpoint does not know may be given again after a crash. */
	if ((err = ask(s->conn, s->xmin, sizeof(s->xmin),
		 "SELECT least(pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())"
		 "::text::numeric, pg_catalog.split_part(next_xid, ':', 1)::numeric * 4294967296"
		 " + pg_catalog.split_part(next_xid, ':', 2)::numeric)"
		 " FROM pg_catalog.pg_control_checkpoint()",
		 0, NULL)) != 0)
		return err;
	return wait_for_flush(s);
}

int
snapshot_take(struct snapshot *s, PGconn *conn)
{
	char xid[SNAPSHOT_XID_SIZE];
	int err;

	*s = (struct snapshot){ .conn = conn };
	if ((err = note_timeline(s)) != 0 || (err = note_position(s)) != 0 ||
	    (err = note_next_xid(s, xid, sizeof(xid))) != 0 || (err = wait_for_older(s, xid)) != 0)
		return err;
	return hold(s, NULL);
}

/* The server waits for the same transactions as we would. */
static int
wait_for_slot(struct snapshot *s, struct slot *slot)
{
	int err;

	while ((err = slot_wait(slot, loop_now() + NEWS_PAUSE)) == SLOT_PENDING) {
		if (loop_ending())
			return log_temporary(TOO_EARLY);
		if ((err = tell(s)) != 0)
			return err;
	}
	return err;
}

int
snapshot_of_slot(
    struct snapshot *s, PGconn *conn, struct slot *slot, const char *name, int failover)
{
	int err;

	*s = (struct snapshot){ .conn = conn };
	if ((err = note_timeline(s)) != 0 || (err = note_position(s)) != 0 ||
	    (err = slot_ask(slot, name, failover)) != 0 ||
	    (err = wait_for_slot(s, slot)) != SLOT_MADE)
		return err;
	return hold(s, slot->snapshot);
}

int
snapshot_release(struct snapshot *s)
{
	/* Why the server has ended the connection, if so: it would be lost with a write. */
	if (PQconsumeInput(s->conn) != 0)
		(void)PQisBusy(s->conn);
	PQclear(PQexec(s->conn, "COMMIT"));
	return PQstatus(s->conn) == CONNECTION_OK ? 0 : -1;
}
