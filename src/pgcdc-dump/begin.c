#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "begin.h"
#include "log.h"
#include "look.h"
#include "lsn.h"
#include "query.h"

/* So many snapshots are lost, one after the other, before somebody should look why. */
#define MOST_FRUITLESS 10

#define COULD_NOT_FIND "could not look for tables"

static const char control_settings[] = SESSION_SETTINGS "SET search_path = ''";

/* --- the beginning */

static int
no_plan(void)
{
	return log_temporary("out of memory for a plan");
}

static int
open_control(struct dump *d)
{
	int err;

	PQfinish(d->control);
	if ((err = connect_open(&d->control, &d->options.server, NULL)) != 0)
		return err;
	return query_run(d->control, control_settings, "could not configure the session");
}

static int
look_at_tables(struct dump *d)
{
	int err = 0;

	for (size_t i = 0; i < d->tables.n && err == 0; i++) {
		struct table *t = &d->tables.table[i];

		if (t->look.len == 0 && !t->is_gone)
			err = look_at(t, d->control, &d->options.wanted);
	}
	return err;
}

/* Find tables, or those that were altered, as of one moment; then look at them. */
static int
find_tables(struct dump *d, int (*find)(struct dump *d))
{
	int err;

	if ((err = query_run(d->control, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		 COULD_NOT_FIND)) != 0 ||
	    (err = find(d)) != 0 || (err = query_run(d->control, "COMMIT", COULD_NOT_FIND)) != 0)
		return err;
	return look_at_tables(d);
}

static int
find_all(struct dump *d)
{
	return tables_find(&d->tables, d->control, &d->options, 1);
}

/* Pages of a table that --pages names; those beyond its end are a mistake. */
static int
want_pages(struct dump *d, size_t table)
{
	const struct table *t = &d->tables.table[table];
	const struct pages *pages;
	size_t i = 0;

	if (plan_skip(&d->plan, table) != 0)
		return no_plan();
	while ((pages = wanted_pages(&d->options.wanted, &i, t->schema, t->name)) != NULL) {
		if (pages->first > 0 && pages->first >= t->pages)
			return log_permanent("--pages has page %u of table %s, which has only %u",
			    pages->first, t->from, t->pages);
		if (pages->end != PLAN_END && pages->end > t->pages)
			log_warn("--pages has page %u of table %s, which has only %u",
			    pages->end - 1, t->from, t->pages);
		if (plan_want(&d->plan, table, pages->first, pages->end) != 0)
			return no_plan();
	}
	return 0;
}

static int
make_plan(struct dump *d)
{
	int err = 0;

	plan_free(&d->plan);
	if (plan_begin(&d->plan, d->tables.n, (uint32_t)d->options.range_pages) != 0)
		return no_plan();
	for (size_t i = 0; i < d->tables.n && err == 0; i++) {
		if (plan_restart(&d->plan, i, d->tables.table[i].pages) != 0)
			return no_plan();
		if (d->options.wanted.n_pages > 0)
			err = want_pages(d, i);
	}
	return err;
}

/* The server's identity, on the stream and in the progress file. */
static int
begin_stream(struct dump *d)
{
	int err;
	PGresult *res = query_rows(d->control, &err, "could not identify the server",
	    "SELECT system_identifier, d.oid FROM pg_catalog.pg_control_system(),"
	    " pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()",
	    0, NULL);

	if (res == NULL)
		return err;
	if (!d->options.digest)
		stream_head(&d->stream, PQgetvalue(res, 0, 0));
	err = progress_open(
	    &d->progress, d->options.progress_file, PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
	PQclear(res);
	return err;
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

		if (strcmp(t->oid, e->oid) == 0 && tables_file(t) == e->file)
			return plan_mark(&d->plan, i, e->first, e->end, e->snapshot) == 0
			           ? 0
			           : no_plan();
	}
	return 0;
}

static int
damaged(const struct dump *d)
{
	return log_permanent(
	    "progress file \"%s\" is damaged; give --progress-file another one", d->progress.path);
}

/* --- snapshots */

/*
 * A slot that was there before any snapshot is as good as ours: its stream has all that follows.  One
 * that is still being made, perhaps for a run that was killed, has no position, and may never be there.
 */
static int
check_slot(struct dump *d)
{
	const char *name = d->options.create_slot;
	int err, there, made, lost;
	PGresult *res = query_rows(d->control, &err, "could not look at the slot of --create-slot",
	    "SELECT plugin = 'pgoutput' AND database = pg_catalog.current_database(),"
	    " confirmed_flush_lsn IS NOT NULL, wal_status = 'lost'"
	    " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
	    1, &name);

	if (res == NULL)
		return err;
	there = PQntuples(res) == 1 ? *PQgetvalue(res, 0, 0) : ' ';
	made = there == 't' && *PQgetvalue(res, 0, 1) == 't';
	lost = there == 't' && *PQgetvalue(res, 0, 2) == 't';
	PQclear(res);
	if (there == ' ' && d->progress.path == NULL)
		return log_permanent("slot \"%s\" is gone, and with it what has changed since; "
				     "begin anew",
		    name);
	if (there == ' ')
		return log_permanent("slot \"%s\" is gone, and with it what has changed since; "
				     "remove file \"%s\" to begin anew",
		    name, d->progress.path);
	if (there != 't')
		return log_permanent("slot \"%s\" is of another database, or its plugin is not "
				     "pgoutput; give --create-slot another name",
		    name);
	if (lost)
		return log_permanent(
		    "slot \"%s\" is lost, as the server has removed WAL that it needs; "
		    "drop it, and begin anew",
		    name);
	if (!made)
		return log_temporary("slot \"%s\" is still being made, for a run that was killed "
				     "perhaps, and waits for open transactions",
		    name);
	return 0;
}

/* What there is now.  Its locks are not kept as long as the snapshot, which nobody's DDL could wait for. */
static int
find_now(struct dump *d, struct tables *now)
{
	int err;

	if ((err = query_run(d->control, "SAVEPOINT looking", COULD_NOT_FIND)) != 0 ||
	    (err = tables_find(now, d->control, &d->options, 0)) != 0)
		return err;
	return query_run(d->control, "ROLLBACK TO looking", COULD_NOT_FIND);
}

/*
 * What has changed while the slot was made is not in its stream: a table that was made and filled, or
 * more of its rows that are published.
 */
static int
find_changed(struct dump *d)
{
	struct tables now = { .n = 0 }, before = d->tables;
	int err = find_now(d, &now);

	if (err != 0 || tables_are_same(&now, &before)) {
		tables_free(&now);
		return err;
	}
	d->tables = now;
	tables_free(&before);
	log_info("tables were changed while the slot was made: the snapshot is later than the "
		 "beginning of its stream");
	if ((err = query_run(d->control, "COMMIT", COULD_NOT_FIND)) != 0 ||
	    (err = look_at_tables(d)) != 0 || (err = make_plan(d)) != 0)
		return err;
	return snapshot_take(&d->snapshot, d->control);
}

/* The first snapshot of all, and the slot whose stream begins with it. */
static int
make_slot(struct dump *d)
{
	const struct options *o = &d->options;
	struct slot slot;
	int err;

	if ((err = slot_open(&slot, &o->server)) == 0)
		err = snapshot_of_slot(
		    &d->snapshot, d->control, &slot, o->create_slot, o->failover);
	slot_close(&slot);
	if (err == SLOT_MADE) {
		log_info("created slot \"%s\"", o->create_slot);
		return find_changed(d);
	}
	if (err != SLOT_EXISTS)
		return err;
	if (o->progress_file == NULL)
		return log_permanent(
		    "slot \"%s\" exists; leave --create-slot out, or drop the slot",
		    o->create_slot);
	if ((err = check_slot(d)) != 0)
		return err;
	log_info("slot \"%s\" exists: the snapshot is later than the beginning of its stream",
	    o->create_slot);
	return snapshot_take(&d->snapshot, d->control);
}

static int
make_snapshot(struct dump *d)
{
	int err;

	if (d->options.create_slot == NULL)
		return snapshot_take(&d->snapshot, d->control);
	if (d->plan.newest == 1)
		return make_slot(d);
	if ((err = check_slot(d)) != 0)
		return err;
	return snapshot_take(&d->snapshot, d->control);
}

/*
 * A snapshot that was taken, now or by an earlier run.  After a failover transactions that one has seen
 * may be gone, and their ids be given again: then nothing that was read before counts.
 */
static int
note_snapshot(struct dump *d, const struct progress_entry *e)
{
	uint64_t lsn;
	int err;

	if (lsn_parse(&lsn, e->lsn, strlen(e->lsn)) != 0)
		return damaged(d);
	if ((err = keep_xmin(d, e->snapshot, e->xmin)) != 0)
		return err;
	if (e->snapshot > 1 && strcmp(d->timeline, e->timeline) != 0)
		for (uint32_t i = 1; i < e->snapshot; i++)
			strcpy(d->xmin[i], SNAPSHOT_SEES_NOTHING);
	strcpy(d->timeline, e->timeline);
	d->reached = lsn;
	return 0;
}

/*
 * A standby has to have what the stream does not bring, and what earlier runs have seen, before tables
 * are looked for.
 */
static int
await_server(struct dump *d)
{
	uint64_t least = d->options.min_lsn, lsn;
	struct progress_entry e;
	int found, err;

	while ((found = progress_next(&d->progress, &e, &err)) > 0)
		if (e.kind == PROGRESS_SNAPSHOT && lsn_parse(&lsn, e.lsn, strlen(e.lsn)) == 0 &&
		    lsn > least)
			least = lsn;
	if (found < 0)
		return err;
	progress_rewind(&d->progress);
	return snapshot_await(d->control, least, d->options.timeout);
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
				return damaged(d);
			if ((err = note_snapshot(d, &e)) != 0)
				return err;
			plan_renew(&d->plan);
			break;
		case PROGRESS_READ:
			if (e.snapshot == 0 || e.snapshot >= d->plan.newest || e.first >= e.end)
				return damaged(d);
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
	uint64_t least = d->options.min_lsn > d->reached ? d->options.min_lsn : d->reached;
	int err;

	if ((err = snapshot_await(d->control, least, d->options.timeout)) != 0 ||
	    (err = make_snapshot(d)) != 0)
		return err;
	strcpy(e.xmin, d->snapshot.xmin);
	strcpy(e.lsn, d->snapshot.lsn);
	strcpy(e.timeline, d->snapshot.timeline);
	if (e.snapshot > 1 && strcmp(d->timeline, e.timeline) != 0)
		log_info("the server is on timeline %s, and was on %s: all is read again",
		    e.timeline, d->timeline);
	if ((err = note_snapshot(d, &e)) != 0 || d->progress.path == NULL)
		return err;
	progress_add(&d->progress, &e);
	return progress_save(&d->progress);
}

int
begin(struct dump *d)
{
	const struct options *o = &d->options;
	int err;

	if ((err = stream_open(&d->stream, o->ack, &o->wait_for, o->shutdown_timeout)) != 0 ||
	    (err = connect_check_identity(&o->server)) != 0 || (err = open_control(d)) != 0 ||
	    (err = begin_stream(d)) != 0 || (err = await_server(d)) != 0 ||
	    (err = find_tables(d, find_all)) != 0 || (err = make_plan(d)) != 0 ||
	    (err = resume(d)) != 0 || d->is_complete)
		return err;
	for (; d->n_workers < o->jobs; d->n_workers++)
		if ((err = worker_open(&d->worker[d->n_workers], &o->server)) != 0)
			return err;
	return take_snapshot(d);
}

/* --- another snapshot */

static int
find_altered(struct dump *d)
{
	for (size_t i = 0; i < d->tables.n; i++) {
		struct table *t = &d->tables.table[i];
		int err;

		if (!t->is_altered)
			continue;
		if ((err = tables_find_again(t, d->control, &d->options)) != 0)
			return err;
	}
	return 0;
}

static int
renew_tables(struct dump *d)
{
	int err = find_tables(d, find_altered);

	for (size_t i = 0; i < d->tables.n && err == 0; i++) {
		struct table *t = &d->tables.table[i];

		if (!t->is_altered)
			continue;
		t->is_altered = 0;
		if (t->is_rewritten && !t->is_gone && d->options.wanted.n_pages > 0)
			return log_permanent("table %s was rewritten, and its rows are on other "
					     "pages now; give --pages anew",
			    t->from);
		if (t->is_rewritten && plan_restart(&d->plan, i, t->pages) != 0)
			return no_plan();
		if (t->is_gone)
			log_info(
			    "a table was dropped, or taken out of its publications, while it was "
			    "dumped");
		else
			log_info("table %s was altered%s", t->from,
			    t->is_rewritten ? ", and is read from its beginning" : "");
	}
	return err;
}

int
begin_again(struct dump *d)
{
	int err;

	if (++d->fruitless > MOST_FRUITLESS)
		return log_temporary(
		    "no pages could be read in %d snapshots, one after the other", MOST_FRUITLESS);
	/* A standby ends the session, too, when its snapshot is in the way of what is replayed. */
	if (snapshot_release(&d->snapshot) != 0) {
		log_info("the snapshot is lost, and another one is taken: %s",
		    PQerrorMessage(d->control));
		if ((err = open_control(d)) != 0)
			return err;
	}
	if ((err = renew_tables(d)) != 0)
		return err;
	plan_renew(&d->plan);
	if ((err = take_snapshot(d)) != 0)
		return err;
	d->is_lost = 0;
	return 0;
}
