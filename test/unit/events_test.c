/* The stream's messages become event lines: what stands on the stream, and what does not. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../fault/prng.h"
#include "chain.h"
#include "event.h"
#include "events.h"
#include "log.h"
#include "lsn.h"

#include "messages.h"
#include "said.h"

#define START 0x1000
#define MOST (UINT64_C(1) << 30)

static struct filter none;
static struct types *types;
static struct events e;
static struct buf out;
static enum events_result result;
static uint64_t lsn;
static int ask_answer;

static int
ask(void *context, uint32_t oid, int32_t modifier, struct buf *name)
{
	(void)context;
	(void)oid;
	(void)modifier;
	if (ask_answer == 0)
		buf_str(name, "public.mood");
	return ask_answer;
}

static void
start(const struct filter *filter, uint64_t max_line)
{
	types = types_new(ask, NULL);
	if (types == NULL || events_init(&e, &out, types, filter, START, max_line) != 0)
		abort();
	said();
}

static void
stop(void)
{
	events_free(&e);
	types_free(types);
	buf_free(&out);
}

/* Take the message, which lies in a block of its own size that is gone afterwards. */
static int
take_at(uint64_t record)
{
	char *copy = malloc(message.len > 0 ? message.len : 1);
	int err;

	if (copy == NULL)
		abort();
	memcpy(copy, message.data, message.len);
	lsn = 0xdead;
	err = events_take(&e, record, copy, message.len, &result, &lsn);
	memset(copy, 'x', message.len);
	free(copy);
	return err;
}

static int
take(void)
{
	return take_at(0xA0);
}

/* It is taken and does nothing to the position. */
static void
quiet(void)
{
	if (take() != 0 || result != EVENTS_NOTHING)
		ok(0, "a message of type %c", *message.data);
}

static void
begin(uint64_t at)
{
	message_begin(at, 0, 9);
	quiet();
}

static void
commit(uint64_t at, uint64_t end)
{
	message_commit(at, end, 0);
	if (take() != 0)
		ok(0, "a commit is taken");
}

/* The lines, each with its action and what matters of it; all are forgotten. */
static const char *
lines(void)
{
	static char text[65536];
	static struct event v;
	char *to = text;

	*text = '\0';
	for (size_t at = 0; at < out.len;) {
		const char *line = out.data + at, *lf = memchr(line, '\n', out.len - at);
		const struct event_span *shown[] = { &v.lsn, &v.seq, &v.table, &v.prev, &v.ack };

		if (lf == NULL || event_scan(&v, line, (size_t)(lf - line)) != 0)
			return "not an event line";
		to += sprintf(to, "%c", v.code);
		for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
			if (shown[i]->p != NULL)
				to += sprintf(to, " %.*s", (int)shown[i]->len, shown[i]->p);
		to += sprintf(to, "; ");
		at += (size_t)(lf + 1 - line);
	}
	event_free(&v);
	out.len = 0;
	return text;
}

static const struct message_column id[] = { { 1, "id", 20, -1 }, { 0, "note", 25, -1 } };

static void
declare(uint32_t relation, const char *schema, const char *table)
{
	message_relation(relation, schema, table, 'd', 2, id);
	quiet();
}

static void
insert(uint32_t relation)
{
	message_change('I', relation);
	put_row('N', 2, (const char *[]){ "1", "a" });
}

static void
update(uint32_t relation)
{
	message_change('U', relation);
	put_row('N', 2, (const char *[]){ "1", "a" });
}

static void
remove_row(uint32_t relation)
{
	message_change('D', relation);
	put_row('K', 2, (const char *[]){ "1", NULL });
}

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
	struct filter some = { { items, 1 }, { exclude, 1 } };

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

/* Each is an error that names its place, and leaves nothing behind what was there. */
static void
is_error(const char *text, const char *what)
{
	size_t before = out.len;

	is_int(take_at(0x16B374D848), EXIT_PERMANENT, "%s", what);
	said_line(text);
	is_int(result, EVENTS_NOTHING, "... nothing moves the position");
	ok(out.len == before || (out.len > before && out.data[out.len - 1] == '\n'),
	    "... and no part of a line is left");
}

static void
out_of_order(void)
{
	static const char at[] = "could not decode the replication stream at 16/B374D848: ";

	start(&none, MOST);
	insert(5);
	is_error("a change outside of a transaction", "an insert outside of a transaction");
	update(5);
	is_error("a change outside of a transaction", "an update");
	remove_row(5);
	is_error("a change outside of a transaction", "a delete");
	message_truncate(0, 0, NULL);
	is_error("outside of a transaction", "a truncate");
	message_commit(0x2000, 0x2030, 0);
	is_error("outside of a transaction", "a commit");
	message_origin(1, "other");
	is_error("outside of a transaction", "an origin");
	message_type(1, "public", "mood");
	quiet();
	declare(5, "public", "a");
	ok(1, "a type and a relation may stand there");

	begin(0x2000);
	message_begin(0x3000, 0, 1);
	is_error("a transaction begins inside another", "B inside of B");
	message_commit(0x2001, 0x2030, 0);
	is_error("a commit of another transaction", "the commit of another one");
	insert(9);
	is_error("a change of a table that was not announced", "a change of an unknown table");
	message_start('?');
	is_error(at, "an unknown message");
	message.len = 0;
	is_error(at, "an empty one");
	message_start('b');
	is_error("two-phase", "one of a two-phase transaction");
	message_start('S');
	is_error("streamed", "one of a streamed transaction");
	message_start('A');
	is_error("ends too early", "an abort of one that is cut short");
	is_int(out.len, 0, "nothing of all that is on the stream");
	stop();
}

static void
wrong_columns(void)
{
	static const char reason[] = "a row with another number of columns than its table";

	start(&none, MOST);
	begin(0x2000);
	declare(5, "public", "a");
	for (int n = 0; n < 5; n++) {
		static const char *const row[] = { "1", "a", "b", "c", "d" };

		if (n == 2)
			continue;
		message_change('I', 5);
		put_row('N', n, row);
		is_error(reason, "an insert");
		message_change('U', 5);
		put_row('N', n, row);
		is_error(reason, "an update");
		message_change('U', 5);
		put_row('K', n, row);
		put_row('N', 2, row);
		is_error(reason, "... its old key");
		message_change('U', 5);
		put_row('O', 2, row);
		put_row('N', n, row);
		is_error(reason, "... its new row");
		message_change('D', 5);
		put_row('K', n, row);
		is_error(reason, "a delete");
	}
	is_int(out.len, 0, "no line is out, B neither");
	stop();
}

static void
bad_values(void)
{
	start(&none, MOST);
	begin(0x2000);
	declare(5, "public", "a");
	insert(5);
	quiet();
	message_change('I', 5);
	put_row('N', 2, (const char *[]){ "2", "\xff" });
	is_error("could not write the event at 16/B374D848 "
		 "(\"schema\":\"public\",\"table\":\"a\"): text that is not valid UTF-8",
	    "bad text");
	message_change('U', 5);
	put_row('N', 2, (const char *[]){ unchanged, "x" });
	is_error("a key column", "a key that was not sent");
	message_logical(1, 1, "\xff", "x", 1);
	is_error("(\"action\":\"M\")", "a message's prefix that is not UTF-8");
	message_relation(6, "\xff", "t", 'd', 0, NULL);
	is_error("is not valid UTF-8", "a name that is not UTF-8");
	is_str(lines(), "B \"0/2000\"; I \"0/A0\" 0 \"a\"; ", "what came before is whole");
	ask_answer = EXIT_TEMPORARY;
	message_relation(6, "public", "t", 'd', 1, &(struct message_column){ 0, "c", 17000, -1 });
	is_int(take(), EXIT_TEMPORARY, "the answer of who asks for types is passed on");
	ask_answer = 0;
	stop();
}

static void
longest_line(void)
{
	static char text[4096];
	const char *row[] = { "1", text };
	size_t len;

	memset(text, 'x', 2000);
	start(&none, MOST);
	begin(0x2000);
	declare(5, "public", "a");
	insert(5);
	quiet();
	out.len = 0;
	message_change('I', 5);
	put_row('N', 2, row);
	quiet();
	len = out.len - 1;
	stop();

	start(&none, len);
	begin(0x2000);
	declare(5, "public", "a");
	message_change('I', 5);
	put_row('N', 2, row);
	is_int(take(), 0, "a line of --max-line bytes");
	commit(0x2000, 0x2030);
	is_str(lines(), "B \"0/2000\"; I \"0/A0\" 0 \"a\"; C \"0/2000\" \"0/1000\" \"0/2030\"; ",
	    "... is whole");
	begin(0x2040);
	text[2000] = 'x';
	message_change('I', 5);
	put_row('N', 2, row);
	is_int(take(), EXIT_PERMANENT, "one byte more");
	said_line("more than --max-line=");
	is_str(lines(), "B \"0/2040\"; ", "... leaves B alone");
	text[2000] = '\0';
	message_truncate(0, 1, (const uint32_t[]){ 5 });
	quiet();
	is_str(lines(), "T \"0/A0\" 1 \"a\"; ", "another one fits");
	message_logical(1, 1, "p", text, 2000);
	message.data[message.len - 1] = 'y';
	quiet();
	message_logical(1, 1, "p", text, 2000 + 200);
	is_error("more than --max-line=", "a message that is too long");
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

#if defined(__has_feature)
#define FEATURE(f) __has_feature(f)
#else
#define FEATURE(f) 0
#endif

/* With limited memory the tools that watch it do not work. */
static int
is_watched(void)
{
#if defined(__SANITIZE_ADDRESS__) || FEATURE(address_sanitizer) || FEATURE(memory_sanitizer)
	return 1;
#else
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
#endif
}

/* Leave the process so much more memory than it has. */
static void
limit_memory(size_t more)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	struct rlimit limit;

	if (f == NULL || fscanf(f, "%lu", &pages) != 1 || getrlimit(RLIMIT_AS, &limit) != 0)
		abort();
	fclose(f);
	limit.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + more;
	if (setrlimit(RLIMIT_AS, &limit) != 0)
		abort();
}

/* A line for which the memory is too short, in a process of its own. */
static void
short_of_memory(void)
{
	const size_t len = 64 << 20;
	char *content = malloc(len);
	int status = -1;
	pid_t pid;

	if (content == NULL)
		abort();
	memset(content, 'x', len);
	start(&none, MOST);
	begin(0x2000);
	message_logical(1, 0x1F00, "app", content, len);
	free(content);
	fflush(stdout);
	if ((pid = fork()) == 0) {
		limit_memory(16 << 20);
		if (events_take(&e, 0xA0, message.data, message.len, &result, &lsn) !=
		    EXIT_TEMPORARY)
			_exit(2);
		_exit(out.len == 0 || out.data[out.len - 1] == '\n' ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	ok(WIFEXITED(status) && WEXITSTATUS(status) != 2, "a line that memory is too short for");
	said_line("out of memory for the line at 0/A0");
	is_int(status, 0, "... leaves no part of it");
	buf_free(&message);
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
	out_of_order();
	wrong_columns();
	bad_values();
	longest_line();
	chained(argc > 1 ? strtoull(argv[1], NULL, 10) : 1);
	if (!is_watched())
		short_of_memory();
	buf_free(&message);
	return tap_done();
}
