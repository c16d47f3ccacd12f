#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "recording.h"
#include "shape.h"

static uint64_t
last_ack(const struct recording *r)
{
	return r->n > 0 ? r->units[r->n - 1].ack : r->first_start;
}

/* The server sends again what begins at start or behind it. */
static size_t
first_from(const struct recording *r, uint64_t start)
{
	size_t i = r->n;

	/* a message has the end of its record for lsn */
	while (i > 0 && (r->units[i - 1].is_message ? r->units[i - 1].lsn > start
						    : r->units[i - 1].lsn >= start))
		i--;
	return i;
}

static void
check_start(const struct recording *r, const struct line *l)
{
	if (strcmp(l->slot, r->slot) != 0)
		problem("slot \"%s\" after \"%s\"", l->slot, r->slot);
	if (l->start < r->first_start)
		problem("start %s is below that of the first run", line_lsn_text(l->start));
	if ((l->has_prev ? l->prev : l->start) > last_ack(r))
		problem("gap: the run starts at %s, and %s was recorded last",
		    line_lsn_text(l->has_prev ? l->prev : l->start), line_lsn_text(last_ack(r)));
	if (l->has_prev && l->prev > l->start)
		problem(
		    "prev %s is above start %s", line_lsn_text(l->prev), line_lsn_text(l->start));
}

static void
begin_run(struct recording *r, const struct line *l)
{
	if (strcmp(l->system_identifier, r->source->system_identifier) != 0)
		problem("system_identifier %s of another cluster", l->system_identifier);
	if (r->transaction.open) {
		r->cut++;
		transaction_end(&r->transaction);
	}
	if (r->runs++ == 0) {
		r->first_start = l->start;
		snprintf(r->slot, sizeof(r->slot), "%s", l->slot);
	} else {
		check_start(r, l);
	}
	r->start = r->ack = l->start;
	r->next = first_from(r, l->start);
}

static void
check_continuity(struct recording *r, const struct line *l)
{
	if (l->prev != r->ack)
		problem("gap: prev %s after ack %s", line_lsn_text(l->prev), line_lsn_text(r->ack));
	if (l->ack <= r->ack)
		problem("ack %s after ack %s", line_lsn_text(l->ack), line_lsn_text(r->ack));
	if (l->action == 'C' ? l->ack <= l->lsn : l->ack != l->lsn)
		problem("ack %s of a line at %s", line_lsn_text(l->ack), line_lsn_text(l->lsn));
	if (l->action == 'C' && l->lsn < r->ack)
		problem("commit at %s after ack %s", line_lsn_text(l->lsn), line_lsn_text(r->ack));
	r->ack = l->ack;
}

/* A unit that comes again must be the next one of those that may. 1: it was applied before. */
static int
is_duplicate(struct recording *r, const struct unit *unit)
{
	const struct unit *old = r->next < r->n ? &r->units[r->next] : NULL;
	size_t i;

	if (old == NULL)
		return 0;
	r->duplicates++;
	if (old->ack == unit->ack && old->lsn == unit->lsn) {
		if (old->hash != unit->hash)
			problem("%s comes again, and is another one", line_lsn_text(unit->ack));
		r->next++;
		return 1;
	}
	problem("%s comes again in place of %s", line_lsn_text(unit->ack), line_lsn_text(old->ack));
	for (i = r->n; i > 0 && r->units[i - 1].ack > unit->ack; i--)
		;
	r->next = i;
	return i < r->n || unit->ack <= last_ack(r);
}

/* 1: the unit is new, and is remembered. */
static int
take_unit(struct recording *r, const struct unit *unit)
{
	/* the rule that the man page gives to sinks */
	int done = unit->is_message ? unit->lsn <= last_ack(r) : unit->lsn < last_ack(r);

	if (is_duplicate(r, unit) != done)
		problem("%s at %s would %sbe skipped, and %s was recorded last",
		    line_lsn_text(unit->ack), line_lsn_text(unit->lsn), done ? "" : "not ",
		    line_lsn_text(last_ack(r)));
	if (done)
		return 0;
	if (unit->lsn < r->start)
		problem("%s is new, and below the start of the run", line_lsn_text(unit->ack));
	if ((r->n & (r->n - 1)) == 0) {
		r->units = realloc(r->units, (r->n == 0 ? 1 : r->n * 2) * sizeof(*r->units));
		if (r->units == NULL)
			errx(111, "out of memory");
	}
	r->units[r->n++] = *unit;
	r->next = r->n;
	return 1;
}

static void
loose_message(struct recording *r, const struct line *l, const char *s, size_t n, long end)
{
	struct unit unit = { l->lsn, l->ack, line_hash(l, LINE_HASH, s, n), end, 1 };

	if (r->transaction.open)
		problem("a message outside of transactions inside of one");
	check_continuity(r, l);
	r->messages++;
	if (take_unit(r, &unit))
		transaction_loose_message(&r->loose, l);
}

static void
commit(struct recording *r, const struct line *l, long end)
{
	struct transaction *t = &r->transaction;
	struct unit unit = { l->lsn, l->ack, t->hash, end, 0 };

	check_continuity(r, l);
	if (take_unit(r, &unit))
		transaction_apply(t, &r->loose, r->source);
	transaction_end(t);
}

static void
inside(struct recording *r, const struct line *l, const char *s, size_t n, long end)
{
	struct transaction *t = &r->transaction;

	if (l->action == 'B') {
		if (t->open)
			problem("a transaction begins inside of another");
		transaction_begin(t, l);
		t->hash = line_hash(l, t->hash, s, n);
		return;
	}
	if (!t->open) {
		problem("a line of action \"%c\" outside of transactions", l->action);
		return;
	}
	if (transaction_line(t, r->replica, l) != 0)
		return;
	t->hash = line_hash(l, t->hash, s, n);
	if (l->action == 'C')
		commit(r, l, end);
	else
		r->rows++;
}

static void
read_line(struct recording *r, const char *s, size_t n, long end)
{
	struct line l;

	r->lines++;
	if (line_read(&l, s, n) == 0) {
		if (r->translated)
			shape_check(&l);
		if (shape_is_baseline(&l))
			r->baselines++;
		else if (l.action == 'H')
			begin_run(r, &l);
		else if (r->runs == 0)
			problem("a line before the first H");
		else if (l.action == 'M' && !l.transactional)
			loose_message(r, &l, s, n, end);
		else
			inside(r, &l, s, n, end);
	}
	line_free(&l);
}

void
recording_read(struct recording *r, const char *path)
{
	FILE *f = fopen(path, "r");
	char *s = NULL;
	size_t size = 0;
	ssize_t n;
	long number = 0, offset = 0;

	if (f == NULL)
		err(100, "could not open \"%s\"", path);
	while ((n = getline(&s, &size, f)) > 0) {
		problem_at(path, ++number);
		offset += n;
		if (s[n - 1] != '\n') {
			problem("the last line is cut");
			break;
		}
		s[n - 1] = '\0';
		read_line(r, s, (size_t)n - 1, offset);
	}
	if (ferror(f))
		err(111, "could not read \"%s\"", path);
	free(s);
	fclose(f);
}

void
recording_finish(struct recording *r)
{
	if (r->transaction.open)
		problem("the last transaction is cut");
	if (r->next < r->n)
		problem("the last run ends before %s, which was recorded before",
		    line_lsn_text(r->units[r->next].ack));
}

static void
check_sample(const struct recording *r, uint64_t confirmed, long size)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->units[middle].end > size)
			high = middle;
		else
			low = middle + 1;
	}
	if (low < r->n && r->units[low].lsn < confirmed)
		problem("the slot had confirmed %s, and %s was not in the first %ld bytes",
		    line_lsn_text(confirmed), line_lsn_text(r->units[low].ack), size);
}

void
recording_check_samples(const struct recording *r, const char *path)
{
	FILE *f = fopen(path, "r");
	char confirmed[64];
	uint64_t lsn;
	long size, n = 0;

	if (f == NULL)
		err(100, "could not open \"%s\"", path);
	while (fscanf(f, "%63s %ld", confirmed, &size) == 2) {
		problem_at(path, ++n);
		if (line_lsn(&lsn, confirmed) != 0)
			errx(100, "%s: line %ld: \"%s\" is no LSN", path, n, confirmed);
		check_sample(r, lsn, size);
	}
	problem_at(NULL, 0);
	fclose(f);
}

void
recording_free(struct recording *r)
{
	transaction_end(&r->transaction);
	transaction_free_loose(&r->loose);
	free(r->units);
}
