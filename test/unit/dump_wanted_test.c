/* What of a table is wanted: columns, rows and pages. */
#include "log.h"
#include "plan.h"
#include "wanted.h"

#include "said.h"
#include "tap.h"

#define N 4

/* Lists that live as long as the program. */
static struct opt_list
list(const char *const items[N])
{
	static char texts[64][64], *pointers[64];
	static size_t used;
	struct opt_list l = { .item = &pointers[used] };

	for (; l.n < N && items[l.n] != NULL; l.n++) {
		strcpy(texts[used], items[l.n]);
		pointers[used] = texts[used];
		used++;
	}
	return l;
}

static const char *
where(const struct wanted *w, const char *table)
{
	static struct buf b;

	b.len = 0;
	wanted_where(w, &b, "s", table);
	buf_add(&b, "", 1);
	return b.data;
}

static void
rows(void)
{
	const struct wanted_options o = { .where = list((const char *[N]){
					      "s.a:x > 1", "s.*:y::int = 2 -- why", "t.a:no" }) };
	static struct wanted w;

	is_int(wanted_parse(&w, &o), 0, "conditions");
	is_str(where(&w, "a"),
	    "coalesce((x > 1\n), false) AND coalesce((y::int = 2 -- why\n), false)",
	    "each that is made for the table");
	is_str(where(&w, "b"), "coalesce((y::int = 2 -- why\n), false)", "a pattern's");
}

static void
columns(void)
{
	const struct wanted_options o = {
		.columns = list((const char *[N]){ "s.a:x", "y" }),
		.exclude_columns = list((const char *[N]){ "s.*:n*" }),
	};
	static struct wanted w;

	is_int(wanted_parse(&w, &o), 0, "columns");
	ok(wanted_has(&w, "s", "a", "y"), "one that is named");
	ok(!wanted_has(&w, "s", "a", "z"), "one that is not");
	ok(wanted_has(&w, "s", "b", "z"), "of another table all ...");
	ok(!wanted_has(&w, "s", "b", "note"), "... but those that are left out");
}

/* All pages of the table, as "first-end ". */
static const char *
pages_of(const struct wanted *w, const char *table)
{
	static char text[200];
	const struct pages *pages;
	size_t i = 0, len = 0;

	text[0] = '\0';
	while ((pages = wanted_pages(w, &i, "s", table)) != NULL)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%u-%u ", pages->first, pages->end);
	return text;
}

static void
pages(void)
{
	const struct wanted_options o = { .pages = list((const char *[N]){
					      "s.a:0-0", "s.b:5-", "s.a:7-4294967294", "s.c" }) };
	static const char *const bad[] = { "s.a:", "s.a:1", "s.a:2-1", "s.a:-1", "s.a:1-x",
		"s.a:1-2,", "s.*:1-2", "a:1-2", "s.a:0-4294967295", "s.a:1-99999999999999999999" };
	static struct wanted refused[sizeof(bad) / sizeof(bad[0])]; /* none is a leak */
	static struct wanted w;

	is_int(wanted_parse(&w, &o), 0, "pages");
	is_str(pages_of(&w, "a"), "0-1 7-4294967295 ", "first and last");
	is_str(pages_of(&w, "b"), "5-4294967295 ", "to the end");
	is_str(pages_of(&w, "c"), "0-4294967295 ", "all");
	is_str(pages_of(&w, "d"), "", "none");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct wanted_options one = { .pages = list((const char *[N]){ bad[i] }) };

		is_int(wanted_parse(&refused[i], &one), EXIT_PERMANENT, "%s", bad[i]);
		ok(strstr(said(), "invalid pages \"") != NULL, "... is said");
	}
}

int
main(void)
{
	said_start();
	rows();
	columns();
	pages();
	return tap_done();
}
