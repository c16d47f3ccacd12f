#include <stdio.h>
#include <string.h>

#include "log.h"
#include "look.h"
#include "query.h"
#include "worker.h"

static const char settings[] = VALUE_SETTINGS SESSION_SETTINGS "SET synchronize_seqscans = off";

int
worker_open(struct worker *w, const struct connect_target *server)
{
	int err;

	worker_close(w);
	*w = (struct worker){ .state = WORKER_IDLE };
	if ((err = connect_open(&w->conn, server, NULL)) != 0 ||
	    (err = query_run(w->conn, settings, "could not configure the session")) != 0)
		return err;
	if (PQsetnonblocking(w->conn, 1) != 0)
		return log_temporary("could not set up a connection: %s", PQerrorMessage(w->conn));
	return 0;
}

int
worker_is_open(const struct worker *w)
{
	return PQstatus(w->conn) == CONNECTION_OK;
}

/* --- asking */

/* Most rows that a page of 32 KiB, the largest, has room for. */
#define ROWS_A_PAGE 1171

/*
 * Before 14 a range of TIDs is no scan of its own: each TID that a page may have is named.  A table that
 * is gone, while another one has its name, has no pages, and no size.
 */
static void
add_pages(struct buf *b, const struct worker *w)
{
	const struct range *r = &w->range;
	char text[320];

	if (PQserverVersion(w->conn) >= 140000)
		snprintf(
		    text, sizeof(text), "ctid >= '(%u,0)' AND ctid < '(%u,0)'", r->first, r->end);
	else
		snprintf(text, sizeof(text),
		    "ctid = ANY (ARRAY(SELECT ('(' || p || ',' || i || ')')::tid"
		    " FROM generate_series(%u::bigint, least(%u,"
		    " coalesce(pg_catalog.pg_relation_size(%s), 0)"
		    " / current_setting('block_size')::bigint) - 1) p, generate_series(1, %d) i))",
		    r->first, r->end, w->table->oid, ROWS_A_PAGE);
	buf_str(b, text);
}

/*
 * Rows of transactions from xmin on, by the distance to the next transaction id, from where age()
 * counts: what a snapshot with that xmin does not see is among them, subtransactions, too.
 */
static void
add_news(struct buf *b, const char *xmin)
{
	buf_str(
	    b, " AND pg_catalog.age(xmin) <= (SELECT m::text::numeric + pg_catalog.age(m::xid) - ");
	buf_str(b, xmin);
	buf_str(b, " FROM pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) m)");
}

static void
add_copy(struct buf *b, const struct worker *w, const char *xmin)
{
	const struct table *t = w->table;

	buf_str(b, "COPY (SELECT ");
	buf_str(b, t->columns.data);
	buf_str(b, " FROM ONLY ");
	buf_str(b, t->from);
	buf_str(b, " WHERE ");
	add_pages(b, w);
	if (xmin != NULL)
		add_news(b, xmin);
	if (t->filter != NULL) {
		buf_str(b, " AND (");
		buf_str(b, t->filter);
		buf_str(b, ")");
	}
	if (t->where.len > 0) {
		buf_str(b, " AND ");
		buf_str(b, t->where.data);
	}
	buf_str(b, ") TO STDOUT; ");
}

/* One transaction: the table is locked against DDL, looked at, and read. */
static void
make_sql(struct worker *w, const struct snapshot *s, const char *xmin)
{
	const char *parameter = strstr(tables_state_sql, "$1");
	struct buf *b = &w->sql;

	b->len = 0;
	if (PQtransactionStatus(w->conn) == PQTRANS_INERROR)
		buf_str(b, "ROLLBACK; ");
	buf_str(b, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '");
	buf_str(b, s->id);
	buf_str(b, "'; ");
	look_sql(b, w->table);
	buf_str(b, "; ");
	buf_add(b, tables_state_sql, (size_t)(parameter - tables_state_sql));
	buf_str(b, w->table->oid);
	buf_str(b, "; ");
	add_copy(b, w, xmin);
	buf_str(b, "COMMIT");
	buf_add(b, "", 1);
}

int
worker_begin(struct worker *w, const struct table *t, const struct range *r,
    const struct snapshot *s, const char *xmin)
{
	w->table = t;
	w->range = *r;
	w->lsn = s->lsn;
	w->rows = 0;
	w->digest = (struct digest){ .rows = 0 };
	w->is_lost = w->is_altered = 0;
	make_sql(w, s, xmin);
	if (w->sql.failed)
		return log_temporary("out of memory for a query");
	/* That the connection is cut comes out when an answer is looked for. */
	if (PQsendQuery(w->conn, w->sql.data) == 0 && worker_is_open(w))
		return log_temporary("could not ask for rows: %s", PQerrorMessage(w->conn));
	w->state = WORKER_ASKED;
	return 0;
}

/* --- answers */

/* Which pages, for messages; valid until the next call. */
static const char *
place(const struct worker *w)
{
	static char text[300];
	char end[16] = "its end";

	if (w->range.end != PLAN_END)
		snprintf(end, sizeof(end), "%u", w->range.end - 1);
	snprintf(
	    text, sizeof(text), "pages %u to %s of table %s", w->range.first, end, w->table->from);
	return text;
}

/*
 * Another try may mend it: a standby replays what removes rows that the snapshot sees (40001); the
 * server ends the session (57P..); the one that held the snapshot is gone, which each version's import
 * says in another way; the snapshot is too old for old_snapshot_threshold (72000, up to 16).
 */
static int
is_passing(const struct worker *w, const char *state)
{
	static const char *const of_import[] = { "22023", "42704", "55000" };

	if (strcmp(state, "40001") == 0 || strcmp(state, "72000") == 0 ||
	    strncmp(state, "57P", 3) == 0)
		return 1;
	for (size_t i = 0; i < sizeof(of_import) / sizeof(of_import[0]); i++)
		if (w->state == WORKER_ASKED && strcmp(state, of_import[i]) == 0)
			return 1;
	return 0;
}

/* An error that another try may mend: 0, and w says why; or the exit code after reporting. */
static int
failed(struct worker *w, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	char what[400];

	if (look_is_altered(res)) {
		w->is_lost = w->is_altered = 1;
		return 0;
	}
	if (worker_is_open(w) && (state == NULL || !is_passing(w, state))) {
		snprintf(what, sizeof(what), "could not read %s", place(w));
		return query_report(w->conn, res, what);
	}
	if (!w->is_lost)
		log_info("%s are read again: %s", place(w),
		    state != NULL ? PQresultErrorMessage(res) : PQerrorMessage(w->conn));
	w->is_lost = 1;
	if (!worker_is_open(w))
		w->state = WORKER_IDLE;
	return 0;
}

/* The answer to the look has columns of a table; the other one is its state. */
static int
is_as_before(const struct table *t, const PGresult *res)
{
	if (PQftable(res, 0) != InvalidOid)
		return look_is_as_before(t, res);
	return PQntuples(res) == 1 && strcmp(PQgetvalue(res, 0, 0), t->state) == 0;
}

/* The result of one command of the transaction. 0, or the exit code after reporting. */
static int
take_result(struct worker *w, const PGresult *res)
{
	switch (PQresultStatus(res)) {
	case PGRES_COMMAND_OK:
		return 0;
	case PGRES_TUPLES_OK:
		if (!is_as_before(w->table, res))
			w->is_lost = w->is_altered = 1;
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
	return log_permanent("%s have %s", place(w), why);
}

/* Onto the stream, or into the digest. NULL, or why it cannot be. */
static const char *
take_row(struct worker *w, struct buf *out, const char *row, size_t len)
{
	const struct row_shape *shape = &w->table->shape;
	const char *why;

	if (!shape->is_object)
		return row_write(out, shape, w->lsn, row, len, &w->scratch);
	w->row.len = 0;
	why = row_object(&w->row, shape, row, len, &w->scratch);
	if (why == NULL && !w->row.failed)
		digest_add(&w->digest, w->row.data, w->row.len);
	out->failed |= w->row.failed;
	return why;
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
			return 0; /* an error is the next result */
		}
		if (!w->is_altered)
			why = take_row(w, out, row, (size_t)len - 1);
		PQfreemem(row);
		if (why != NULL) {
			out->len = before;
			return bad_row(w, why);
		}
		if (out->failed)
			return log_temporary("out of memory for a row of table %s", w->table->from);
		w->rows += !w->is_altered;
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
	buf_free(&w->row);
	buf_free(&w->sql);
}
