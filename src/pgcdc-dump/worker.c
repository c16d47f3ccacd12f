#include <stdio.h>
#include <string.h>

#include "log.h"
#include "query.h"
#include "worker.h"

static const char settings[] = VALUE_SETTINGS "SET client_min_messages = 'warning';"
					      "SET statement_timeout = 0;"
					      "SET lock_timeout = 0;"
					      "SET idle_in_transaction_session_timeout = 0;"
					      "SET synchronize_seqscans = off";

int
worker_open(struct worker *w, const struct connect_target *server)
{
	int err;

	*w = (struct worker){ .state = WORKER_IDLE };
	if ((err = connect_open(&w->conn, server, NULL)) != 0 ||
	    (err = query_run(w->conn, settings, "could not configure the session")) != 0)
		return err;
	if (PQsetnonblocking(w->conn, 1) != 0)
		return log_temporary("could not set up a connection: %s", PQerrorMessage(w->conn));
	return 0;
}

/* --- asking */

/* Most rows that a page of 32 KiB, the largest, has room for. */
#define ROWS_A_PAGE 1171

/* Before 14 a range of TIDs is no scan of its own: each TID that a page may have is named. */
static void
add_pages(struct buf *b, const struct worker *w)
{
	const struct range *r = &w->range;
	char text[256];

	if (PQserverVersion(w->conn) >= 140000)
		snprintf(text, sizeof(text), "ctid >= '(%u,0)' AND ctid < '(%u,0)'", r->first,
		    r->last + 1);
	else
		snprintf(text, sizeof(text),
		    "ctid = ANY (ARRAY(SELECT ('(' || p || ',' || i || ')')::tid"
		    " FROM generate_series(%u::bigint, least(%u, pg_catalog.pg_relation_size(%s)"
		    " / current_setting('block_size')::bigint)) p, generate_series(1, %d) i))",
		    r->first, r->last, r->table->oid, ROWS_A_PAGE);
	buf_str(b, text);
}

/* One transaction: the table is locked against DDL, looked at, and read. */
static void
make_sql(struct worker *w, const struct snapshot *s)
{
	const struct table *t = w->range.table;
	struct buf *b = &w->sql;
	const char *oid = strstr(tables_state_sql, "$1");

	b->len = 0;
	buf_str(b, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '");
	buf_str(b, s->id);
	buf_str(b, "'; SELECT FROM ONLY ");
	buf_str(b, t->from);
	buf_str(b, " LIMIT 0; ");
	buf_add(b, tables_state_sql, (size_t)(oid - tables_state_sql));
	buf_str(b, t->oid);
	buf_str(b, "; COPY (SELECT ");
	buf_str(b, t->columns.data);
	buf_str(b, " FROM ONLY ");
	buf_str(b, t->from);
	buf_str(b, " WHERE ");
	add_pages(b, w);
	if (t->filter != NULL) {
		buf_str(b, " AND (");
		buf_str(b, t->filter);
		buf_str(b, ")");
	}
	buf_str(b, ") TO STDOUT; COMMIT");
	buf_add(b, "", 1);
}

int
worker_begin(struct worker *w, const struct range *r, const struct snapshot *s)
{
	w->range = *r;
	w->lsn = s->lsn;
	w->rows = 0;
	w->is_altered = 0;
	make_sql(w, s);
	if (w->sql.failed)
		return log_temporary("out of memory for a query");
	if (PQsendQuery(w->conn, w->sql.data) == 0)
		return log_temporary("could not ask for rows: %s", PQerrorMessage(w->conn));
	w->state = WORKER_ASKED;
	return 0;
}

/* --- answers */

static int
failed(const struct worker *w, const PGresult *res)
{
	char what[512];

	snprintf(what, sizeof(what), "could not read pages %u to %u of table %s", w->range.first,
	    w->range.last, w->range.table->from);
	return query_report(w->conn, res, what);
}

/* The result of one command of the transaction. 0, or the exit code after reporting. */
static int
take_result(struct worker *w, const PGresult *res)
{
	switch (PQresultStatus(res)) {
	case PGRES_COMMAND_OK:
		return 0;
	case PGRES_TUPLES_OK:
		if (PQnfields(res) == 1 && (PQntuples(res) == 0 || strcmp(PQgetvalue(res, 0, 0),
								       w->range.table->state) != 0))
			w->is_altered = 1;
		return 0;
	case PGRES_COPY_OUT:
		w->state = WORKER_COPYING;
		return 0;
	default:
		return failed(w, res);
	}
}

static int
bad_row(const struct worker *w, const char *why)
{
	return log_permanent("pages %u to %u of table %s have %s", w->range.first, w->range.last,
	    w->range.table->from, why);
}

/* Rows that are here. 0, or the exit code after reporting. */
static int
take_rows(struct worker *w, struct buf *out, size_t limit)
{
	char *row;
	int len;

	w->unread = 0;
	while (out->len < limit) {
		size_t before = out->len;
		const char *why = NULL;

		if ((len = PQgetCopyData(w->conn, &row, 1)) == 0)
			return 0;
		if (len < 0) {
			w->state = WORKER_ENDING;
			return len == -1 ? 0 : failed(w, NULL);
		}
		if (!w->is_altered)
			why = row_write(
			    out, &w->range.table->shape, w->lsn, row, (size_t)len - 1, &w->scratch);
		PQfreemem(row);
		if (why != NULL) {
			out->len = before;
			return bad_row(w, why);
		}
		if (out->failed)
			return log_temporary(
			    "out of memory for a row of table %s", w->range.table->from);
		w->rows++;
	}
	w->unread = 1;
	return 0;
}

int
worker_take(struct worker *w, struct buf *out, size_t limit)
{
	PGresult *res;
	int err = 0;

	/* While rows are left libpq is not asked to read: its buffer would grow each time. */
	if (!w->unread && PQconsumeInput(w->conn) == 0)
		return failed(w, NULL);
	while (err == 0 && w->state != WORKER_IDLE) {
		if (w->state == WORKER_COPYING) {
			err = take_rows(w, out, limit);
			if (err != 0 || w->state == WORKER_COPYING)
				return err;
		}
		if (PQisBusy(w->conn))
			return 0;
		if ((res = PQgetResult(w->conn)) == NULL) {
			w->state = WORKER_IDLE;
			return 0;
		}
		err = take_result(w, res);
		PQclear(res);
	}
	return err;
}

void
worker_close(struct worker *w)
{
	PQfinish(w->conn);
	buf_free(&w->scratch);
	buf_free(&w->sql);
}
