#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The server's identity, on the stream and in the progress file. */
static int
begin_stream(struct dump *d)
{
	int err;
	PGresult *res = query_rows(d->control, &err, "could not identify the server",
	    "SELECT system_identifier FROM pg_catalog.pg_control_system()", 0, NULL);

	if (res == NULL)
		return err;
	source_head(&d->source, PQgetvalue(res, 0, 0));
	err = progress_open(&d->progress, d->options.progress_file, PQgetvalue(res, 0, 0));
	PQclear(res);
	return err;
}

/* The file that a table's rows are in, which is another one when it was rewritten. */
static unsigned long
file_of(const struct table *t)
{
	return strtoul(t->state, NULL, 10);
}

static int
keep_xmin(struct dump *d, uint32_t n, const char *xmin)
{
	char(*grown)[SNAPSHOT_XID_SIZE] = realloc(d->xmin, (n + 1) * sizeof(*grown));

	if (grown == NULL)
		return log_temporary("out of memory for a snapshot");
	d->xmin = grown;
	snprintf(d->xmin[n], SNAPSHOT_XID_SIZE, "%s", xmin);
	return 0;
}

/* Pages that an earlier run has read, unless the table was rewritten or is not wanted now. */
static int
take_read(struct dump *d, const struct progress_entry *e)
{
	for (size_t i = 0; i < d->tables.n; i++) {
		const struct table *t = &d->tables.table[i];

		if (strcmp(t->oid, e->oid) == 0 && file_of(t) == e->file && e->snapshot > 0 &&
		    e->snapshot < d->plan.newest && e->first < e->end)
			return plan_mark(&d->plan, i, e->first, e->end, e->snapshot) == 0
			           ? 0
			           : log_temporary("out of memory for a plan");
	}
	return 0;
}

/* What earlier runs have done. */
static int
resume(struct dump *d)
{
	struct progress_entry e;
	int found, err;

	while ((found = progress_next(&d->progress, &e, &err)) > 0) {
		switch (e.kind) {
		case PROGRESS_SNAPSHOT:
			if (e.snapshot != d->plan.newest)
				return log_permanent("progress file \"%s\" is damaged; give "
						     "--progress-file another one",
				    d->progress.path);
			if ((err = keep_xmin(d, e.snapshot, e.xmin)) != 0)
				return err;
			plan_renew(&d->plan);
			break;
		case PROGRESS_READ:
			if ((err = take_read(d, &e)) != 0)
				return err;
			break;
		case PROGRESS_DONE:
			d->is_complete = 1;
			break;
		}
	}
	return found < 0 ? err : 0;
}

/* The next snapshot; tables were described before, so that no row is older than its table. */
static int
take_snapshot(struct dump *d)
{
	struct progress_entry e = { .kind = PROGRESS_SNAPSHOT, .snapshot = d->plan.newest };
	int err;

	if ((err = snapshot_await(d->control, d->options.min_lsn, d->options.timeout)) != 0 ||
	    (err = snapshot_take(&d->snapshot, d->control)) != 0 ||
	    (err = keep_xmin(d, d->plan.newest, d->snapshot.xmin)) != 0)
		return err;
	strcpy(e.xmin, d->snapshot.xmin);
	if (d->progress.path != NULL)
		progress_add(&d->progress, &e);
	return 0;
}

static int
make_plan(struct dump *d)
{
	if (plan_begin(&d->plan, d->tables.n, (uint32_t)d->options.range_pages) != 0)
		return log_temporary("out of memory for a plan");
	for (size_t i = 0; i < d->tables.n; i++)
		if (plan_restart(&d->plan, i, d->tables.table[i].pages) != 0)
			return log_temporary("out of memory for a plan");
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
	    (err = tables_find(&d->tables, d->control, o)) != 0 || (err = make_plan(d)) != 0 ||
	    (err = begin_stream(d)) != 0 || (err = resume(d)) != 0 || d->is_complete)
		return err;
	for (; d->n_workers < o->jobs; d->n_workers++)
		if ((err = worker_open(&d->worker[d->n_workers], &o->server)) != 0)
			return err;
	return take_snapshot(d);
}

/* --- another snapshot */

static int
renew_tables(struct dump *d)
{
	for (size_t i = 0; i < d->tables.n; i++) {
		struct table *t = &d->tables.table[i];
		int is_rewritten, err;

		if (!t->is_altered)
			continue;
		if ((err = tables_renew(t, d->control, &is_rewritten)) != 0)
			return err;
		t->is_altered = 0;
		if (is_rewritten && plan_restart(&d->plan, i, t->pages) != 0)
			return log_temporary("out of memory for a plan");
		if (t->is_gone)
			log_info("a table was dropped while it was dumped");
		else
			log_info("table %s was altered%s", t->from,
			    is_rewritten ? ", and is read from its beginning" : "");
	}
	return 0;
}

static int
renew(struct dump *d)
{
	int err;

	if ((err = snapshot_release(&d->snapshot)) != 0 || (err = renew_tables(d)) != 0)
		return err;
	plan_renew(&d->plan);
	if ((err = take_snapshot(d)) != 0)
		return err;
	d->is_lost = 0;
	return 0;
}

/* --- the flow */

/* When --max-rate allows the next byte. */
static int64_t
next_byte(const struct dump *d)
{
	const struct out *out = &d->source.out;

	if (d->options.max_rate == 0)
		return 0;
	return d->begun + (int64_t)((double)(out->written + out_pending(out)) /
				    (double)d->options.max_rate * 1e6);
}

static int
has_room(const struct dump *d)
{
	return out_pending(&d->source.out) < HIGH_WATER && loop_now() >= next_byte(d);
}

/* An idle worker gets the next range, if there is one. */
static int
employ(struct dump *d, struct worker *w)
{
	const struct table *t;
	struct range range;
	int found;

	if (loop_ending() || d->is_lost)
		return 0;
	while ((found = plan_next(&d->plan, &range)) > 0) {
		t = &d->tables.table[range.table];
		if (!t->is_gone) {
			d->busy++;
			return worker_begin(w, t, &range, &d->snapshot,
			    range.read > 0 ? d->xmin[range.read] : NULL);
		}
		plan_done(&d->plan, &range);
	}
	return found < 0 ? log_temporary("out of memory for a plan") : 0;
}

/* When what was written until now is acknowledged, the range is done. */
static void
mark(struct dump *d, const struct worker *w)
{
	struct dump_mark m = { .range = w->range, .snapshot = d->plan.newest };

	source_mark(&d->source);
	if (d->progress.path == NULL)
		return;
	m.token = d->source.token;
	m.file = file_of(w->table);
	buf_add(&d->unacked, &m, sizeof(m));
}

static void
finished(struct dump *d, struct worker *w)
{
	d->busy--;
	d->rows += w->rows;
	if (w->is_lost) {
		d->is_lost = 1;
		d->tables.table[w->range.table].is_altered |= w->is_altered;
		plan_give_back(&d->plan, &w->range);
		return;
	}
	d->ranges++;
	plan_done(&d->plan, &w->range);
	mark(d, w);
}

/* What is acknowledged goes into the progress file. 0, or the exit code after reporting. */
static int
save(struct dump *d)
{
	size_t done = 0;

	while (done < d->unacked.len) {
		struct progress_entry e = { .kind = PROGRESS_READ };
		struct dump_mark m;

		memcpy(&m, d->unacked.data + done, sizeof(m));
		if (m.token > d->source.confirm.acked)
			break;
		snprintf(e.oid, sizeof(e.oid), "%s", d->tables.table[m.range.table].oid);
		e.file = m.file;
		e.first = m.range.first;
		e.end = m.range.end;
		e.snapshot = m.snapshot;
		progress_add(&d->progress, &e);
		done += sizeof(m);
	}
	if (d->unacked.failed)
		return log_temporary("out of memory for the progress file");
	if (done == 0)
		return 0;
	buf_drop(&d->unacked, done);
	return progress_save(&d->progress);
}

/* Let each worker have its turn, as far as there is room. */
static int
serve(struct dump *d)
{
	size_t i;
	int err = 0;

	for (i = 0; i < d->n_workers && err == 0 && has_room(d); i++) {
		struct worker *w = &d->worker[d->turn++ % d->n_workers];

		if (w->state != WORKER_IDLE) {
			err = worker_take(w, &d->source.out.buf, d->source.out.sent + HIGH_WATER);
			if (err == 0 && w->state == WORKER_IDLE)
				finished(d, w);
		}
		if (err == 0 && w->state == WORKER_IDLE)
			err = employ(d, w);
	}
	d->is_waited_for = i < d->n_workers;
	if (err == 0 && d->source.out.buf.failed)
		err = log_temporary("out of memory for a line");
	return err;
}

static int
wait_for_any(struct dump *d)
{
	struct pollfd fds[DUMP_JOBS];
	int taking = has_room(d);
	int64_t deadline = LOOP_NEVER;

	if (!taking && out_pending(&d->source.out) < HIGH_WATER)
		deadline = next_byte(d);
	/* There has come room since a worker had to do without, an idle one perhaps. */
	if (taking && d->is_waited_for)
		deadline = loop_now();
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
		if ((err = serve(d)) != 0 || (err = source_write(&d->source)) != SOURCE_GOES_ON ||
		    (err = save(d)) != 0)
			return err;
		if (d->busy == 0 && (loop_ending() || plan_is_done(&d->plan)))
			return 0;
		if (d->busy == 0 && d->is_lost) {
			if ((err = renew(d)) != 0)
				return err;
			continue;
		}
		if ((err = wait_for_any(d)) != SOURCE_GOES_ON)
			return err;
	}
}

/* All is read and acknowledged: so says the progress file. */
static int
complete(struct dump *d)
{
	const struct progress_entry e = { .kind = PROGRESS_DONE };

	if (d->progress.path == NULL)
		return 0;
	progress_add(&d->progress, &e);
	return progress_save(&d->progress);
}

static int
run(struct dump *d)
{
	int err, saved;

	d->begun = loop_now();
	err = flow(d);
	if (err > 0)
		return err;
	err = source_end(&d->source, err == SOURCE_DOWNSTREAM_GONE);
	if ((saved = save(d)) != 0 || err != 0)
		return err != 0 ? err : saved;
	if (!plan_is_done(&d->plan))
		return log_temporary("the end came before all tables were read");
	if ((err = complete(d)) == 0)
		log_info("read %llu rows of %zu tables in %llu ranges", (unsigned long long)d->rows,
		    d->tables.n, (unsigned long long)d->ranges);
	return err;
}

int
dump_run(struct dump *d)
{
	int err;

	d->progress.fd = -1;
	err = open_all(d);

	if (err == 0 && d->is_complete)
		log_info("the dump of progress file \"%s\" is complete; remove it to begin anew",
		    d->progress.path);
	else if (err == 0)
		err = run(d);
	for (size_t i = 0; i < d->n_workers; i++)
		worker_close(&d->worker[i]);
	PQfinish(d->control);
	progress_close(&d->progress);
	plan_free(&d->plan);
	tables_free(&d->tables);
	buf_free(&d->unacked);
	free(d->xmin);
	source_free(&d->source);
	return err;
}
