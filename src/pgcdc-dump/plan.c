#include <stdlib.h>
#include <string.h>

#include "plan.h"

int
plan_begin(struct plan *p, size_t tables, uint32_t step)
{
	*p = (struct plan){ .n = tables, .step = step, .newest = 1 };
	p->table = calloc(tables, sizeof(*p->table));
	return p->table != NULL ? 0 : -1;
}

/* Room for n more intervals. 0, or -1: no memory. */
static int
reserve(struct plan_table *t, size_t n)
{
	size_t cap = t->cap < 8 ? 8 : 2 * t->cap;
	struct interval *grown;

	if (t->n + n <= t->cap)
		return 0;
	if ((grown = realloc(t->interval, cap * sizeof(*grown))) == NULL)
		return -1;
	t->interval = grown;
	t->cap = cap;
	return 0;
}

int
plan_restart(struct plan *p, size_t table, uint32_t pages)
{
	struct plan_table *t = &p->table[table];

	t->n = 0;
	if (reserve(t, 1) != 0)
		return -1;
	t->interval[t->n++] = (struct interval){ .first = 0, .end = PLAN_END };
	t->pages = pages;
	p->at = 0;
	return 0;
}

void
plan_renew(struct plan *p)
{
	p->newest++;
	p->at = 0;
}

/* Cut interval i in two at this page, which lies inside. */
static void
cut(struct plan_table *t, size_t i, uint32_t page)
{
	memmove(&t->interval[i + 1], &t->interval[i], (t->n - i) * sizeof(*t->interval));
	t->n++;
	t->interval[i].end = t->interval[i + 1].first = page;
}

static size_t
find(const struct plan_table *t, uint32_t first)
{
	size_t i = 0;

	while (t->interval[i].first != first)
		i++;
	return i;
}

/* Nobody has to read it. */
static int
is_read(const struct plan *p, const struct interval *one)
{
	return one->read == p->newest || one->read == PLAN_SKIP;
}

/* Interval i and the next are the same to us. */
static int
are_alike(const struct plan_table *t, size_t i)
{
	const struct interval *a = &t->interval[i], *b = a + 1;

	return !a->is_taken && !b->is_taken && a->read == b->read;
}

static void
join(struct plan_table *t, size_t i)
{
	t->interval[i].end = t->interval[i + 1].end;
	memmove(&t->interval[i + 1], &t->interval[i + 2], (t->n - i - 2) * sizeof(*t->interval));
	t->n--;
}

/* What is skipped stays so, unless read is 0: it is wanted. */
static int
set(struct plan_table *t, uint32_t first, uint32_t end, uint32_t read)
{
	size_t i = 0;

	if (reserve(t, 2) != 0)
		return -1;
	while (t->interval[i].end <= first)
		i++;
	if (t->interval[i].first < first)
		cut(t, i++, first);
	for (; i < t->n && t->interval[i].first < end; i++) {
		if (t->interval[i].end > end)
			cut(t, i, end);
		if (t->interval[i].read != PLAN_SKIP || read == 0)
			t->interval[i].read = read;
	}
	for (i = t->n - 1; i > 0; i--)
		if (are_alike(t, i - 1))
			join(t, i - 1);
	return 0;
}

int
plan_skip(struct plan *p, size_t table)
{
	return set(&p->table[table], 0, PLAN_END, PLAN_SKIP);
}

int
plan_want(struct plan *p, size_t table, uint32_t first, uint32_t end)
{
	return set(&p->table[table], first, end, 0);
}

int
plan_mark(struct plan *p, size_t table, uint32_t first, uint32_t end, uint32_t read)
{
	return set(&p->table[table], first, end, read);
}

/* So many pages of interval i, or what it has. 0, or -1: no memory. */
static int
take(struct plan_table *t, size_t i, uint32_t step)
{
	uint32_t first = t->interval[i].first;
	uint32_t end = first < PLAN_END - step ? first + step : PLAN_END;

	if (reserve(t, 1) != 0)
		return -1;
	if (end < t->interval[i].end && end < t->pages)
		cut(t, i, end);
	t->interval[i].is_taken = 1;
	return 0;
}

int
plan_next(struct plan *p, struct range *r)
{
	for (; p->at < p->n; p->at++) {
		struct plan_table *t = &p->table[p->at];

		for (size_t i = 0; i < t->n; i++) {
			struct interval *one = &t->interval[i];

			if (one->is_taken || is_read(p, one))
				continue;
			if (take(t, i, p->step) != 0)
				return -1;
			one = &t->interval[i];
			*r = (struct range){ p->at, one->first, one->end, one->read };
			return 1;
		}
	}
	return 0;
}

static void
release(struct plan *p, const struct range *r, uint32_t read)
{
	struct plan_table *t = &p->table[r->table];
	size_t i = find(t, r->first);

	t->interval[i].is_taken = 0;
	t->interval[i].read = read;
	if (i + 1 < t->n && are_alike(t, i))
		join(t, i);
	if (i > 0 && are_alike(t, i - 1))
		join(t, i - 1);
}

void
plan_done(struct plan *p, const struct range *r)
{
	release(p, r, p->newest);
}

void
plan_drop(struct plan *p, const struct range *r)
{
	release(p, r, PLAN_SKIP);
}

void
plan_give_back(struct plan *p, const struct range *r)
{
	release(p, r, r->read);
	if (r->table < p->at)
		p->at = r->table;
}

int
plan_is_done(const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->table[i].n; j++)
			if (p->table[i].interval[j].is_taken ||
			    !is_read(p, &p->table[i].interval[j]))
				return 0;
	return 1;
}

void
plan_count(const struct plan *p, uint64_t *done, uint64_t *all)
{
	*done = *all = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_table *t = &p->table[i];

		*all += t->pages;
		for (size_t j = 0; j < t->n && t->interval[j].first < t->pages; j++) {
			const struct interval *one = &t->interval[j];

			if (is_read(p, one))
				*done += (one->end < t->pages ? one->end : t->pages) - one->first;
		}
	}
}

void
plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->table[i].interval);
	free(p->table);
	*p = (struct plan){ .n = 0 };
}
