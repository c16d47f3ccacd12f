#include <stddef.h>

#include "log.h"
#include "loop.h"
#include "mark.h"
#include "sqlstate.h"

/* A transaction older than all that the slot may still need is confirmed, with its rows. */
static const char
    statement[] = "UPDATE pgcdc.schema_log l SET acked = true FROM pg_replication_slots s"
		  " WHERE s.slot_name = $1 AND NOT l.acked AND l.lsn <= s.confirmed_flush_lsn"
		  " AND age(l.xmin) > age(s.catalog_xmin)";

/* There is no use in trying again what is not granted. */
static void
stop(struct mark *m, const char *why)
{
	log_warn("could not mark rows of the schema log as confirmed: %s", why);
	m->next = LOOP_NEVER;
}

static void
take(struct mark *m, struct link *l)
{
	PGresult *res;

	while (m->is_asked && !PQisBusy(l->conn)) {
		const char *sqlstate;

		if ((res = PQgetResult(l->conn)) == NULL)
			m->is_asked = 0;
		sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
		if (sqlstate != NULL && sqlstate_code(sqlstate) == EXIT_PERMANENT)
			stop(m, PQresultErrorMessage(res));
		PQclear(res);
	}
}

void
mark_tend(struct mark *m, struct link *l)
{
	const char *values[] = { m->slot };

	if (!link_is_up(l)) {
		m->is_asked = 0;
		return;
	}
	take(m, l);
	if (loop_now() < mark_deadline(m))
		return;
	m->next = loop_now() + m->interval;
	m->is_asked = PQsendQueryParams(l->conn, statement, 1, NULL, values, NULL, NULL, 0) == 1;
}

int64_t
mark_deadline(const struct mark *m)
{
	return m->interval == 0 || m->slot[0] == '\0' || m->is_asked ? LOOP_NEVER : m->next;
}

int
mark_finish(struct mark *m, struct link *l, int64_t deadline, int64_t grace)
{
	while (m->is_asked) {
		if (link_await_result(l, deadline, grace) != 0)
			return -1;
		take(m, l);
	}
	return 0;
}
