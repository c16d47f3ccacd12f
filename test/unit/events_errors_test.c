/* The stream's messages become event lines: what ends the run. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "events_stream.h"

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
main(void)
{
	log_init("events_errors_test");
	said_start();
	out_of_order();
	wrong_columns();
	bad_values();
	longest_line();
	if (!is_watched())
		short_of_memory();
	buf_free(&message);
	return tap_done();
}
