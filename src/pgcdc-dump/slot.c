#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "lock.h"
#include "log.h"
#include "loop.h"
#include "query.h"
#include "slot.h"
#include "worker.h"

#define COULD_NOT "could not make the slot of --create-slot"

/* Of options in parentheses only servers from 15 on know. */
static int
make_sql(struct buf *b, PGconn *conn, const char *name, int failover)
{
	char *quoted = PQescapeIdentifier(conn, name, strlen(name));

	if (quoted == NULL)
		return log_permanent(COULD_NOT ": %s", PQerrorMessage(conn));
	buf_str(b, "CREATE_REPLICATION_SLOT ");
	buf_str(b, quoted);
	buf_str(b, " LOGICAL pgoutput ");
	buf_str(b, failover ? "(SNAPSHOT 'export', FAILOVER)" : "EXPORT_SNAPSHOT");
	buf_add(b, "", 1);
	PQfreemem(quoted);
	return b->failed ? log_temporary("out of memory for a slot") : 0;
}

int
slot_open(struct slot *s, const struct connect_target *server)
{
	int err;

	*s = (struct slot){ .conn = NULL };
	if ((err = connect_open(&s->conn, server, "database")) != 0)
		return err;
	/* The server waits for open transactions with a lock on each. */
	return query_run(s->conn, SESSION_SETTINGS, "could not configure the session");
}

int
slot_ask(struct slot *s, const char *name, int failover)
{
	struct buf sql = BUF_INIT;
	int err;

	if (failover && PQserverVersion(s->conn) < 170000)
		return log_permanent(
		    "--failover needs server version 17 or later; leave the option out");
	if ((err = make_sql(&sql, s->conn, name, failover)) != 0)
		return err;
	if (PQsendQuery(s->conn, sql.data) == 0)
		err = query_report(s->conn, NULL, COULD_NOT);
	else
		s->is_pending = 1;
	buf_free(&sql);
	return err;
}

/* The answer: slot_name, consistent_point, snapshot_name, output_plugin. */
static int
take_answer(struct slot *s)
{
	PGresult *res = PQgetResult(s->conn);
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	int err = SLOT_MADE;

	s->is_pending = 0;
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQnfields(res) == 4)
		snprintf(s->snapshot, sizeof(s->snapshot), "%s", PQgetvalue(res, 0, 2));
	else if (state != NULL && strcmp(state, "42710") == 0)
		err = SLOT_EXISTS;
	else
		err = query_report(s->conn, res, COULD_NOT);
	PQclear(res);
	return err;
}

int
slot_wait(struct slot *s, int64_t deadline)
{
	for (;;) {
		struct pollfd fd = { .fd = PQsocket(s->conn), .events = POLLIN };

		if (PQconsumeInput(s->conn) == 0)
			return query_report(s->conn, NULL, COULD_NOT);
		if (!PQisBusy(s->conn))
			return take_answer(s);
		if (loop_ending() || loop_now() >= deadline)
			return SLOT_PENDING;
		if (loop_wait(&fd, 1, deadline) < 0)
			return log_temporary(COULD_NOT ": could not wait");
	}
}

void
slot_close(struct slot *s)
{
	/* Else the server would go on waiting, and have the slot meanwhile. */
	if (s->is_pending)
		lock_cancel(s->conn);
	PQfinish(s->conn);
}
