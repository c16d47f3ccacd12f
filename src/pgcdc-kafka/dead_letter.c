#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "append.h"
#include "dead_letter.h"
#include "event.h"
#include "log.h"

static const char commit[] = "{\"action\":\"C\"}\n";

/* Look at the first line, if there is one. */
static int
read_head(struct dead_letter *d)
{
	char block[4096];
	ssize_t n = pread(d->fd, block, sizeof(block), 0);
	const char *lf = n > 0 ? memchr(block, '\n', (size_t)n) : NULL;
	struct event e = { .code = 0 };
	struct event_span id;
	int good;

	if (n < 0)
		return log_temporary("could not read file \"%s\": %s", d->path, strerror(errno));
	d->is_empty = n == 0;
	if (n == 0)
		return 0;
	good = lf != NULL && event_scan(&e, block, (size_t)(lf - block)) == 0 && e.code == 'H' &&
	       event_text(&id, e.system_identifier) == 0 && id.len < sizeof(d->system_identifier);
	if (good)
		memcpy(d->system_identifier, id.p, id.len);
	event_free(&e);
	return good
	           ? 0
	           : log_permanent("file \"%s\" has no dead letters: it does not begin with a line "
				   "of action \"H\"; give --dead-letter another file",
			 d->path);
}

/* What is put in would come out again, without end. */
static int
check_is_no_input(const struct dead_letter *d)
{
	struct stat file, input;

	if (fstat(d->fd, &file) != 0)
		return log_temporary("could not look at file \"%s\": %s", d->path, strerror(errno));
	if (fstat(STDIN_FILENO, &input) == 0 && input.st_dev == file.st_dev &&
	    input.st_ino == file.st_ino)
		return log_permanent(
		    "file \"%s\" is the input, too; give --dead-letter another file", d->path);
	return 0;
}

int
dead_letter_open(struct dead_letter *d, const char *path)
{
	int err;

	*d = (struct dead_letter){ .path = path, .fd = -1 };
	if (path == NULL)
		return 0;
	if ((err = append_open(&d->fd, path)) != 0 || (err = check_is_no_input(d)) != 0)
		return err;
	return read_head(d);
}

int
dead_letter_check(const struct dead_letter *d, const char *system_identifier)
{
	if (d->system_identifier[0] == '\0' || strcmp(d->system_identifier, system_identifier) == 0)
		return 0;
	return log_permanent("file \"%s\" has dead letters of cluster %s, and the stream is of %s; "
			     "give --dead-letter another file",
	    d->path, d->system_identifier, system_identifier);
}

int
dead_letter_put(
    struct dead_letter *d, const char *head, size_t head_len, const char *line, size_t len)
{
	const struct iovec parts[] = {
		{ (void *)(uintptr_t)head, d->is_empty ? head_len : 0 },
		{ (void *)(uintptr_t) "\n", d->is_empty },
		{ (void *)(uintptr_t)line, len },
		{ (void *)(uintptr_t) "\n", 1 },
		{ (void *)(uintptr_t)commit, sizeof(commit) - 1 },
	};
	int err = append_put(d->fd, d->path, parts, sizeof(parts) / sizeof(parts[0]));

	if (err != 0)
		return err;
	d->is_empty = 0;
	d->n++;
	return 0;
}

void
dead_letter_close(struct dead_letter *d)
{
	if (d->fd >= 0)
		close(d->fd);
}
