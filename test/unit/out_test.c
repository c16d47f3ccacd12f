/* Output that never blocks. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out.h"
#include "tap.h"

static char bytes[3 << 20];

static void
new_pipe(int fd[2])
{
	if (pipe2(fd, O_CLOEXEC) != 0)
		abort();
}

/* Read all there is now, and count it; the bytes must go on as those before. */
static size_t
drain(int fd, size_t at)
{
	static char got[1 << 16];
	size_t n = 0;
	ssize_t r;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((r = read(fd, got, sizeof(got))) > 0) {
		if (memcmp(got, bytes + at + n, (size_t)r) != 0)
			ok(0, "the same bytes as were appended");
		n += (size_t)r;
	}
	return n;
}

static void
to_a_pipe(void)
{
	size_t got = 0;
	struct out o;
	int fd[2];

	new_pipe(fd);
	is_int(out_open(&o, fd[1]), 0, "a pipe");
	is_int(out_write(&o), 0, "nothing to write");
	buf_add(&o.buf, bytes, 10);
	is_int(out_pending(&o), 10, "ten bytes wait");
	is_int(out_write(&o), 0, "written");
	ok(out_pending(&o) == 0 && o.written == 10, "none waits");
	is_int(drain(fd[0], 0), got = 10, "the reader has them");

	buf_add(&o.buf, bytes + 10, sizeof(bytes) - 10);
	is_int(out_write(&o), 1, "a full pipe: wait");
	ok(out_pending(&o) > 0 && out_pending(&o) < sizeof(bytes), "some waits");
	is_int(o.written + out_pending(&o), sizeof(bytes), "the rest is written");
	is_int(out_write(&o), 1, "it is still full");
	for (int i = 0; i < 10000 && got < sizeof(bytes); i++) {
		got += drain(fd[0], got);
		if (out_write(&o) < 0)
			break;
	}
	is_int(got, sizeof(bytes), "all of it comes, in order");
	is_int(o.written, sizeof(bytes), "... and is counted");
	is_int(out_write(&o), 0, "nothing is left");
	ok(o.buf.cap < sizeof(bytes), "a large buffer is given back");
	is_int(out_close(&o), 0, "closed");
	ok(fcntl(fd[1], F_GETFD) < 0 && errno == EBADF, "the descriptor is closed");
	close(fd[0]);
}

/* Appending goes on while the reader stalls: the buffer keeps what is not sent, only. */
static void
appending_meanwhile(void)
{
	size_t appended = 0, got = 0, most = 0;
	struct out o;
	int fd[2];

	new_pipe(fd);
	out_open(&o, fd[1]);
	fcntl(fd[1], F_SETPIPE_SZ, 65536);
	for (int i = 0; got < sizeof(bytes) && i < 100000; i++) {
		size_t n = sizeof(bytes) - appended < 50000 ? sizeof(bytes) - appended : 50000;

		if (out_pending(&o) < 100000) {
			buf_add(&o.buf, bytes + appended, n);
			appended += n;
		}
		if (out_write(&o) < 0)
			break;
		most = o.buf.cap > most ? o.buf.cap : most;
		if (i % 2 == 0)
			got += drain(fd[0], got);
	}
	is_int(got, sizeof(bytes), "all of it comes, in order");
	ok(most <= 1 << 19, "from a buffer that stays small (%zu)", most);
	out_close(&o);
	close(fd[0]);
}

static void
own_description(void)
{
	struct out o;
	int fd[2], original;

	new_pipe(fd);
	original = dup(fd[1]);
	is_int(out_open(&o, fd[1]), 0, "a pipe that others have open, too");
	ok((fcntl(original, F_GETFL) & O_NONBLOCK) == 0, "their description still blocks");
	ok((fcntl(fd[1], F_GETFL) & O_NONBLOCK) != 0, "ours does not");
	is_int(o.fd, fd[1], "the descriptor has its number");
	buf_add(&o.buf, bytes, 5);
	is_int(out_write(&o), 0, "it is the same pipe");
	is_int(drain(fd[0], 0), 5, "... and the bytes come");
	out_close(&o);
	ok(fcntl(original, F_GETFD) >= 0, "theirs stays open");
	close(original);
	close(fd[0]);
}

static void
reader_gone(void)
{
	struct out o;
	int fd[2];

	new_pipe(fd);
	out_open(&o, fd[1]);
	close(fd[0]);
	buf_add(&o.buf, bytes, 5);
	ok(out_write(&o) == -1 && errno == EPIPE, "the reader is gone");
	ok(out_write(&o) == -1 && errno == EPIPE, "... and stays so");
	out_close(&o);

	new_pipe(fd);
	close(fd[0]);
	is_int(out_open(&o, fd[1]), 0, "the reader was gone before");
	buf_add(&o.buf, bytes, sizeof(bytes));
	ok(out_write(&o) == -1 && errno == EPIPE, "... and the write says so");
	out_close(&o);
}

/*
 * A pipe that may not be reopened.  No descriptor is free while it is tried, which is
 * as good as no permission.
 */
static void
open_shared(struct out *o, int fd)
{
	struct rlimit limit, low;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		abort();
	low = limit;
	low.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &low);
	is_int(out_open(o, fd), 0, "a pipe that cannot be reopened");
	setrlimit(RLIMIT_NOFILE, &limit);
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0, "... still blocks");
}

/* A write that blocks is found out, and let go, by reading the pipe behind it. */
static volatile sig_atomic_t blocked;
static int behind;

static void
unblock(int signal)
{
	static char some[65536];

	(void)signal;
	blocked = 1;
	if (read(behind, some, sizeof(some)) < 0)
		_exit(1);
}

static void
fill(int fd)
{
	char path[64];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if ((own = open(path, O_WRONLY | O_NONBLOCK)) < 0)
		abort();
	while (write(own, bytes, 4096) > 0)
		;
	close(own);
}

static void
shared_pipe(void)
{
	static const size_t sizes[] = { 1, 100, 4095, 4096, 4097, 100000 };
	struct sigaction action = { .sa_handler = unblock };
	size_t got = 0;
	struct out o;
	int fd[2];

	sigaction(SIGALRM, &action, NULL);
	new_pipe(fd);
	behind = fd[0];
	open_shared(&o, fd[1]);
	buf_add(&o.buf, bytes, sizeof(bytes));
	alarm(5);
	is_int(out_write(&o), 1, "a full pipe: wait");
	ok(!blocked, "... and it has not blocked");
	alarm(30);
	while (got < sizeof(bytes) && !blocked) {
		fcntl(fd[0], F_SETFL, O_NONBLOCK);
		got += drain(fd[0], got);
		if (out_write(&o) < 0)
			break;
	}
	alarm(0);
	is_int(got, sizeof(bytes), "all of it comes, in order");
	out_close(&o);
	close(fd[0]);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		new_pipe(fd);
		behind = fd[0];
		open_shared(&o, fd[1]);
		fill(fd[1]);
		blocked = 0;
		buf_add(&o.buf, bytes, sizes[i]);
		alarm(1);
		is_int(out_write(&o), 1, "%zu bytes to a pipe that is full: wait", sizes[i]);
		alarm(0);
		ok(!blocked, "... and it has not blocked");
		out_close(&o);
		close(fd[0]);
	}

	new_pipe(fd);
	open_shared(&o, fd[1]);
	buf_add(&o.buf, bytes, 10);
	is_int(out_write(&o), 0, "ten bytes to a pipe that is not");
	is_int(drain(fd[0], 0), 10, "... are written");
	close(fd[0]);
	buf_add(&o.buf, bytes, 10);
	ok(out_write(&o) == -1 && errno == EPIPE, "the reader is gone");
	out_close(&o);
}

static void
to_a_socket(void)
{
	size_t got = 0;
	struct out o;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		abort();
	is_int(out_open(&o, fd[1]), 0, "a socket");
	ok((fcntl(fd[1], F_GETFL) & O_NONBLOCK) == 0, "its description still blocks");
	buf_add(&o.buf, bytes, sizeof(bytes));
	is_int(out_write(&o), 1, "it is full: wait");
	for (int i = 0; i < 100000 && got < sizeof(bytes); i++) {
		got += drain(fd[0], got);
		if (out_write(&o) < 0)
			break;
	}
	is_int(got, sizeof(bytes), "all of it comes, in order");
	close(fd[0]);
	buf_add(&o.buf, bytes, 10);
	ok(out_write(&o) == -1 && errno == EPIPE, "the peer is gone");
	out_close(&o);
}

static void
to_a_file(void)
{
	struct out o;
	struct stat st;
	FILE *f = tmpfile();
	int fd;

	if (f == NULL || (fd = dup(fileno(f))) < 0)
		abort();
	is_int(out_open(&o, fd), 0, "a file");
	buf_add(&o.buf, bytes, sizeof(bytes));
	is_int(out_write(&o), 0, "a file takes all");
	buf_add(&o.buf, bytes, 1);
	is_int(out_write(&o), 0, "... and is appended to");
	ok(fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof(bytes) + 1, "all is in it");
	is_int(o.written, sizeof(bytes) + 1, "... and counted");
	out_close(&o);
	fclose(f);

	fd = open("/dev/full", O_WRONLY);
	is_int(out_open(&o, fd), 0, "a full disk");
	buf_add(&o.buf, bytes, 1);
	ok(out_write(&o) == -1 && errno == ENOSPC, "... is an error");
	is_int(o.written, 0, "... and nothing is written");
	out_close(&o);
}

static void
not_for_writing(void)
{
	struct out o;
	int fd[2];

	new_pipe(fd);
	ok(out_open(&o, fd[0]) == -1 && errno == EBADF, "the reading end of a pipe");
	close(fd[0]);
	close(fd[1]);
	ok(out_open(&o, fd[1]) == -1 && errno == EBADF, "a descriptor that is closed");
	fd[0] = open("/dev/null", O_RDONLY);
	ok(out_open(&o, fd[0]) == -1 && errno == EBADF, "a device that is open for reading");
	close(fd[0]);
	fd[0] = open("/dev/null", O_RDWR);
	is_int(out_open(&o, fd[0]), 0, "one that is open for both");
	buf_add(&o.buf, bytes, 10);
	is_int(out_write(&o), 0, "... can be written to");
	is_int(out_close(&o), 0, "... and closed");
}

/* A terminal has its own description, too: the flag would be the shell's as well. */
static void
to_a_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), fd;
	struct out o;

	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
	    (fd = open(ptsname(master), O_RDWR | O_NOCTTY)) < 0) {
		ok(0, "a terminal can be made");
		return;
	}
	int original = dup(fd);
	is_int(out_open(&o, fd), 0, "a terminal");
	ok((fcntl(original, F_GETFL) & O_NONBLOCK) == 0, "its description still blocks");
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, "ours does not");
	buf_str(&o.buf, "x");
	is_int(out_write(&o), 0, "written");
	out_close(&o);
	close(original);
	close(master);
}

int
main(void)
{
	uint32_t v = 1;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)((v = v * 1664525 + 1013904223) >> 24);
	signal(SIGPIPE, SIG_IGN);
	to_a_pipe();
	appending_meanwhile();
	own_description();
	reader_gone();
	shared_pipe();
	to_a_socket();
	to_a_file();
	not_for_writing();
	to_a_terminal();
	return tap_done();
}
