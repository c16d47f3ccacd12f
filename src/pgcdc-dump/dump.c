#include "dump.h"
#include "log.h"
#include "loop.h"
#include "query.h"

/* Lines waiting for stdout: above this no more rows are taken. */
#define HIGH_WATER (256 * 1024)

static const char control_settings[] = "SET search_path = '';"
				       "SET quote_all_identifiers = off;"
				       "SET client_min_messages = 'warning';"
				       "SET statement_timeout = 0;"
				       "SET idle_in_transaction_session_timeout = 0";

/* --- the beginning */

static int
write_head(struct dump *d)
{
	int err;
	PGresult *res = query_rows(d->control, &err, "could not identify the server",
	    "SELECT system_identifier FROM pg_catalog.pg_control_system()", 0, NULL);

	if (res == NULL)
		return err;
	source_head(&d->source, PQgetvalue(res, 0, 0));
	PQclear(res);
	return 0;
}

static int
open_all(struct dump *d)
{
	const struct options *o = &d->options;
	int err;

	if ((err = source_open(&d->source, o->ack, &o->wait_for, o->shutdown_timeout)) != 0 ||
	    (err = connect_check_identity(&o->server)) != 0 ||
	    (err = connect_open(&d->control, &o->server, NULL)) != 0 ||
	    (err = query_run(d->control, control_settings, "could not configure the session")) !=
		0 ||
	    (err = tables_find(&d->tables, d->control, o)) != 0)
		return err;
	plan_begin(&d->plan, &d->tables, (uint32_t)o->range_pages);
	for (; d->n_workers < o->jobs; d->n_workers++)
		if ((err = worker_open(&d->worker[d->n_workers], &o->server)) != 0)
			return err;
	if ((err = snapshot_take(&d->snapshot, d->control)) != 0)
		return err;
	return write_head(d);
}

/* --- the flow */

static int
has_room(const struct dump *d)
{
	return out_pending(&d->source.out) < HIGH_WATER;
}

/* An idle worker gets the next range, if there is one. */
static int
employ(struct dump *d, struct worker *w)
{
	struct range range;

	if (loop_ending() || !plan_next(&d->plan, &range))
		return 0;
	d->busy++;
	return worker_begin(w, &range, &d->snapshot);
}

static int
finished(struct dump *d, struct worker *w)
{
	d->busy--;
	if (w->is_altered)
		return log_temporary("table %s was altered or rewritten while it was dumped; "
				     "start again",
		    w->range.table->from);
	d->rows += w->rows;
	d->ranges++;
	source_mark(&d->source);
	return 0;
}

/* Let each worker have its turn, as far as there is room. */
static int
serve(struct dump *d)
{
	int err = 0;

	for (size_t i = 0; i < d->n_workers && err == 0 && has_room(d); i++) {
		struct worker *w = &d->worker[d->turn++ % d->n_workers];

		if (w->state != WORKER_IDLE) {
			err = worker_take(w, &d->source.out.buf, d->source.out.sent + HIGH_WATER);
			if (err == 0 && w->state == WORKER_IDLE)
				err = finished(d, w);
		}
		if (err == 0 && w->state == WORKER_IDLE)
			err = employ(d, w);
	}
	if (err == 0 && d->source.out.buf.failed)
		err = log_temporary("out of memory for a line");
	return err;
}

static int
wait_for_any(struct dump *d)
{
	struct pollfd fds[DUMP_JOBS];
	int64_t deadline = LOOP_NEVER;
	int taking = has_room(d);

	for (size_t i = 0; i < d->n_workers; i++) {
		const struct worker *w = &d->worker[i];
		int unsent = PQflush(w->conn);

		fds[i] = (struct pollfd){ .fd = PQsocket(w->conn),
			.events = (short)((taking && w->state != WORKER_IDLE ? POLLIN : 0) |
					  (unsent ? POLLOUT : 0)) };
		if (fds[i].events == 0)
			fds[i].fd = -1;
		/* What is in a buffer makes no descriptor ready. */
		if (taking && w->unread)
			deadline = loop_now();
	}
	return source_wait(&d->source, fds, (unsigned)d->n_workers, deadline);
}

/* Until all ranges are read: 0, SOURCE_DOWNSTREAM_GONE, or the exit code after reporting. */
static int
flow(struct dump *d)
{
	int err;

	for (;;) {
		if ((err = serve(d)) != 0 || (err = source_write(&d->source)) != SOURCE_GOES_ON)
			return err;
		if (d->busy == 0 && (loop_ending() || d->plan.at == d->tables.n))
			return 0;
		if ((err = wait_for_any(d)) != SOURCE_GOES_ON)
			return err;
	}
}

static int
run(struct dump *d)
{
	int err = flow(d);

	if (err > 0)
		return err;
	err = source_end(&d->source, err == SOURCE_DOWNSTREAM_GONE);
	if (err == 0 && d->plan.at < d->tables.n)
		return log_temporary("the end came before all tables were read");
	return err;
}

int
dump_run(struct dump *d)
{
	int err = open_all(d);

	if (err == 0)
		err = run(d);
	if (err == 0)
		log_info("read %llu rows of %zu tables in %llu ranges", (unsigned long long)d->rows,
		    d->tables.n, (unsigned long long)d->ranges);
	for (size_t i = 0; i < d->n_workers; i++)
		worker_close(&d->worker[i]);
	PQfinish(d->control);
	tables_free(&d->tables);
	source_free(&d->source);
	return err;
}
