/* Both ends of the ack FIFO, on real ones in a folder of their own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "ack.h"
#include "log.h"

#include "said.h"

static char folder[256], path[512];

/* A new name in the folder. */
static const char *
new_path(void)
{
	static int n;

	snprintf(path, sizeof(path), "%s/fifo%d", folder, ++n);
	return path;
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0 ? st.st_mode : 0;
}

static struct ack_fifo
listening(const char *name)
{
	struct ack_fifo f;

	is_int(ack_listen(&f, name), 0, "listening");
	return f;
}

static void
put(const struct ack_fifo *f, const void *bytes, size_t len)
{
	if (write(f->fd, bytes, len) != (ssize_t)len)
		ok(0, "written into the FIFO: %s", strerror(errno));
}

static void
put_text(const struct ack_fifo *f, const char *text)
{
	put(f, text, strlen(text));
}

static void
is_ack(struct ack_fifo *f, const char *token, const char *name)
{
	struct ack ack;

	memset(&ack, 'x', sizeof(ack));
	is_int(ack_next(f, &ack), 1, "an ack of \"%s\"", token);
	is_int(ack.malformed, 0, "... in the right form");
	is_str(ack.token, token, "... its token");
	is_str(ack.name, name, "... its name");
}

static void
is_malformed(struct ack_fifo *f, const char *what)
{
	struct ack ack;

	memset(&ack, 'x', sizeof(ack));
	ok(ack_next(f, &ack) == 1 && ack.malformed, "malformed: %s", what);
	ok(ack.token[0] == '\0' && ack.name[0] == '\0', "... token and name are empty");
}

static void
is_none(struct ack_fifo *f)
{
	struct ack ack;

	is_int(ack_next(f, &ack), 0, "no more");
}

static void
making(void)
{
	const char *name = new_path();
	mode_t mask = umask(0);
	struct ack_fifo f = listening(name), second;

	umask(mask);
	is_int(mode_of(name), S_IFIFO | 0600, "a FIFO of mode 0600");
	ok((fcntl(f.fd, F_GETFL) & O_NONBLOCK) != 0, "not blocking");
	ok((fcntl(f.fd, F_GETFD) & FD_CLOEXEC) != 0, "not inherited");
	is_none(&f);
	is_int(ack_listen(&second, name), EXIT_TEMPORARY, "a second source");
	said_line("is held by another reader");
	close(second.fd);
	put_text(&f, "0/1 a\n");
	is_ack(&f, "0/1", "a");
	close(f.fd);
	is_int(mode_of(name), S_IFIFO | 0600, "it stays when the source ends");
	f = listening(name);
	is_none(&f);
	is_str(said(), "", "the next source takes it");
	close(f.fd);
	chmod(name, 0620);
	f = listening(name);
	is_int(mode_of(name), S_IFIFO | 0620, "a mode that was chosen is left alone");
	close(f.fd);
}

static void
not_ours(void)
{
	char target[sizeof(path)];
	struct ack_fifo f;
	int fd;

	fd = open(new_path(), O_WRONLY | O_CREAT | O_EXCL, 0600);
	close(fd);
	is_int(ack_listen(&f, path), EXIT_PERMANENT, "a regular file");
	said_line("is not a FIFO");
	close(f.fd);
	is_int(mode_of(path), S_IFREG | 0600, "... is left as it was");

	mkdir(new_path(), 0700);
	is_int(ack_listen(&f, path), EXIT_PERMANENT, "a folder");
	said_line(path);

	snprintf(target, sizeof(target), "%s", new_path());
	mkfifo(target, 0600);
	if (symlink(target, new_path()) != 0)
		abort();
	is_int(ack_listen(&f, path), EXIT_PERMANENT, "a symbolic link to a FIFO of our own");
	said_line("is a symbolic link");
	if (symlink("nowhere", new_path()) != 0)
		abort();
	is_int(ack_listen(&f, path), EXIT_PERMANENT, "a symbolic link to nothing");
	said_line("is a symbolic link");
	is_int(mode_of(path), S_IFLNK | 0777, "... and nothing is made");

	snprintf(target, sizeof(target), "%s/missing/fifo", folder);
	is_int(ack_listen(&f, target), EXIT_PERMANENT, "a folder that is missing");
	said_line("could not make ack FIFO");
	if (geteuid() == 0) {
		mkfifo(new_path(), 0666);
		if (chown(path, 65534, 65534) != 0)
			abort();
		is_int(ack_listen(&f, path), EXIT_PERMANENT, "a FIFO of another user");
		said_line("belongs to user ID 65534");
		close(f.fd);
	}
}

static const struct {
	const char *line, *token, *name; /* no token: it is malformed */
} cases[] = {
	{ "0/D224188 index", "0/D224188", "index" },
	{ "0/D224188", "0/D224188", "" },
	{ "run1-17 a_b-c.9", "run1-17", "a_b-c.9" },
	{ "!~ X", "!~", "X" },
	{ "", NULL, NULL },
	{ " ", NULL, NULL },
	{ " index", NULL, NULL },
	{ "0/1 ", NULL, NULL },
	{ "0/1  index", NULL, NULL },
	{ "0/1 index ", NULL, NULL },
	{ "0/1 a b", NULL, NULL },
	{ "0/1\tindex", NULL, NULL },
	{ "0/1\r", NULL, NULL },
	{ "0/1 index\r", NULL, NULL },
	{ "0/1 in/dex", NULL, NULL },
	{ "0/1 in\xc3\xa9", NULL, NULL },
	{ "0/\xc3\xa9 index", NULL, NULL },
	{ "0/1\x7f index", NULL, NULL },
	{ "0/1\x01", NULL, NULL },
};

static void
lines(void)
{
	struct ack_fifo f = listening(new_path());
	char line[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "%s\n", cases[i].line);
		put_text(&f, line);
		if (cases[i].token != NULL)
			is_ack(&f, cases[i].token, cases[i].name);
		else
			is_malformed(&f, cases[i].line[0] != '\0' ? "a line" : "an empty line");
		is_none(&f);
	}
	put(&f, "0/1\0 a\n", 7);
	is_malformed(&f, "a NUL behind the token");
	put(&f, "0/1 a\0\n", 7);
	is_malformed(&f, "a NUL behind the name");
	put(&f, "\0\n", 2);
	is_malformed(&f, "a NUL alone");

	/* The longest token and name, and one byte more of each. */
	memset(line, 't', sizeof(line));
	memcpy(line + ACK_TOKEN_SIZE - 1, " ", 1);
	memset(line + ACK_TOKEN_SIZE, 'n', ACK_NAME_SIZE - 1);
	strcpy(line + ACK_TOKEN_SIZE + ACK_NAME_SIZE - 1, "\n");
	put_text(&f, line);
	line[ACK_TOKEN_SIZE - 1] = line[ACK_TOKEN_SIZE + ACK_NAME_SIZE - 1] = '\0';
	is_ack(&f, line, line + ACK_TOKEN_SIZE);
	memset(line, 't', ACK_TOKEN_SIZE);
	strcpy(line + ACK_TOKEN_SIZE, " n\n");
	put_text(&f, line);
	is_malformed(&f, "a token of 128 bytes");
	memcpy(line, "0/1 ", 4);
	memset(line + 4, 'n', ACK_NAME_SIZE);
	strcpy(line + 4 + ACK_NAME_SIZE, "\n");
	put_text(&f, line);
	is_malformed(&f, "a name of 64 bytes");
	put_text(&f, "0/2 a\n");
	is_ack(&f, "0/2", "a");
	is_none(&f);
	close(f.fd);
}

static void
pieces(void)
{
	static const char text[] = "0/1 a\n0/2 b\nthis is none\n0/3\n";
	struct ack_fifo f = listening(new_path());
	struct ack ack;
	int n = 0, good = 1;

	put_text(&f, "0/7");
	is_none(&f);
	put_text(&f, "7 index");
	is_none(&f);
	is_none(&f);
	put_text(&f, "\n0/8 hook\n0/9");
	is_ack(&f, "0/77", "index");
	is_ack(&f, "0/8", "hook");
	is_none(&f);
	put_text(&f, "\n");
	is_ack(&f, "0/9", "");
	for (const char *p = text; *p != '\0'; p++) {
		put(&f, p, 1);
		if (*p == '\n')
			good &= ack_next(&f, &ack) == 1 && ack.malformed == (++n == 3);
		good &= ack_next(&f, &ack) == 0;
	}
	ok(good && n == 4, "byte by byte");
	close(f.fd);
}

static void
long_lines(void)
{
	static char rubbish[3 * PIPE_BUF];
	const size_t lengths[] = { 250, PIPE_BUF - 2, PIPE_BUF - 1, PIPE_BUF, PIPE_BUF + 1,
		2 * PIPE_BUF - 1, 2 * PIPE_BUF, 2 * PIPE_BUF + 1, 3 * PIPE_BUF };
	struct ack_fifo f = listening(new_path());

	memset(rubbish, 'x', sizeof(rubbish));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		put(&f, rubbish, lengths[i]);
		is_none(&f);
		put_text(&f, "\n0/1 a\n");
		is_malformed(&f, "a long line, once");
		is_ack(&f, "0/1", "a");
		is_none(&f);
		/* The same when it is all there at once, behind something good. */
		put_text(&f, "0/2 a\n");
		put(&f, rubbish, lengths[i]);
		put_text(&f, "\n0/3 a\n");
		is_ack(&f, "0/2", "a");
		is_malformed(&f, "a long line");
		is_ack(&f, "0/3", "a");
		is_none(&f);
	}
	/* What ends a line that is too long must not pass for an ack. */
	put(&f, rubbish, PIPE_BUF);
	is_none(&f);
	put_text(&f, "0/4 a\n");
	is_malformed(&f, "the end of a long line");
	is_none(&f);
	close(f.fd);
}

static void
many(void)
{
	struct ack_fifo f = listening(new_path());
	char line[64], want[32];
	struct ack ack;
	int good = 1;

	for (int i = 0; i < 3000; i++) {
		snprintf(line, sizeof(line), "0/%X sink\n", i);
		put_text(&f, line);
	}
	for (int i = 0; i < 3000; i++) {
		snprintf(want, sizeof(want), "0/%X", i);
		good &= ack_next(&f, &ack) == 1 && !ack.malformed && strcmp(ack.token, want) == 0 &&
		        strcmp(ack.name, "sink") == 0;
	}
	ok(good, "3000 acks at once, over many buffers");
	is_none(&f);
	close(f.fd);
}

static void
names(void)
{
	static const char *const good[] = { "a", "Index-2.x_y", "0", "-", "." };
	static const char *const bad[] = { "", " ", "a b", "a,b", "a/b", "\xc3\xa9", "a\n", "a=b" };
	char name[ACK_NAME_SIZE + 1];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(ack_name_valid(good[i]), "a name: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!ack_name_valid(bad[i]), "no name: number %zu", i);
	memset(name, 'n', sizeof(name));
	name[ACK_NAME_SIZE] = '\0';
	ok(!ack_name_valid(name), "64 bytes are too many");
	name[ACK_NAME_SIZE - 1] = '\0';
	ok(ack_name_valid(name), "63 are not");
}

static void
sending(void)
{
	struct ack_fifo f = listening(new_path());
	struct ack_sink s = { .fd = -1 };
	char long_token[ACK_TOKEN_SIZE + 1];

	is_int(ack_connect(&s, path, "index"), 0, "a sink connects");
	ok(s.fd >= 0 && (fcntl(s.fd, F_GETFL) & O_NONBLOCK) != 0, "... and will not block");
	ok((fcntl(s.fd, F_GETFD) & FD_CLOEXEC) != 0, "... nor be inherited");
	is_int(ack_send(&s, "0/1xx", 3), 0, "a token");
	is_int(ack_flush(&s), 0, "nothing is left");
	is_ack(&f, "0/1", "index");
	is_none(&f);
	memset(long_token, 't', sizeof(long_token));
	is_int(ack_send(&s, long_token, ACK_TOKEN_SIZE - 1), 0, "a token of 127 bytes");
	long_token[ACK_TOKEN_SIZE - 1] = '\0';
	is_ack(&f, long_token, "index");
	long_token[ACK_TOKEN_SIZE - 1] = 't';
	is_int(ack_send(&s, long_token, ACK_TOKEN_SIZE), -1, "one of 128 is none");
	is_int(ack_send(&s, "", 0), -1, "nor is an empty one");
	is_int(ack_send(&s, "a b", 3), -1, "nor one with a blank");
	is_int(ack_send(&s, "a\n", 2), -1, "nor one with a line feed");
	is_int(ack_send(&s, "\x7f", 1), -1, "nor one with DEL");
	is_int(ack_send(&s, "\xc3\xa9", 2), -1, "nor one that is not ASCII");
	is_none(&f);
	/* Sinks come and go without an end of file. */
	ack_disconnect(&s);
	is_int(s.fd, -1, "disconnected");
	is_none(&f);
	is_int(ack_send(&s, "0/2", 3), 0, "a token without a connection");
	is_int(ack_flush(&s), 0, "... leaves nothing to wait for");
	is_int(ack_connect(&s, path, "hook"), 0, "connected again");
	is_none(&f);
	ack_send(&s, "0/3", 3);
	is_ack(&f, "0/3", "hook");
	is_int(ack_connect(&s, path, "hook"), 0, "a further H: connected anew");
	ack_send(&s, "0/4", 3);
	is_ack(&f, "0/4", "hook");
	is_str(said(), "", "nothing was said of all this");
	ack_disconnect(&s);
	ack_disconnect(&s);
	close(f.fd);
}

/* A full FIFO: the sink goes on, and the newest token waits. */
static void
full(void)
{
	struct ack_fifo f = listening(new_path());
	struct ack_sink s = { .fd = -1 };
	char token[32], last[32] = "";
	struct ack ack;
	int sent = 0, got = 0, good = 1;

	ack_connect(&s, path, "index");
	while (ack_flush(&s) == 0 && sent < 100000)
		if (ack_send(&s, token, (size_t)sprintf(token, "0/%X", ++sent)) != 0)
			break;
	ok(ack_flush(&s) == 1, "the FIFO is full after %d tokens", sent);
	for (int i = 0; i < 1000; i++)
		good &= ack_send(&s, token, (size_t)sprintf(token, "0/%X", ++sent)) == 0;
	ok(good && ack_flush(&s) == 1, "1000 more: none blocks");
	while (ack_next(&f, &ack) == 1) {
		good &= !ack.malformed;
		got++;
		strcpy(last, ack.token);
	}
	ok(good && got == sent - 1001, "those before come, whole");
	is_int(ack_flush(&s), 0, "then there is room");
	is_ack(&f, token, "index");
	is_none(&f);
	is_int(ack_flush(&s), 0, "and nothing is left");
	is_none(&f);
	ack_disconnect(&s);
	close(f.fd);
}

static void
nobody_listens(void)
{
	struct ack_sink s = { .fd = -1 };
	struct ack_fifo f;
	int fd;

	mkfifo(new_path(), 0600);
	is_int(ack_connect(&s, path, "index"), 0, "nobody listens: no error");
	is_int(s.fd, -1, "... there is no descriptor");
	is_str(said(), "", "... and nothing to say before there is an ack");
	is_int(ack_send(&s, "0/1", 3), 0, "... tokens are dropped");
	said_line("nobody reads the ack FIFO");
	ack_send(&s, "0/2", 3);
	is_int(ack_flush(&s), 0, "... none waits");
	is_str(said(), "", "... without further words");

	f = listening(path);
	is_int(ack_connect(&s, path, "index"), 0, "now somebody does");
	ack_send(&s, "0/2", 3);
	is_ack(&f, "0/2", "index");
	close(f.fd);
	is_int(ack_send(&s, "0/3", 3), 0, "the reader is gone");
	said_line("the source that read ack FIFO");
	is_int(s.fd, -1, "... disconnected");
	is_int(ack_send(&s, "0/4", 3), 0, "... the next one is dropped");
	is_str(said(), "", "... without further words");
	is_int(ack_flush(&s), 0, "... none waits");

	is_int(ack_connect(&s, "/nonexistent/fifo", "index"), EXIT_PERMANENT, "no such path");
	said_line("could not open ack FIFO \"/nonexistent/fifo\"");
	fd = open(new_path(), O_WRONLY | O_CREAT | O_EXCL, 0600);
	close(fd);
	is_int(ack_connect(&s, path, "index"), EXIT_PERMANENT, "a regular file");
	said_line("is not a FIFO");
	is_int(s.fd, -1, "... and it is closed");
	if (symlink(path, new_path()) != 0)
		abort();
	is_int(ack_connect(&s, path, "index"), EXIT_PERMANENT, "a symbolic link");
	said_line("is a symbolic link");
}

static void
clean(void)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	is_int(system(command), 0, "the folder is removed");
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%s/ack.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return 1;
	log_init("ack_test");
	said_start();
	signal(SIGPIPE, SIG_IGN);
	/* What blocks must not hang the tests. */
	alarm(60);
	making();
	not_ours();
	lines();
	pieces();
	long_lines();
	many();
	names();
	sending();
	full();
	nobody_listens();
	clean();
	return tap_done();
}
