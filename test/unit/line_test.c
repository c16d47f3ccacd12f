/* The line reader; the target of the fuzzer serves for its split points. */
#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#include "../fuzz/fuzz_line.c"
#include "tap.h"

static const char *line;
static size_t len;

/* A file with content, to be read from its beginning. */
static int
file_of(const char *content, size_t n)
{
	FILE *f = tmpfile();
	int fd;

	if (f == NULL || fwrite(content, 1, n, f) != n || fflush(f) != 0 ||
	    (fd = dup(fileno(f))) < 0 || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	fclose(f);
	return fd;
}

static void
put(int fd, const char *bytes, size_t n)
{
	if (write(fd, bytes, n) != (ssize_t)n)
		abort();
}

/* line_next(), filling as often as it asks for that. */
static enum line_status
next(struct line_reader *r)
{
	enum line_status status;

	while ((status = line_next(r, &line, &len)) == LINE_MORE)
		if (line_fill(r) != 0)
			abort();
	return status;
}

static int
is_line(struct line_reader *r, const char *want, size_t n)
{
	return next(r) == LINE_READY && len == n && memcmp(line, want, n) == 0;
}

static void
simple(void)
{
	struct line_reader r;
	int fd = file_of("one\n\n\0a\r\n\xff\n", 11);

	line_open(&r, fd, 100);
	is_int(line_next(&r, &line, &len), LINE_MORE, "nothing before the first fill");
	ok(is_line(&r, "one", 3), "a line without its LF");
	is_int(r.number, 1, "its number");
	ok(is_line(&r, "", 0), "an empty line");
	ok(is_line(&r, "\0a\r", 3), "NUL and CR are bytes like others");
	ok(is_line(&r, "\xff", 1), "so is 0xff");
	is_int(r.number, 4, "the number of the last line");
	is_int(next(&r), LINE_END, "the end");
	is_int(next(&r), LINE_END, "and it stays the end");
	is_int(line_fill(&r), 0, "a fill after it is no error");
	is_int(next(&r), LINE_END, "nor does it change it");
	is_int(r.number, 4, "nor the number");
	line_close(&r);
	close(fd);

	fd = file_of("", 0);
	line_open(&r, fd, 100);
	is_int(next(&r), LINE_END, "an empty input");
	is_int(r.number, 0, "has no line");
	line_close(&r);
	close(fd);
}

static void
cut(void)
{
	struct line_reader r;
	int fd = file_of("one\ntw", 6);

	line_open(&r, fd, 100);
	ok(is_line(&r, "one", 3), "a whole line");
	is_int(next(&r), LINE_CUT, "a line that is cut");
	ok(len == 2 && memcmp(line, "tw", 2) == 0, "as much of it as there is");
	is_int(r.number, 2, "its number");
	is_int(next(&r), LINE_CUT, "it stays cut");
	is_int(r.number, 2, "and keeps its number");
	line_close(&r);
	close(fd);
}

static void
too_long(void)
{
	struct line_reader r;
	int fd = file_of("12345\n123456\n1\n", 15);

	line_open(&r, fd, 5);
	ok(is_line(&r, "12345", 5), "as long as allowed");
	is_int(next(&r), LINE_TOO_LONG, "one byte more");
	is_int(r.number, 2, "its number");
	is_int(next(&r), LINE_TOO_LONG, "nothing behind it is given");
	is_int(r.number, 2, "and the number stays");
	line_close(&r);
	close(fd);

	fd = file_of("123456", 6);
	line_open(&r, fd, 5);
	is_int(next(&r), LINE_TOO_LONG, "too long, and without an end");
	line_close(&r);
	close(fd);

	fd = file_of("123456", 6);
	line_open(&r, fd, 5);
	line_fill(&r);
	line_fill(&r);
	is_int(next(&r), LINE_TOO_LONG, "also when the end of input is known");
	line_close(&r);
	close(fd);

	fd = file_of("\n\na\n", 4);
	line_open(&r, fd, 0);
	ok(is_line(&r, "", 0) && is_line(&r, "", 0), "empty lines alone");
	is_int(next(&r), LINE_TOO_LONG, "and one that is not");
	line_close(&r);
	close(fd);
}

/* The buffer never has more than max and an LF, and a reader that goes on is told so. */
static void
full(void)
{
	char x[200];
	struct line_reader r;
	int fd = file_of(memset(x, 'x', sizeof(x)), sizeof(x));

	line_open(&r, fd, 100);
	r.usual = 8;
	is_int(next(&r), LINE_TOO_LONG, "too long");
	is_int(r.cap, 101, "the buffer has room for no more than that");
	is_int(len, 101, "all of it is used");
	ok(line_fill(&r) == -1 && errno == ENOBUFS, "no room");
	is_int(next(&r), LINE_TOO_LONG, "which is no end of input");
	line_close(&r);
	close(fd);
}

static void
pieces(void)
{
	struct line_reader r;
	const char *first;
	int fd[2];

	if (pipe2(fd, O_NONBLOCK) != 0)
		abort();
	line_open(&r, fd[0], 100);
	is_int(line_fill(&r), 0, "nothing to read is no error");
	is_int(line_next(&r, &line, &len), LINE_MORE, "but no line");
	put(fd[1], "on", 2);
	line_fill(&r);
	is_int(line_next(&r, &line, &len), LINE_MORE, "half a line is none");
	put(fd[1], "e\ntwo\nth", 8);
	is_int(line_next(&r, &line, &len), LINE_MORE, "line_next() does not read");
	line_fill(&r);
	ok(line_next(&r, &line, &len) == LINE_READY && len == 3, "the whole line");
	first = line;
	ok(line_next(&r, &line, &len) == LINE_READY && len == 3, "the next one");
	is_int(line_next(&r, &line, &len), LINE_MORE, "half a line again");
	ok(memcmp(first, "one\ntwo\n", 8) == 0, "the lines stay until the next fill");
	put(fd[1], "ree\n", 4);
	close(fd[1]);
	line_fill(&r);
	ok(line_next(&r, &line, &len) == LINE_READY && len == 5 && memcmp(line, "three", 5) == 0,
	    "the line of two pieces");
	is_int(line_next(&r, &line, &len), LINE_MORE, "the end is not known yet");
	line_fill(&r);
	is_int(line_next(&r, &line, &len), LINE_END, "the end");
	line_close(&r);
	close(fd[0]);
}

/* A line of n bytes and its LF, that begins with n. */
static char *
long_line(size_t n)
{
	char *p = malloc(n + 1);

	if (p == NULL)
		abort();
	memset(p, 'x', n + 1);
	p[snprintf(p, n, "%zu", n)] = 'x';
	p[n] = '\n';
	return p;
}

/* The buffer follows the lines: up for a huge one, and down behind it. */
static void
memory(void)
{
	static const size_t sizes[] = { 100, LINE_BUFFER - 1, LINE_BUFFER, LINE_BUFFER + 1,
		3 * LINE_BUFFER, 6 * LINE_BUFFER, 50, 12 * LINE_BUFFER, 1000, 2 * LINE_BUFFER };
	const size_t n = sizeof(sizes) / sizeof(sizes[0]);
	FILE *f = tmpfile();
	struct line_reader r;

	if (f == NULL)
		abort();
	for (size_t i = 0; i < n; i++) {
		char *p = long_line(sizes[i]);

		fwrite(p, 1, sizes[i] + 1, f);
		free(p);
		/* So many that the buffer is filled anew among them. */
		for (size_t j = 0; j < 1000 + sizes[i]; j++)
			fputs("s\n", f);
	}
	if (fflush(f) != 0)
		abort();
	rewind(f);
	line_open(&r, fileno(f), SIZE_MAX);
	for (size_t i = 0; i < n; i++) {
		char *p = long_line(sizes[i]);
		size_t shorts = 0;

		ok(is_line(&r, p, sizes[i]), "a line of %zu bytes", sizes[i]);
		ok(r.cap <= 4 * LINE_BUFFER || r.cap <= 2 * (sizes[i] + 1), "in a buffer of %zu",
		    r.cap);
		while (shorts < 1000 + sizes[i] && is_line(&r, "s", 1))
			shorts++;
		is_int(shorts, 1000 + sizes[i], "and short ones behind it");
		if (sizes[i] >= 4 * LINE_BUFFER)
			is_int(r.cap, LINE_BUFFER, "in a buffer of the usual size");
		free(p);
	}
	is_int(next(&r), LINE_END, "the end");
	line_close(&r);
	fclose(f);
}

/* The cost of a byte is constant: few fills for a huge line, and few bytes are moved. */
static void
cost(void)
{
	const size_t huge = 40 * LINE_BUFFER;
	char *p = long_line(huge);
	int fd = file_of(p, huge + 1), fds[2], fills = 0;
	struct line_reader r;

	line_open(&r, fd, huge);
	while (line_next(&r, &line, &len) == LINE_MORE && line_fill(&r) == 0)
		fills++;
	ok(len == huge && fills < 10, "a huge line in %d fills", fills);
	line_close(&r);
	close(fd);
	free(p);

	if (pipe2(fds, O_NONBLOCK) != 0)
		abort();
	line_open(&r, fds[0], 1000);
	r.usual = 64;
	put(fds[1], "a\nbcdef", 7);
	ok(is_line(&r, "a", 1) && line_fill(&r) == 0, "a short line before a longer one");
	is_int(r.start, 2, "moves nothing");
	put(fds[1], "\ng", 2);
	ok(is_line(&r, "bcdef", 5) && line_fill(&r) == 0, "a longer one before a short one");
	is_int(r.start, 0, "makes room");
	line_close(&r);
	close(fds[0]);
	close(fds[1]);
}

static void
failures(void)
{
	struct line_reader r;
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	line_open(&r, fd, 100);
	ok(line_fill(&r) == -1 && errno == EISDIR, "a read that fails, with its errno");
	is_int(line_next(&r, &line, &len), LINE_MORE, "is no end of input");
	line_close(&r);
	close(fd);
}

static int alarm_pipe[2];

/* Interrupts twice, and has something to read the second time. */
static void
on_alarm(int signal)
{
	static int alarms;

	(void)signal;
	if (++alarms == 2)
		put(alarm_pipe[1], "late\n", 5);
}

static void
interrupted(void)
{
	const struct itimerval every_10_ms = { { 0, 10000 }, { 0, 10000 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct line_reader r;

	if (pipe(alarm_pipe) != 0 || sigaction(SIGALRM, &action, NULL) != 0)
		abort();
	line_open(&r, alarm_pipe[0], 100);
	setitimer(ITIMER_REAL, &every_10_ms, NULL);
	if (is_int(line_fill(&r), 0, "a signal does not interrupt a fill"))
		ok(is_line(&r, "late", 4), "what came then is read");
	setitimer(ITIMER_REAL, &never, NULL);
	line_close(&r);
	close(alarm_pipe[0]);
	close(alarm_pipe[1]);
}

/* Random inputs in all pieces; what is wrong ends the test. */
static void
split_points(void)
{
	uint8_t input[60];
	unsigned x = 20261120;
	int runs = 500;

	for (int i = 0; i < runs; i++) {
		size_t n = 2 + (size_t)i % (sizeof(input) - 2);

		for (size_t j = 0; j < n; j++) {
			x = x * 1103515245 + 12345;
			input[j] = (uint8_t)(x >> 16 & 0x3f);
			if (j > 1 && (x >> 24 & 7) == 0)
				input[j] = '\n';
		}
		LLVMFuzzerTestOneInput(input, n);
	}
	ok(1, "%d inputs at each split point", runs);
}

/* Lines stay where they are while the buffers change, also where one is longer than a buffer. */
static void
keeping(void)
{
	enum { LINES = 2000, SIZE = 4096 };
	static const char *kept_line[LINES];
	static size_t kept_len[LINES];
	char *kept[LINES], *text = calloc(LINES, SIZE), *end = text;
	size_t n = 0, lines = 0, size, wrong = 0;
	enum line_status status;
	struct line_reader r;
	int fd;

	for (int i = 0; i < LINES; i++)
		end += sprintf(end, "%0*d\n", i % 500 == 7 ? SIZE - 2 : 1 + i * 7 % 60, i);
	fd = file_of(text, (size_t)(end - text));
	line_open(&r, fd, 1 << 20);
	r.usual = 256;
	while ((status = line_next(&r, &line, &len)) != LINE_END) {
		if (status == LINE_READY) {
			kept_line[lines] = line;
			kept_len[lines++] = len;
			continue;
		}
		if (status != LINE_MORE || line_fill_keeping(&r, &kept[n], &size) != 0)
			abort();
		if (kept[n] != NULL && size >= r.usual)
			n++;
	}
	is_int(lines, LINES, "all lines come");
	ok(n > LINES / 256, "from several buffers");
	end = text;
	for (size_t i = 0; i < lines; i++) {
		wrong += memcmp(end, kept_line[i], kept_len[i]) != 0 || end[kept_len[i]] != '\n';
		end += kept_len[i] + 1;
	}
	is_int(wrong, 0, "each is still what it was");
	while (n > 0)
		free(kept[--n]);
	line_close(&r);
	close(fd);
	free(text);
}

int
main(void)
{
	simple();
	cut();
	too_long();
	full();
	pieces();
	memory();
	cost();
	failures();
	interrupted();
	split_points();
	keeping();
	return tap_done();
}
