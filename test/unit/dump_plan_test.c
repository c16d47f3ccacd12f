/* Which pages are read in which snapshot. */
#include "plan.h"

#include "tap.h"

static struct plan plan;

/* The next range, as text: "table:first-end/read", "-" if there is none. */
static const char *
next(struct range *r)
{
	static char text[80];

	if (plan_next(&plan, r) == 0)
		return "-";
	snprintf(text, sizeof(text), "%zu:%u-%s%u/%u", r->table, r->first,
	    r->end == PLAN_END ? "end" : "", r->end == PLAN_END ? 0 : r->end, r->read);
	return text;
}

static void
in_order(void)
{
	struct range a, b, c, d, e, none;

	plan_begin(&plan, 3, 10);
	plan_restart(&plan, 0, 25);
	plan_restart(&plan, 1, 0);
	plan_restart(&plan, 2, 10);
	is_str(next(&a), "0:0-10/0", "the first pages");
	is_str(next(&b), "0:10-20/0", "the next");
	is_str(next(&c), "0:20-end0/0", "the last ones of a table, however many");
	is_str(next(&d), "1:0-end0/0", "an empty table");
	is_str(next(&e), "2:0-end0/0", "a table of one range");
	is_str(next(&none), "-", "all are taken");
	plan_done(&plan, &b);
	plan_done(&plan, &e);
	plan_done(&plan, &a);
	plan_done(&plan, &d);
	ok(!plan_is_done(&plan), "one is missing");
	plan_done(&plan, &c);
	ok(plan_is_done(&plan), "none is");
	is_int((int)plan.table[0].n, 1, "what is read is one interval");
	plan_free(&plan);
}

static void
again(void)
{
	struct range a, b;

	plan_begin(&plan, 2, 10);
	plan_restart(&plan, 0, 20);
	plan_restart(&plan, 1, 5);
	next(&a);
	next(&b);
	plan_done(&plan, &a);
	plan_give_back(&plan, &b);
	plan_renew(&plan);
	is_str(next(&a), "0:0-10/1", "what an older snapshot may not have seen");
	is_str(next(&b), "0:10-end0/0", "what was given back");
	plan_done(&plan, &b);
	plan_give_back(&plan, &a);
	is_str(next(&a), "0:0-10/1", "given back again, it still has its snapshot");
	plan_done(&plan, &a);
	is_str(next(&b), "1:0-end0/0", "the other table");
	plan_done(&plan, &b);
	ok(plan_is_done(&plan), "all is read in the second");
	plan_restart(&plan, 1, 30);
	ok(!plan_is_done(&plan), "a table that was rewritten is read from its beginning");
	is_str(next(&a), "1:0-10/0", "in ranges");
	plan_done(&plan, &a);
	plan_renew(&plan);
	is_str(next(&a), "0:0-10/2", "a table that was read whole comes in ranges again");
	plan_free(&plan);
}

static void
resumed(void)
{
	struct range a;

	plan_begin(&plan, 1, 10);
	plan_restart(&plan, 0, 40);
	plan_mark(&plan, 0, 10, 20, 1);
	plan_mark(&plan, 0, 20, 30, 1);
	plan_mark(&plan, 0, 15, 25, 2);
	is_int((int)plan.table[0].n, 5, "what was read twice counts as in the newer one");
	plan_mark(&plan, 0, 10, 30, 2);
	is_int((int)plan.table[0].n, 3, "what is alike is one");
	plan_renew(&plan);
	plan_renew(&plan);
	is_str(next(&a), "0:0-10/0", "before what was read");
	is_str(next(&a), "0:10-20/2", "that, for what is new");
	is_str(next(&a), "0:20-30/2", "in ranges");
	is_str(next(&a), "0:30-end0/0", "behind it");
	plan_free(&plan);
}

/* Ranges that end in another order than they began, so that intervals become many. */
static void
many(void)
{
	struct range r[100];
	int n;

	plan_begin(&plan, 1, 10);
	plan_restart(&plan, 0, 1000);
	for (n = 0; n < 100 && plan_next(&plan, &r[n]) > 0; n++) {
		is_int((int)r[n].first, 10 * n, "range %d", n);
		if (n % 2 == 1)
			plan_done(&plan, &r[n]);
	}
	is_int(n, 100, "all of them");
	for (int i = 0; i < 100; i += 2)
		plan_done(&plan, &r[i]);
	ok(plan_is_done(&plan), "none is missing");
	plan_free(&plan);
}

static void
pages(void)
{
	struct range a, b, c, none;
	uint64_t done, all;

	plan_begin(&plan, 2, 10);
	plan_restart(&plan, 0, 100);
	plan_restart(&plan, 1, 100);
	plan_skip(&plan, 0);
	plan_skip(&plan, 1);
	ok(plan_is_done(&plan), "nothing is wanted");
	plan_count(&plan, &done, &all);
	is_int((int)done, 200, "... of all pages");
	plan_want(&plan, 0, 15, 30);
	plan_want(&plan, 0, 29, 35);
	plan_want(&plan, 1, 95, PLAN_END);
	plan_mark(&plan, 0, 0, 20, 1);
	plan_renew(&plan);
	is_str(next(&a), "0:15-20/1", "what an earlier run has read of them");
	is_str(next(&b), "0:20-30/0", "what is wanted");
	is_str(next(&c), "0:30-35/0", "and not what is behind");
	plan_done(&plan, &a);
	plan_done(&plan, &b);
	plan_done(&plan, &c);
	is_str(next(&a), "1:95-end0/0", "to the end, wherever it is");
	plan_count(&plan, &done, &all);
	is_int((int)(all - done), 5, "so much is left");
	is_str(next(&none), "-", "that is all");
	ok(!plan_is_done(&plan), "one is missing");
	plan_done(&plan, &a);
	ok(plan_is_done(&plan), "none is");
	plan_free(&plan);
}

int
main(void)
{
	in_order();
	many();
	pages();
	resumed();
	again();
	return tap_done();
}
