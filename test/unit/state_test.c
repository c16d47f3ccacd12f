/* The state file, in a folder of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "log.h"
#include "state.h"

#include "said.h"

static char folder[256], path[512];

/* A new name in the folder. */
static const char *
new_path(void)
{
	static int n;

	snprintf(path, sizeof(path), "%s/state%d", folder, ++n);
	return path;
}

static void
put(const char *name, const void *text, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || close(fd) != 0)
		abort();
}

static const char *
content(const char *name)
{
	static char text[1024];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return n >= 0 ? text : NULL;
}

static int
exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

#define LINE(system, timeline, slot, position, ack)                                        \
	"{\"system_identifier\":\"" system "\",\"timeline\":" timeline ",\"slot\":\"" slot \
	"\",\"position\":\"" position "\",\"ack\":\"" ack "\"}\n"
#define GOOD LINE("7445000000000000001", "3", "orders", "16/B374D848", "0/D224188")

static const struct state good = { .system_identifier = "7445000000000000001",
	.slot = "orders",
	.timeline = 3,
	.position = 0x16B374D848,
	.ack = 0xD224188 };

static void
is_state(const struct state *s, const struct state *want)
{
	is_str(s->system_identifier, want->system_identifier, "system identifier");
	is_str(s->slot, want->slot, "slot");
	is_int(s->timeline, want->timeline, "timeline");
	ok(s->position == want->position, "position");
	ok(s->ack == want->ack, "ack");
}

static void
round_trip(void)
{
	struct state s = good, back,
		     most = { .timeline = UINT32_MAX, .position = UINT64_MAX, .ack = UINT64_MAX };
	struct stat st;

	memset(most.system_identifier, '9', sizeof(most.system_identifier) - 1);
	memset(most.slot, 'x', sizeof(most.slot) - 1);
	s.path = most.path = new_path();
	is_int(state_write(&s), 0, "written");
	is_str(content(path), GOOD, "a line of JSON");
	ok(stat(path, &st) == 0 && st.st_mode == (S_IFREG | 0600), "of mode 0600");
	is_int(state_read(&back, path), 0, "read");
	is_state(&back, &good);
	is_str(back.path, path, "path");
	is_int(state_write(&most), 0, "the largest of all");
	is_int(state_read(&back, path), 0, "read");
	is_state(&back, &most);
	s.position = s.ack = 0;
	s.timeline = 0;
	is_int(state_write(&s), 0, "the smallest, over it");
	is_int(state_read(&back, path), 0, "read");
	is_state(&back, &s);
	strcat(path, ".new");
	ok(!exists(path), "nothing else is left");
	is_str(said(), "", "nothing is said");
}

static void
missing(void)
{
	struct state s;

	memset(&s, 'x', sizeof(s));
	is_int(state_read(&s, new_path()), 0, "a file that is missing");
	is_str(s.system_identifier, "", "... has no system identifier");
	ok(s.position == 0 && s.ack == 0 && s.timeline == 0, "... nor a position");
	is_str(s.slot, "", "... nor a slot");
	is_str(s.path, path, "... but its path");
	ok(!exists(path), "... and is not made");
}

static void
damaged(void)
{
	static const char *const texts[] = {
		"",
		"\n",
		"{}\n",
		"garbage\n",
		LINE("", "3", "orders", "0/1", "0/1"),
		LINE("74a", "3", "orders", "0/1", "0/1"),
		LINE("12345678901234567890123456789012", "3", "orders", "0/1", "0/1"),
		LINE("74", "x", "orders", "0/1", "0/1"),
		LINE("74", "", "orders", "0/1", "0/1"),
		LINE("74", "-3", "orders", "0/1", "0/1"),
		LINE("74", "4294967299", "orders", "0/1", "0/1"),
		LINE("74", "3", "", "0/1", "0/1"),
		LINE("74", "3", "orders", "01", "0/1"),
		LINE("74", "3", "orders", "0/1", "G/1"),
		LINE("74", "3", "orders", "0/1", "0/1") "\n",
		" " LINE("74", "3", "orders", "0/1", "0/1"),
		GOOD GOOD,
		GOOD "x",
	};
	char text[1024];
	struct state s;
	int all = 1;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(new_path(), texts[i], strlen(texts[i]));
		is_int(state_read(&s, path), EXIT_PERMANENT, "damaged, number %zu", i);
		said_line("is damaged");
		is_str(content(path), texts[i], "... and left as it was");
	}
	new_path();
	for (size_t n = 0; n < sizeof(GOOD) - 1; n++) {
		put(path, GOOD, n);
		all &= state_read(&s, path) == EXIT_PERMANENT;
	}
	ok(all, "cut at any byte");
	put(path, GOOD, sizeof(GOOD) - 1);
	is_int(state_read(&s, path), 0, "... and whole");
	said();

	memcpy(text, GOOD, sizeof(GOOD));
	memset(text + sizeof(GOOD), 'x', 100);
	put(path, text, sizeof(GOOD) + 100);
	is_int(state_read(&s, path), EXIT_PERMANENT, "a NUL and more behind it");
	said();
	memset(text, ' ', sizeof(text));
	put(path, text, sizeof(text));
	is_int(state_read(&s, path), EXIT_PERMANENT, "a file that is too long");
	said_line("is damaged");
}

static void
not_a_file(void)
{
	char target[sizeof(path)];
	struct state s;

	snprintf(target, sizeof(target), "%s", new_path());
	put(target, GOOD, sizeof(GOOD) - 1);
	if (symlink(target, new_path()) != 0)
		abort();
	is_int(state_read(&s, path), EXIT_PERMANENT, "a symbolic link");
	said_line("is a symbolic link, which is not followed; give --state the path of the file");
	mkdir(new_path(), 0700);
	is_int(state_read(&s, path), EXIT_PERMANENT, "a folder");
	said_line("is not a regular file of our own");
	mkfifo(new_path(), 0600);
	alarm(10);
	is_int(state_read(&s, path), EXIT_PERMANENT, "a FIFO");
	said_line("is not a regular file of our own");
	alarm(0);
	if (geteuid() == 0) {
		put(new_path(), GOOD, sizeof(GOOD) - 1);
		if (chown(path, 65534, 65534) != 0)
			abort();
		is_int(state_read(&s, path), EXIT_PERMANENT, "a file of another user");
		said_line("is not a regular file of our own");
	}
}

/* What a crash between the two files left does no harm. */
static void
leftovers(void)
{
	char new[sizeof(path) + 8], target[sizeof(path) + 8], longer[1000];
	struct state s = good, back;

	s.path = new_path();
	snprintf(new, sizeof(new), "%s.new", path);
	memset(longer, 'x', sizeof(longer));
	put(new, longer, sizeof(longer));
	is_int(state_write(&s), 0, "an old temporary file");
	is_str(content(path), GOOD, "... is overwritten");
	ok(!exists(new), "... and gone");
	put(new, "half a li", 9);
	is_int(state_read(&back, path), 0, "a temporary file beside the good one");
	is_state(&back, &good);

	/* A link in its place must not be followed to a file of ours. */
	unlink(new);
	snprintf(target, sizeof(target), "%s-target", path);
	put(target, "precious", 8);
	if (symlink(target, new) != 0)
		abort();
	s.position++;
	ok(state_write(&s) != 0, "a symbolic link in place of the temporary file");
	said_line(".new\" is a symbolic link, which is not followed; remove it");
	is_str(content(target), "precious", "... is not followed");
	is_str(content(path), GOOD, "... and the state is the one before");
}

static void
unwritable(void)
{
	char deep[8192];
	struct state s = good;

	snprintf(deep, sizeof(deep), "%s/missing/state", folder);
	s.path = deep;
	ok(state_write(&s) != 0, "a folder that is missing");
	said_line("could not write state file");
	put(new_path(), "", 0);
	snprintf(deep, sizeof(deep), "%s/state", path);
	ok(state_write(&s) != 0, "a folder that is a file");
	said_line("could not write state file");
	memset(deep, 'x', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	ok(state_write(&s) != 0, "a path that is too long");
	said();

	/* A folder in its place: the old state, here none, stays what it is. */
	mkdir(new_path(), 0700);
	s.path = path;
	ok(state_write(&s) != 0, "a folder in place of the file");
	said_line("could not write state file");
	if (geteuid() != 0) {
		mkdir(new_path(), 0500);
		snprintf(deep, sizeof(deep), "%s/state", path);
		s.path = deep;
		ok(state_write(&s) != 0, "a folder that may not be written to");
		said_line("Permission denied");
		chmod(path, 0700);
	}
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

	snprintf(folder, sizeof(folder), "%s/state.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return 1;
	log_init("state_test");
	said_start();
	round_trip();
	missing();
	damaged();
	not_a_file();
	leftovers();
	unwritable();
	clean();
	return tap_done();
}
