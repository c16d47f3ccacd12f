/* The stream's messages become event lines: what stands on the stream, and what does not. */
#include "../fault/prng.h"
#include "chain.h"
#include "lsn.h"

#include "events_stream.h"

static void
a_transaction(void)
{
	start(&none, MOST);
	ok(e.prev == START && !e.in_transaction, "at the start");
	begin(0x2000);
	ok(e.in_transaction && !e.open, "begun, and no line is out");
	is_int(out.len, 0, "... not even B");
	declare(5, "public", "a");
	is_int(out.len, 0, "a Relation message gives no line");
	insert(5);
	is_int(take_at(0x1F00), 0, "a change is taken");
	is_int(result, EVENTS_NOTHING, "... and does nothing to the position");
	ok(e.open, "B is out");
	update(5);
	take_at(0x1F10);
	remove_row(5);
	take_at(0x1F20);
	message_commit(0x2000, 0x2030, 0);
	is_int(take(), 0, "the commit");
	is_int(result, EVENTS_TOKEN, "... gives a token");
	is_int(lsn, 0x2030, "... its end");
	is_int(e.prev, 0x2030, "... which is the newest now");
	ok(!e.in_transaction && !e.open, "no transaction is open");
	is_str(lines(),
	    "B \"0/2000\"; I \"0/1F00\" 0 \"a\"; U \"0/1F10\" 1 \"a\"; "
	    "D \"0/1F20\" 2 \"a\"; C \"0/2000\" \"0/1000\" \"0/2030\"; ",
	    "the lines");
	begin(0x2030);
	insert(5);
	take_at(0x2031);
	commit(0x2030, 0x2060);
	is_str(lines(), "B \"0/2030\"; I \"0/2031\" 0 \"a\"; C \"0/2030\" \"0/2030\" \"0/2060\"; ",
	    "the next one begins at 0 and follows the token before");
	ok(e.n_events == 4 && e.n_transactions == 2, "4 events in 2 transactions");
	stop();
}

/* What has no lines moves the position, too. */
static void
silent(void)
{
	start(&none, MOST);
	begin(0x2000);
	commit(0x2000, 0x2030);
	is_int(result, EVENTS_SILENT, "an empty transaction");
	is_int(lsn, 0x2030, "... ended there");
	is_int(out.len, 0, "... has no lines");
	is_int(e.prev, START, "... and no token");
	begin(0x2040);
	message_origin(1, "other");
	quiet();
	declare(5, "public", "a");
	message_type(16400, "public", "mood");
	quiet();
	message_truncate(0, 0, NULL);
	quiet();
	commit(0x2040, 0x2050);
	is_int(result, EVENTS_SILENT, "one with an origin, a type and a relation only");
	is_int(out.len, 0, "... has no lines");
	begin(0x2060);
	insert(5);
	take_at(0x2055);
	commit(0x2060, 0x2070);
	is_str(lines(), "B \"0/2060\"; I \"0/2055\" 0 \"a\"; C \"0/2060\" \"0/1000\" \"0/2070\"; ",
	    "the next token follows the last one that had a line");
	ok(e.n_transactions == 1, "only that one is counted");
	stop();
}

static void
filtered(void)
{
	static char pattern[] = "public.a";
	char *items[] = { pattern };
	struct filter some = { .tables = { items, 1 } };

	start(&some, MOST);
	begin(0x2000);
	declare(5, "public", "a");
	declare(6, "public", "b");
	insert(6);
	quiet();
	update(6);
	quiet();
	remove_row(6);
	quiet();
	message_truncate(0, 1, (const uint32_t[]){ 6 });
	quiet();
	commit(0x2000, 0x2030);
	is_int(result, EVENTS_SILENT, "a transaction of which nothing passes");
	is_int(lsn, 0x2030, "... ended there");
	is_int(out.len, 0, "... has no lines");
	is_int(e.n_events, 0, "... and no events");
	begin(0x2040);
	insert(6);
	quiet();
	insert(5);
	quiet();
	message_truncate(0, 3, (const uint32_t[]){ 6, 5, 6 });
	quiet();
	insert(6);
	quiet();
	remove_row(5);
	quiet();
	commit(0x2040, 0x2050);
	is_int(result, EVENTS_TOKEN, "one of which something passes");
	is_str(lines(),
	    "B \"0/2040\"; I \"0/A0\" 1 \"a\"; T \"0/A0\" 3 \"a\"; D \"0/A0\" 6 \"a\"; "
	    "C \"0/2040\" \"0/1000\" \"0/2050\"; ",
	    "... is numbered before the filter");
	begin(0x2060);
	insert(7);
	is_int(take(), EXIT_PERMANENT, "an unknown table is an error, also behind a filter");
	said_line("not announced");
	stop();
}

/* Of schema pgcdc only new rows of the log. */
static void
our_schema(void)
{
	static char pattern[] = "public.a", excluded[] = "pgcdc.*";
	char *items[] = { pattern }, *exclude[] = { excluded };
	struct filter some = { .tables = { items, 1 }, .exclude = { exclude, 1 } };

	for (int filtering = 0; filtering < 2; filtering++) {
		start(filtering ? &some : &none, MOST);
		begin(0x2000);
		declare(5, "pgcdc", "schema_log");
		declare(6, "pgcdc", "table_ids");
		insert(5);
		quiet();
		update(5);
		quiet();
		remove_row(5);
		quiet();
		insert(6);
		quiet();
		update(6);
		quiet();
		remove_row(6);
		quiet();
		message_truncate(0, 2, (const uint32_t[]){ 5, 6 });
		quiet();
		insert(5);
		quiet();
		commit(0x2000, 0x2030);
		is_str(lines(),
		    "B \"0/2000\"; I \"0/A0\" 0 \"schema_log\"; "
		    "I \"0/A0\" 8 \"schema_log\"; C \"0/2000\" \"0/1000\" \"0/2030\"; ",
		    "schema pgcdc%s", filtering ? ", whatever the patterns say" : "");
		begin(0x2040);
		update(5);
		quiet();
		commit(0x2040, 0x2050);
		is_int(result, EVENTS_SILENT, "an update of the log only gives no lines");
		is_int(out.len, 0, "... none at all");
		stop();
	}
}

static void
truncating(void)
{
	start(&none, MOST);
	begin(0x2000);
	declare(5, "public", "a");
	declare(6, "public", "b");
	message_truncate(3, 2, (const uint32_t[]){ 6, 5 });
	is_int(take_at(0x1F00), 0, "two tables are truncated");
	commit(0x2000, 0x2030);
	is_str(lines(),
	    "B \"0/2000\"; T \"0/1F00\" 0 \"b\"; T \"0/1F00\" 1 \"a\"; "
	    "C \"0/2000\" \"0/1000\" \"0/2030\"; ",
	    "a line for each, with its number");
	begin(0x2040);
	message_truncate(0, 2, (const uint32_t[]){ 5, 99 });
	is_int(take(), EXIT_PERMANENT, "a table that was not announced");
	said_line("could not decode the replication stream at 0/A0: a truncate of a table");
	stop();
}

static void
messages(void)
{
	start(&none, MOST);
	message_logical(0, 0x1800, "app", "x", 1);
	is_int(take_at(0x17F0), 0, "a message of no transaction");
	is_int(result, EVENTS_TOKEN, "... is a token");
	ok(lsn == 0x1800 && e.prev == 0x1800, "... its LSN");
	is_str(lines(), "M \"0/1800\" 0 \"0/1000\" \"0/1800\"; ", "... on its line");
	begin(0x2000);
	declare(5, "public", "a");
	message_logical(1, 0x1F00, "app", "x", 1);
	is_int(take(), 0, "a message of a transaction");
	is_int(result, EVENTS_NOTHING, "... is none");
	insert(5);
	quiet();
	message_logical(1, 0x1F20, "app", "y", 1);
	quiet();
	commit(0x2000, 0x2030);
	is_str(lines(),
	    "B \"0/2000\"; M \"0/1F00\" 0; I \"0/A0\" 1 \"a\"; M \"0/1F20\" 2; "
	    "C \"0/2000\" \"0/1800\" \"0/2030\"; ",
	    "... and is numbered with the changes");
	begin(0x2040);
	message_logical(1, 0x2038, "app", "x", 1);
	quiet();
	commit(0x2040, 0x2050);
	is_int(result, EVENTS_TOKEN, "a message alone makes a transaction");
	is_str(lines(), "B \"0/2040\"; M \"0/2038\" 0; C \"0/2040\" \"0/2030\" \"0/2050\"; ",
	    "... with lines");
	message_logical(1, 0x2100, "app", "x", 1);
	is_int(take(), EXIT_PERMANENT, "a message of a transaction outside of one");
	said_line("a transactional message outside of a transaction");
	begin(0x2200);
	message_logical(0, 0x2190, "app", "x", 1);
	is_int(take(), EXIT_PERMANENT, "a message of no transaction inside of one");
	said_line("that is not its own");
	ok(result == EVENTS_NOTHING && e.prev == 0x2050, "... is no token");
	stop();
}

/* A message passes whatever tables do. */
static void
messages_and_filters(void)
{
	static char pattern[] = "public.*";
	char *items[] = { pattern };
	struct filter no_tables = { .exclude = { items, 1 } };

	start(&no_tables, MOST);
	begin(0x2000);
	declare(5, "public", "a");
	insert(5);
	quiet();
	message_logical(1, 0x1F00, "app", "x", 1);
	quiet();
	commit(0x2000, 0x2030);
	is_str(lines(), "B \"0/2000\"; M \"0/1F00\" 1; C \"0/2000\" \"0/1000\" \"0/2030\"; ",
	    "a message beside tables that do not pass");
	stop();
}

static void
origins(void)
{
	start(&none, MOST);
	begin(0x2000);
	message_origin(0x77, "other");
	quiet();
	declare(5, "public", "a");
	insert(5);
	quiet();
	commit(0x2000, 0x2030);
	for (const char *at = out.data, *lf; at < out.data + out.len; at = lf + 1) {
		lf = memchr(at, '\n', (size_t)(out.data + out.len - at));
		ok(memmem(at, (size_t)(lf - at), "+00\",\"origin\":\"other\"", 20) != NULL,
		    "a line of action %c has its origin", at[11]);
	}
	out.len = 0;
	begin(0x2040);
	insert(5);
	quiet();
	commit(0x2040, 0x2050);
	ok(memmem(out.data, out.len, "origin", 6) == NULL, "the next transaction has none");
	begin(0x2060);
	message_origin(0x77, "\xff");
	is_int(take(), EXIT_PERMANENT, "an origin that is not UTF-8");
	said_line("at 0/A0");
	stop();
}

/* Random transactions are a stream that every sink would take. An argument is the seed. */
static void
chained(uint64_t seed)
{
	static char pattern[] = "public.a";
	char *items[] = { pattern };
	struct filter some = { .tables = { items, 1 } };
	struct encode_head head = { "7445", 1, "s", START, 0 };
	struct prng p = { seed };
	struct chain c = { .begun = 0 };
	struct event v = { .code = 0 };
	uint64_t at = START;
	int good = 1;

	start(&some, MOST);
	encode_head(&out, &head);
	for (int i = 0; i < 500; i++) {
		if (prng_percent(&p, 20)) {
			message_logical(0, at += 8, "app", "x", 1);
			good &= take() == 0 && result == EVENTS_TOKEN && lsn == at;
			continue;
		}
		begin(at);
		declare(5, "public", "a");
		declare(6, "public", "b");
		for (int k = prng_below(&p, 4); k > 0; k--) {
			int table = prng_between(&p, 5, 6);

			insert((uint32_t)table);
			quiet();
		}
		commit(at, at + 48);
		at += 48;
		good &= lsn == at && result != EVENTS_NOTHING;
	}
	ok(good, "500 transactions and messages are taken, seed %llu", (unsigned long long)seed);
	for (size_t from = 0; from < out.len && good;) {
		const char *line = out.data + from, *lf = memchr(line, '\n', out.len - from);

		good = lf != NULL && event_scan(&v, line, (size_t)(lf - line)) == 0 &&
		       chain_take(&c, &v) == 0;
		from += (size_t)(lf + 1 - line);
	}
	if (!ok(good, "each token follows the one before"))
		printf("#   %s\n", c.error);
	is_str(c.last, lsn_text(e.prev), "the last one is the newest token");
	ok(!c.in_transaction, "and no transaction is open");
	event_free(&v);
	stop();
}

int
main(int argc, char **argv)
{
	log_init("events_test");
	said_start();
	a_transaction();
	silent();
	filtered();
	our_schema();
	truncating();
	messages();
	messages_and_filters();
	origins();
	chained(argc > 1 ? strtoull(argv[1], NULL, 10) : 1);
	buf_free(&message);
	return tap_done();
}
