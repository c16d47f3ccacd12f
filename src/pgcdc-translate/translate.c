#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "lsn.h"
#include "row.h"
#include "schemas.h"
#include "translate.h"

/* Bytes waiting for a slow output before no more input is taken. */
#define HIGH_WATER (256 * 1024)

static void
copy_line(struct translate *t, const char *line, size_t len)
{
	buf_add(&t->out.buf, line, len + 1); /* its LF follows in the reader's buffer */
}

static void
copy_text(char *dst, size_t size, struct event_span string)
{
	struct event_span text;

	*dst = '\0';
	if (event_text(&text, string) == 0 && text.len < size) {
		memcpy(dst, text.p, text.len);
		dst[text.len] = '\0';
	}
}

/* Of another timeline an LSN is another row's; of another cluster the store knows nothing. */
static int
take_head(struct translate *t)
{
	struct event_span timeline = t->event.timeline;
	char text[sizeof(t->timeline)] = "";
	struct store *s = t->store;

	if (timeline.p != NULL && timeline.len < sizeof(text)) {
		memcpy(text, timeline.p, timeline.len);
		text[timeline.len] = '\0';
	}
	if (strcmp(text, t->timeline) != 0)
		tables_forget(&t->tables);
	strcpy(t->timeline, text);
	t->commit = 0;
	/* The transaction that was cut comes again, whole. */
	hold_free(&t->hold);
	tables_commit(&t->tables, UINT64_MAX);
	buf_drop(&t->moved, t->moved.len);
	if (s == NULL)
		return 0;
	copy_text(s->mark.slot, sizeof(s->mark.slot), t->event.slot);
	if (s->survey.system_identifier[0] != '\0' &&
	    strcmp(s->survey.system_identifier, t->chain.system_identifier) != 0)
		return log_permanent(
		    "the stream is of cluster %s, and the store is cluster %s; name "
		    "the stream's own database with --store",
		    t->chain.system_identifier, s->survey.system_identifier);
	return store_check_slot(s);
}

static int
refuse_without_identity(const struct table *table)
{
	return log_permanent("table \"%s.%s\" has no identity, and --no-identity=stop; give it a "
			     "primary key",
	    table->schema, table->name);
}

int
translate_lsn(uint64_t *lsn, const struct event *e)
{
	return e->lsn.p != NULL ? lsn_parse(lsn, e->lsn.p + 1, e->lsn.len - 2) : -1;
}

/*
 * With the stream alone the definition of a table may come later in the transaction: for rows of
 * CREATE TABLE AS it does.
 */
static int
may_come(const struct translate *t, const struct table *table, uint64_t lsn)
{
	return t->store == NULL && t->chain.in_transaction && t->event.ack.p == NULL &&
	       table_at(table, lsn) == NULL;
}

static int
check_hold(const struct translate *t)
{
	const struct hold *h = &t->hold;

	if (hold_size(h) <= t->options->max_hold)
		return 0;
	return log_permanent("the schema log does not have table \"%s.%s\" at %s, nor does it come "
			     "within --max-hold=%llu behind that; name the store with --store, or "
			     "give a larger one",
	    h->table->schema, h->table->name, lsn_text(h->lsn),
	    (unsigned long long)t->options->max_hold);
}

/* A line behind one that is held back.  It may be what that waits for. */
static int
hold_back(struct translate *t, const char *line, size_t len)
{
	struct hold *h = &t->hold;
	struct definition *d;

	hold_add(h, line, len);
	if (may_come(t, h->table, h->lsn))
		return check_hold(t);
	if (table_at(h->table, h->lsn) == NULL)
		return schemas_find(t, h->table, h->lsn, &d); /* reports it */
	h->table = NULL;
	return 0;
}

/* I, U, D, T and R. */
static int
take_row(struct translate *t, const char *line, size_t len)
{
	const struct event *e = &t->event;
	enum no_identity no_identity = t->options->no_identity;
	struct event_span unknown;
	struct definition *d;
	struct table *table;
	int may_drop, err;
	uint64_t lsn;

	if (e->schema.p == NULL || e->table.p == NULL || translate_lsn(&lsn, e) != 0)
		return log_permanent("line %llu is a row without \"lsn\", \"schema\" and \"table\"",
		    (unsigned long long)t->number);
	if ((table = tables_get(&t->tables, e->schema, e->table)) == NULL)
		return errno == ENOMEM
		           ? log_temporary("out of memory for a table")
		           : log_permanent("line %llu has a name with a NUL or half of a surrogate "
					   "pair, which no table can have",
				 (unsigned long long)t->number);
	/* The next line with an ack names this one's as what is before it. */
	may_drop = e->ack.p == NULL;
	if (!table->passes && may_drop) {
		t->n_filtered++;
		return 0;
	}
	/* Somebody has translated it before. */
	if (e->metadata.p != NULL) {
		copy_line(t, line, len);
		return 0;
	}
	if ((d = schemas_known(t, table, lsn)) == NULL) {
		if (may_come(t, table, lsn)) {
			hold_begin(&t->hold, table, lsn, t->number, line, len);
			return check_hold(t);
		}
		if ((err = schemas_find(t, table, lsn, &d)) != 0)
			return err;
	}
	if (!d->has_identity) {
		t->n_without_identity++;
		if (no_identity == NO_IDENTITY_STOP)
			return refuse_without_identity(table);
		if (no_identity == NO_IDENTITY_DROP && may_drop)
			return 0;
	}
	while (row_write(&t->out.buf, line, len, e, d, lsn, &unknown) != 0)
		if ((err = schemas_renew(t, table, lsn, unknown, &d)) != 0)
			return err;
	return 0;
}

/* Of a table that is published, other than the log. */
static int
is_row(const struct event *e)
{
	switch (e->code) {
	case 'I':
		return !event_is_schema_row(e);
	case 'U':
	case 'D':
	case 'T':
	case 'R':
		return 1;
	default:
		return 0;
	}
}

static int
scan(struct translate *t, const char *line, size_t len)
{
	if (event_scan(&t->event, line, len) == 0)
		return 0;
	return errno == ENOMEM
	           ? log_temporary("out of memory at line %llu", (unsigned long long)t->number)
	           : log_permanent("line %llu is no event line: %s at byte %zu",
			 (unsigned long long)t->number, t->event.error, t->event.error_at);
}

/* What a line says of the stream and of tables. */
static int
take_news(struct translate *t, int row)
{
	const struct event *e = &t->event;

	if (chain_take(&t->chain, e) != 0)
		return log_permanent("line %llu breaks the stream: %s",
		    (unsigned long long)t->number, t->chain.error);
	switch (e->code) {
	case 'H':
		return take_head(t);
	case 'B':
		if (translate_lsn(&t->commit, e) != 0)
			t->commit = 0;
		return 0;
	case 'C':
		t->commit = 0;
		return schemas_commit(t);
	case 'I':
		if (!row)
			return schemas_take(t);
		break;
	default:
		break;
	}
	t->n_rows += row;
	return 0;
}

/* The next line, one that was held back before a new one. */
static int
take_line(struct translate *t, enum line_status *status)
{
	const char *line;
	int again, err, row;
	size_t len;

	again = t->hold.lines.len > 0 && hold_next(&t->hold, &line, &len, &t->number);
	if (!again) {
		*status = line_next(&t->reader, &line, &len);
		t->number = t->reader.number;
		if (*status == LINE_TOO_LONG)
			return log_permanent(
			    "line %llu is longer than --max-line=%llu; give a larger one",
			    (unsigned long long)t->number,
			    (unsigned long long)t->options->max_line);
		if (*status != LINE_READY)
			return 0;
	}
	if ((err = scan(t, line, len)) != 0)
		return err;
	row = is_row(&t->event);
	if (!again && (err = take_news(t, row)) != 0)
		return err;
	if (t->hold.table != NULL)
		return hold_back(t, line, len);
	if (row)
		return take_row(t, line, len);
	copy_line(t, line, len);
	return 0;
}

/* Take lines until input or output must be waited for. */
static int
take_lines(struct translate *t, enum line_status *status)
{
	int err;

	*status = LINE_READY;
	while (*status == LINE_READY && out_pending(&t->out) < HIGH_WATER) {
		if ((err = take_line(t, status)) != 0)
			return err;
		if (t->out.buf.failed || t->hold.lines.failed)
			return log_temporary(
			    "out of memory for line %llu", (unsigned long long)t->number);
	}
	return 0;
}

static int
write_out(struct translate *t)
{
	if (out_write(&t->out) >= 0)
		return 0;
	if (errno == EPIPE || errno == ECONNRESET)
		return log_temporary("standard output is closed: the program behind it has ended");
	return log_temporary("could not write to standard output: %s", strerror(errno));
}

static int
end_of_input(const struct translate *t, enum line_status status)
{
	if (status == LINE_CUT)
		return log_temporary("the input ends inside a line: the stage before has died");
	if (t->chain.in_transaction)
		return log_temporary(
		    "the input ends inside a transaction: the stage before has died");
	return 0;
}

/* Wait until something can go on, and read what is there. */
static int
wait_for_any(struct translate *t, enum line_status status, int64_t deadline)
{
	int taking = out_pending(&t->out) < HIGH_WATER;
	int reading = taking && status == LINE_MORE;
	struct pollfd fds[] = {
		{ .fd = reading ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = out_pending(&t->out) > 0 ? t->out.fd : -1, .events = POLLOUT },
		{ .fd = -1 },
	};

	if (t->store != NULL) {
		fds[2] = store_pollfd(t->store);
		if (store_deadline(t->store) < deadline)
			deadline = store_deadline(t->store);
	}
	/* Lines that were read already make no descriptor ready. */
	if (taking && status == LINE_READY)
		deadline = loop_now();
	if (loop_wait(fds, 3, deadline) < 0)
		return log_temporary("could not wait: %s", strerror(errno));
	if (t->store != NULL)
		store_tend(t->store, fds[2].revents);
	if (fds[0].revents != 0 && line_fill(&t->reader) != 0)
		return log_temporary("could not read standard input: %s", strerror(errno));
	return 0;
}

/* When the whole line is told to end, the stage before still has a transaction to finish. */
static int
flow(struct translate *t)
{
	enum line_status status = LINE_MORE;
	int64_t give_up = LOOP_NEVER;
	int err;

	for (;;) {
		if ((err = take_lines(t, &status)) != 0 || (err = write_out(t)) != 0)
			return err;
		if (out_pending(&t->out) == 0 && (status == LINE_END || status == LINE_CUT))
			return end_of_input(t, status);
		if (loop_ending() && give_up == LOOP_NEVER)
			give_up = loop_now() + t->options->shutdown_timeout;
		if (loop_now() >= give_up)
			return out_pending(&t->out) == 0
			           ? 0
			           : log_temporary("could not write the last lines within "
						   "--shutdown-timeout");
		if ((err = wait_for_any(t, status, give_up)) != 0)
			return err;
	}
}

/* What was translated before the line that ends the run is whole, and wanted. */
static void
write_rest(struct translate *t)
{
	int64_t give_up = loop_now() + t->options->shutdown_timeout;

	while (out_write(&t->out) > 0 && loop_now() < give_up) {
		struct pollfd p = { .fd = t->out.fd, .events = POLLOUT };

		loop_wait(&p, 1, give_up);
	}
}

int
translate_run(struct translate *t)
{
	int err = flow(t);

	if (err == EXIT_PERMANENT)
		write_rest(t);
	log_debug("%llu rows, %llu of them filtered, %llu without identity; %llu schema changes, "
		  "%zu tables",
	    (unsigned long long)t->n_rows, (unsigned long long)t->n_filtered,
	    (unsigned long long)t->n_without_identity, (unsigned long long)t->n_schemas,
	    t->tables.n);
	return err;
}
