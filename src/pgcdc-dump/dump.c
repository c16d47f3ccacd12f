#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "begin.h"
#include "dump.h"
#include "log.h"
#include "loop.h"

/* Lines waiting for stdout: above this no more rows are taken. */
#define HIGH_WATER (256 * 1024)

/* What --max-rate allows is not saved up for longer than a second. */
#define LONGEST_CREDIT 1000000

/* What was appended has to be paid for with time. */
static void
pay(struct dump *d)
{
	uint64_t bytes = d->stream.out.written + out_pending(&d->stream.out);
	int64_t earliest = loop_now() - LONGEST_CREDIT;

	if (d->options.max_rate == 0)
		return;
	if (d->due < earliest)
		d->due = earliest;
	d->due += (int64_t)((double)(bytes - d->paid) / (double)d->options.max_rate * 1e6);
	d->paid = bytes;
}

static int
has_room(const struct dump *d)
{
	return out_pending(&d->stream.out) < HIGH_WATER && loop_now() >= d->due;
}

/* Of an earlier snapshot, whose pages are read again for what is newer; NULL: for all. */
static const char *
earlier_xmin(const struct dump *d, uint32_t snapshot)
{
	return snapshot == 0 || strcmp(d->xmin[snapshot], SNAPSHOT_SEES_NOTHING) == 0
	           ? NULL
	           : d->xmin[snapshot];
}

/* An idle worker gets the next range, if there is one. */
static int
employ(struct dump *d, struct worker *w)
{
	const struct table *t;
	struct range range;
	int found, err;

	if (loop_ending() || d->is_lost)
		return 0;
	if (!worker_is_open(w) && (err = worker_open(w, &d->options.server)) != 0)
		return err;
	while ((found = plan_next(&d->plan, &range)) > 0) {
		t = &d->tables.table[range.table];
		if (!t->is_gone) {
			d->busy++;
			return worker_begin(
			    w, t, &range, &d->snapshot, earlier_xmin(d, range.read));
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

	stream_mark(&d->stream);
	if (d->progress.path == NULL)
		return;
	m.token = d->stream.tokens.newest;
	m.file = tables_file(w->table);
	buf_add(&d->unacked, &m, sizeof(m));
}

/* The line of a range whose rows were counted. */
static void
add_digest(struct dump *d, const struct worker *w)
{
	struct buf *b = &d->stream.out.buf;

	buf_str(b, "{\"digest\":\"");
	digest_print(b, &w->digest);
	buf_str(b, "\",\"rows\":");
	buf_uint(b, w->digest.rows);
	buf_str(b, ",\"lsn\":\"");
	buf_str(b, w->lsn);
	buf_str(b, "\"");
	buf_add(b, w->table->shape.text.data, w->table->shape.head);
	buf_str(b, ",\"first\":");
	buf_uint(b, w->range.first);
	buf_str(b, ",\"last\":");
	if (w->range.end == PLAN_END)
		buf_str(b, "null");
	else
		buf_uint(b, w->range.end - 1);
	buf_str(b, "}\n");
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
	d->fruitless = 0;
	if (d->options.digest) {
		add_digest(d, w);
		plan_drop(&d->plan, &w->range);
	} else {
		plan_done(&d->plan, &w->range);
		mark(d, w);
	}
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
		if (m.token > d->stream.confirm.acked)
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
	int err = 0;
	size_t i;

	for (i = 0; i < d->n_workers && err == 0 && has_room(d); i++) {
		struct worker *w = &d->worker[d->turn++ % d->n_workers];

		if (w->state != WORKER_IDLE) {
			err = worker_take(w, &d->stream.out.buf, d->stream.out.sent + HIGH_WATER);
			if (err == 0 && w->state == WORKER_IDLE)
				finished(d, w);
			pay(d);
		}
		if (err == 0 && w->state == WORKER_IDLE)
			err = employ(d, w);
	}
	d->is_held = i < d->n_workers;
	if (err == 0 && d->stream.out.buf.failed)
		err = log_temporary("out of memory for a line");
	return err;
}

static int
wait_for_any(struct dump *d)
{
	struct pollfd fds[DUMP_JOBS];
	int taking = has_room(d);
	int64_t deadline = d->display.next;

	/* Room has come since. */
	if (taking && d->is_held)
		deadline = loop_now();
	if (!taking && out_pending(&d->stream.out) < HIGH_WATER && d->due < deadline)
		deadline = d->due;
	for (size_t i = 0; i < d->n_workers; i++) {
		const struct worker *w = &d->worker[i];
		int unsent = PQflush(w->conn);

		fds[i] = (struct pollfd){ .fd = PQsocket(w->conn),
			.events = (short)((taking && w->state != WORKER_IDLE ? POLLIN : 0) |
					  (unsent ? POLLOUT : 0)) };
		if (fds[i].events == 0)
			fds[i].fd = -1;
		/* What is in a buffer makes no descriptor ready, nor does a cut that was seen. */
		if (taking && (w->unread || (w->state != WORKER_IDLE && !worker_is_open(w))))
			deadline = loop_now();
	}
	return stream_wait(&d->stream, fds, (unsigned)d->n_workers, deadline);
}

/*
 * Until all ranges are read, or the end is asked for: 0, STREAM_DOWNSTREAM_GONE, or the exit code
 * after reporting.
 */
static int
flow(struct dump *d)
{
	int err;

	for (;;) {
		if ((err = serve(d)) != 0 || (err = stream_write(&d->stream)) != STREAM_GOES_ON ||
		    (err = save(d)) != 0)
			return err;
		display_tell(&d->display, &d->plan, d->rows, d->stream.out.written);
		/* What workers have in hand may take long: another run reads it again. */
		if (loop_ending() || (d->busy == 0 && plan_is_done(&d->plan)))
			return 0;
		if (d->busy == 0 && d->is_lost) {
			if ((err = begin_again(d)) != 0)
				return err;
			continue;
		}
		if ((err = wait_for_any(d)) != STREAM_GOES_ON)
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
	int err, saved = 0;

	d->due = loop_now();
	display_begin(&d->display, &d->plan);
	err = flow(d);
	display_end(&d->display);
	if (err > 0)
		return err;
	err = stream_end(&d->stream, err == STREAM_DOWNSTREAM_GONE);
	/* A file that could not be synced is not written, whatever was acknowledged for it. */
	if (err == 0 || !d->stream.is_written)
		saved = save(d);
	if (err != 0 || saved != 0)
		return err != 0 ? err : saved;
	if (!plan_is_done(&d->plan))
		return log_temporary("the end came before all tables were read");
	if ((err = complete(d)) == 0)
		log_info("read %llu rows of %zu table%s in %llu range%s",
		    (unsigned long long)d->rows, d->tables.n, d->tables.n == 1 ? "" : "s",
		    (unsigned long long)d->ranges, d->ranges == 1 ? "" : "s");
	return err;
}

int
dump_run(struct dump *d)
{
	int err;

	d->progress.fd = -1;
	err = begin(d);

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
	stream_free(&d->stream);
	return err;
}
