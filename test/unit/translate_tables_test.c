/* Tables by their names, and their definitions by interval of the log. */
#include <errno.h>
#include <stdlib.h>

#include "tables.h"
#include "tap.h"

static const struct filter every;

static struct event_span
span(const char *s)
{
	return (struct event_span){ s, strlen(s) };
}

static struct definition *
definition(uint64_t schema_id, uint64_t from, uint64_t until)
{
	struct definition *d = calloc(1, sizeof(*d));

	if (d == NULL)
		abort();
	d->schema_id = schema_id;
	d->from = from;
	d->until = until;
	return d;
}

/* The definition's id at lsn, 0 when there is none. */
static uint64_t
id_at(const struct table *t, uint64_t lsn)
{
	const struct definition *d = table_at(t, lsn);

	return d != NULL ? d->schema_id : 0;
}

/* The ids at 5, 15, 25 ... as digits. */
static const char *
ids(const struct table *t)
{
	static char text[16];
	size_t n = 0;

	for (uint64_t lsn = 5; lsn < 60; lsn += 10)
		text[n++] = (char)('0' + id_at(t, lsn));
	text[n] = '\0';
	return text;
}

static struct table *
table(struct tables *ts)
{
	*ts = (struct tables){ .filter = &every };
	return tables_get(ts, span("\"s\""), span("\"t\""));
}

/* Definitions 1 to 4, from 10, 20, 30 and 40 on, in each of the 24 orders. */
static void
any_order(void)
{
	for (int order = 0; order < 24; order++) {
		int rest[] = { 1, 2, 3, 4 }, left = 4, code = order;
		struct tables ts;
		struct table *t = table(&ts);
		char said[8] = "";

		for (int i = 0; left > 0; i++) {
			int at = code % left, id = rest[at];

			code /= left--;
			rest[at] = rest[left];
			said[i] = (char)('0' + id);
			table_add(t, definition((uint64_t)id, (uint64_t)id * 10, UINT64_MAX), 0);
		}
		is_str(ids(t), "012344", "in the order %s", said);
		tables_free(&ts);
	}
}

static struct definition *
uncommitted(uint64_t schema_id, uint64_t from)
{
	struct definition *d = definition(schema_id, from, UINT64_MAX);

	d->is_uncommitted = 1;
	return d;
}

/* A transaction takes the name at 20 and again at 26; its commit is at 40. */
static void
taken_name(void)
{
	struct tables ts;
	struct table *t = table(&ts);

	table_add(t, definition(1, 10, UINT64_MAX), 0);
	/* Of a command of others, committed meanwhile. */
	table_add(t, definition(2, 30, UINT64_MAX), 0);
	table_add(t, uncommitted(3, 20), 0);
	is_str(ids(t), "013333", "its own rows see the new table behind the command");
	table_add(t, uncommitted(4, 26), 0);
	is_str(ids(t), "013444", "and what else it makes of it");
	tables_commit(&ts, 40);
	is_str(ids(t), "011244", "those of others from the commit on");
	table_add(t, definition(5, 50, UINT64_MAX), 0);
	is_str(ids(t), "011245", "and the next definition follows");
	tables_commit(&ts, 60);
	is_str(ids(t), "011245", "another commit moves nothing");
	tables_free(&ts);
}

/* Against the plain rule: the one with the greatest beginning counts, up to its own end. */
static void
at_random(unsigned seed)
{
	struct tables ts;
	struct table *t = table(&ts);
	uint64_t from[64], until[64];
	int wrong = 0;

	printf("# seed %u\n", seed);
	srand(seed);
	for (uint64_t i = 0; i < 64; i++) {
		/* no two begin at the same place */
		from[i] = (uint64_t)(rand() % 1000) * 64 + i;
		until[i] = rand() % 3 == 0 ? from[i] + 1 + (uint64_t)(rand() % 5000) : UINT64_MAX;
		table_add(t, definition(i + 1, from[i], until[i]), 0);
		for (int tries = 0; tries < 100; tries++) {
			uint64_t lsn = (uint64_t)(rand() % 64000), best = UINT64_MAX;

			for (uint64_t j = 0; j <= i; j++)
				if (from[j] <= lsn && (best == UINT64_MAX || from[j] > from[best]))
					best = j;
			if (best != UINT64_MAX && lsn >= until[best])
				best = UINT64_MAX;
			wrong += id_at(t, lsn) != best + 1;
		}
	}
	is_int(wrong, 0, "64 definitions at random");
	tables_free(&ts);
}

static void
bounds(void)
{
	struct tables ts;
	struct table *t = table(&ts);

	is_str(ids(t), "000000", "nothing is known");
	table_add(t, definition(1, 10, 30), 0);
	is_str(ids(t), "011000", "an end is kept");
	is_int(id_at(t, 9), 0, "before it");
	is_int(id_at(t, 10), 1, "its first LSN");
	is_int(id_at(t, 29), 1, "its last one");
	is_int(id_at(t, 30), 0, "behind it");
	table_add(t, definition(3, 40, UINT64_MAX), 0);
	is_str(ids(t), "011033", "a hole between two");
	table_add(t, definition(2, 20, UINT64_MAX), 0);
	is_str(ids(t), "012233", "one between them ends the first, and where the next begins");
	ok(table_knows(t, 2), "a row of the log that is known");
	ok(!table_knows(t, 4), "... and one that is not");
	table_end(t, 50);
	is_str(ids(t), "012230", "the name is given up");
	table_end(t, 5);
	is_str(ids(t), "012230", "... where there was none");
	table_end(t, 20);
	is_str(ids(t), "012230", "... where the next one has it");
	table_forget_row(t, 2);
	is_str(ids(t), "010030", "one is forgotten");
	table_forget_row(t, 2);
	table_add(t, definition(2, 20, 30), 0);
	is_str(ids(t), "012030", "... and known again");
	is_int((long long)table_unknown(t, 12, 15), 15, "nothing is unknown inside of one");
	is_int((long long)table_unknown(t, 5, 10), 5, "what is unknown before the first");
	is_int((long long)table_unknown(t, 35, 38), 35, "... between two");
	is_int((long long)table_unknown(t, 25, 38), 30, "... behind the end of one");
	is_int((long long)table_unknown(t, 5, 35), 30, "... of the last");
	is_int((long long)table_unknown(t, 45, 70), 50, "... behind all");
	is_int((long long)table_unknown(t, 60, 70), 60, "... far behind all");
	table_forget(t);
	is_str(ids(t), "000000", "all are forgotten");
	table_add(t, definition(9, 0, UINT64_MAX), 0);
	tables_forget(&ts);
	is_str(ids(t), "000000", "... of all tables");
	tables_free(&ts);
}

static void
forgetting(void)
{
	struct tables ts;
	struct table *t = table(&ts);

	for (uint64_t i = 1; i <= 5; i++)
		table_add(t, definition(i, i * 10, UINT64_MAX), 3);
	is_int((long long)t->n, 3, "no more than three are kept");
	is_str(ids(t), "000345", "the oldest are forgotten");
	table_add(t, definition(1, 10, 20), 3);
	is_int(id_at(t, 15), 1, "an old one that was asked for is there");
	is_int((long long)t->n, 3, "... and another was forgotten");
	is_int(id_at(t, 20), 0, "... which is not taken for it");
	is_int(id_at(t, 35), 0, "... nor for the one before");
	is_int(id_at(t, 45), 4, "the newest are there");
	is_int(id_at(t, 55), 5, "... both");
	tables_free(&ts);
}

/* More tables than the hash table begins with, found again by each kind of name. */
static void
many(void)
{
	struct tables ts = { .filter = &every };
	static struct table *seen[5000];
	size_t wrong = 0;
	char name[32];

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			struct table *t;

			snprintf(name, sizeof(name), "\"t%d\"", i);
			t = tables_get(&ts, span(i % 2 ? "\"a\"" : "\"b\""), span(name));
			if (round == 0)
				seen[i] = t;
			wrong += t == NULL || t != seen[i] ||
			         tables_get(&ts, span(i % 2 ? "\"a\"" : "\"b\""), span(name)) != t;
			snprintf(name, sizeof(name), "t%d", i);
			wrong += t != tables_get_plain(&ts, i % 2 ? "a" : "b", name) ||
			         strcmp(t->name, name) != 0;
		}
	is_int((long long)wrong, 0, "5000 tables are found again");
	is_int((long long)ts.n, 5000, "each is there once");
	ok(ts.cap >= 2 * ts.n, "the hash table has grown");
	tables_free(&ts);
	is_int((long long)ts.n, 0, "freed");
}

static const struct {
	const char *schema, *name, *plain_schema, *plain_name;
} spelled[] = {
	{ "\"s\"", "\"t\"", "s", "t" },
	{ "\"\\u0073\"", "\"\\u0074\"", "s", "t" },
	{ "\"s\"", "\"a\\\"b\\\\c\"", "s", "a\"b\\c" },
	{ "\"s\"", "\"a\\u0022b\\u005cc\"", "s", "a\"b\\c" },
	{ "\"s\"", "\"\\n\\u001b\"", "s", "\n\x1b" },
	{ "\"s\"", "\"\\u000a\\u001B\"", "s", "\n\x1b" },
	{ "\"s\"", "\"a\\/b\"", "s", "a/b" },
	{ "\"s\"", "\"\xc3\xa9\"", "s", "\xc3\xa9" },
	{ "\"s\"", "\"\\u00e9\"", "s", "\xc3\xa9" },
	{ "\"s\"", "\"\\uD83D\\ude00\"", "s", "\xf0\x9f\x98\x80" },
	{ "\"\"", "\"\"", "", "" },
	{ "\"ab\"", "\"c\"", "ab", "c" },
	{ "\"a\"", "\"bc\"", "a", "bc" },
	{ "\"a.b\"", "\"c\"", "a.b", "c" },
	{ "\"a\"", "\"b.c\"", "a", "b.c" },
};

static void
names(void)
{
	struct tables ts = { .filter = &every };
	size_t n = sizeof(spelled) / sizeof(spelled[0]);

	for (size_t i = 0; i < n; i++) {
		struct table *t = tables_get(&ts, span(spelled[i].schema), span(spelled[i].name));

		is_str(t->schema, spelled[i].plain_schema, "schema %s", spelled[i].schema);
		is_str(t->name, spelled[i].plain_name, "table %s", spelled[i].name);
		ok(t == tables_get_plain(&ts, spelled[i].plain_schema, spelled[i].plain_name),
		    "... is the same by its plain name");
		for (size_t j = 0; j < n; j++)
			if (t == tables_get(&ts, span(spelled[j].schema), span(spelled[j].name)))
				ok(strcmp(spelled[i].plain_schema, spelled[j].plain_schema) == 0 &&
					strcmp(spelled[i].plain_name, spelled[j].plain_name) == 0,
				    "... and %s.%s only is that, too", spelled[j].schema,
				    spelled[j].name);
	}
	is_int((long long)ts.n, 11, "each is there once");
	ok(tables_get(&ts, span("\"s\""), span("\"\\ud800\"")) == NULL && errno == EBADMSG,
	    "half of a surrogate pair is no name");
	ok(tables_get(&ts, span("\"a\\u0000\""), span("\"t\"")) == NULL && errno == EBADMSG,
	    "... nor is a NUL");
	is_int((long long)ts.n, 11, "... and they are not kept");
	tables_free(&ts);
}

static void
filters(void)
{
	char *pattern = (char[]){ "a\"*.t" };
	struct filter f = { .tables = { &pattern, 1 } };
	struct tables ts = { .filter = &f };

	ok(tables_get(&ts, span("\"a\\\"b\""), span("\"t\""))->passes, "a table that passes");
	ok(!tables_get(&ts, span("\"a\""), span("\"t\""))->passes, "... and one that does not");
	tables_free(&ts);
}

int
main(int argc, char **argv)
{
	any_order();
	taken_name();
	at_random(argc > 1 ? (unsigned)atoi(argv[1]) : 1);
	bounds();
	forgetting();
	many();
	names();
	filters();
	return tap_done();
}
