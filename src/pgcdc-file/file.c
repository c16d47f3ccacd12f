#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event.h"
#include "file.h"
#include "folder.h"
#include "log.h"

/* The offset behind the last LF in the first size bytes, 0 if there is none; -1: errno. */
static off_t
end_of_last_line(int fd, off_t size)
{
	char block[65536];

	while (size > 0) {
		size_t want = size < (off_t)sizeof(block) ? (size_t)size : sizeof(block);
		ssize_t got = pread(fd, block, want, size - (off_t)want);
		const char *lf;

		if (got < (ssize_t)want)
			return -1;
		if ((lf = memrchr(block, '\n', want)) != NULL)
			return size - (off_t)want + (lf + 1 - block);
		size -= (off_t)want;
	}
	return 0;
}

/* Is a line without its end, of len bytes so far, one that we have begun? */
static int
is_begun_line(const char *line, size_t len)
{
	static const char begin[] = "{\"action\":\"";

	return memcmp(line, begin, len < sizeof(begin) - 1 ? len : sizeof(begin) - 1) == 0;
}

/* Somebody's other file must not be cut, nor mixed with lines. */
static int
check_is_recording(const struct file *f)
{
	char block[65536];
	ssize_t n = pread(f->fd, block, sizeof(block), 0);
	struct event event = { 0 };
	const char *lf;
	int good, why;

	if (n < 0)
		return log_temporary("could not read file \"%s\": %s", f->path, strerror(errno));
	errno = 0;
	lf = memchr(block, '\n', (size_t)n);
	if (lf != NULL)
		good = event_scan(&event, block, (size_t)(lf - block)) == 0;
	else
		good = is_begun_line(block, (size_t)n);
	why = errno;
	event_free(&event);
	if (!good && why == ENOMEM)
		return log_temporary("could not look into file \"%s\": %s", f->path, strerror(why));
	if (!good)
		return log_permanent("file \"%s\" is no recording: it does not begin with an event "
				     "line; name another file",
		    f->path);
	return 0;
}

static int
cut_torn_line(struct file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0 || (f->good = end_of_last_line(f->fd, st.st_size)) < 0)
		return log_temporary("could not read file \"%s\": %s", f->path, strerror(errno));
	if (f->good == st.st_size)
		return 0;
	log_warn("cutting %lld bytes of an unfinished line off file \"%s\"",
	    (long long)(st.st_size - f->good), f->path);
	if (ftruncate(f->fd, f->good) != 0)
		return log_temporary(
		    "could not truncate file \"%s\": %s", f->path, strerror(errno));
	return 0;
}

static int
prepare_regular(struct file *f)
{
	int err;

	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0)
		return log_temporary("file \"%s\" is in use by another pgcdc-file; "
				     "stop that one or name another file",
		    f->path);
	if ((err = check_is_recording(f)) != 0 || (err = cut_torn_line(f)) != 0)
		return err;
	if (folder_sync(f->path) != 0)
		return log_temporary(
		    "could not sync the folder of file \"%s\": %s", f->path, strerror(errno));
	return 0;
}

int
file_open(struct file *f, const char *path)
{
	struct stat st;

	*f = (struct file){ .path = path, .fd = STDOUT_FILENO };
	if (strcmp(path, "-") == 0)
		return 0;
	f->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return log_permanent("could not open file \"%s\": %s; name one in a folder "
				     "that we may write to",
		    path, strerror(errno));
	if (fstat(f->fd, &st) != 0)
		return log_temporary("could not stat file \"%s\": %s", path, strerror(errno));
	f->is_regular = S_ISREG(st.st_mode);
	return f->is_regular ? prepare_regular(f) : 0;
}

void
file_appended(struct file *f, size_t bytes)
{
	f->good += (off_t)bytes;
}

void
file_take_back(const struct file *f)
{
	if (f->is_regular && ftruncate(f->fd, f->good) != 0)
		log_warn("could not truncate file \"%s\": %s", f->path, strerror(errno));
}

int
file_check(const struct file *f)
{
	struct stat st;

	if (!f->is_regular)
		return 0;
	if (fstat(f->fd, &st) != 0)
		return log_temporary("could not stat file \"%s\": %s", f->path, strerror(errno));
	if (st.st_nlink == 0 || st.st_size < f->good)
		return log_temporary(
		    "file \"%s\" was %s while it was recorded into; nothing more is "
		    "acknowledged, and what was in it is lost",
		    f->path, st.st_nlink == 0 ? "removed" : "shortened");
	return 0;
}

int
file_sync(const struct file *f)
{
	if (f->is_regular && fdatasync(f->fd) != 0)
		return log_temporary("could not sync file \"%s\": %s", f->path, strerror(errno));
	return 0;
}
