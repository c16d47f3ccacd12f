#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "runtime.h"

const char *
runtime_wanted(const char *wanted)
{
	static char path[PATH_MAX];
	const char *of_systemd = getenv("RUNTIME_DIRECTORY");

	if (wanted != NULL || of_systemd == NULL || *of_systemd == '\0')
		return wanted;
	/* There may be several, separated by colons. */
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(of_systemd, ":"), of_systemd);
	return path;
}

/* Who may write here may put another FIFO in the place of ours. */
static int
is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int
check(const char *path, int reason)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return log_permanent("could not make folder \"%s\": %s; give PGCDC_RUNTIME_DIR "
				     "another path",
		    path, strerror(reason));
	if (!S_ISDIR(st.st_mode))
		return log_permanent(
		    "\"%s\" is not a folder; give PGCDC_RUNTIME_DIR another path", path);
	if (!is_ours(&st))
		return log_permanent("others may write to folder \"%s\", and so forge "
				     "acknowledgements; give PGCDC_RUNTIME_DIR a folder of our own",
		    path);
	return 0;
}

/*
 * Make the folder and lock it, or take it from a run that could not remove it, which has lost
 * its lock.  The descriptor, or -1: it is in use, or not what we would have made.
 */
static int
lock_folder(const char *path)
{
	struct stat locked, there;
	int fd;

	mkdir(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	/* Its last user may have removed it before we had the lock. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &locked) == 0 && is_ours(&locked) &&
	    lstat(path, &there) == 0 && there.st_ino == locked.st_ino)
		return fd;
	close(fd);
	return -1;
}

static int
make_temporary(struct runtime *r, const struct config *c)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	char path[PATH_MAX], *name = config_name(c);

	if (name == NULL)
		return log_temporary("out of memory");
	if (base == NULL || *base == '\0' || access(base, W_OK) != 0)
		base = getenv("TMPDIR");
	if (base == NULL || *base == '\0')
		base = "/tmp";
	snprintf(path, sizeof(path), "%s/pgcdc.%u.%s", base, geteuid(), name);
	free(name);
	if ((r->lock = lock_folder(path)) < 0) {
		snprintf(path, sizeof(path), "%s/pgcdc.XXXXXX", base);
		if (mkdtemp(path) == NULL)
			return log_permanent("could not make a folder in \"%s\": %s; name one "
					     "with PGCDC_RUNTIME_DIR",
			    base, strerror(errno));
	}
	r->path = strdup(path);
	if (r->path == NULL)
		return log_temporary("out of memory");
	r->is_temporary = 1;
	return 0;
}

int
runtime_open(struct runtime *r, const struct settings *s)
{
	const char *wanted = runtime_wanted(s->runtime_dir);
	int reason;

	*r = (struct runtime){ .lock = -1 };
	if (wanted == NULL)
		return make_temporary(r, &s->config);
	/* That it is there already, or cannot be made, is seen by check(). */
	reason = mkdir(wanted, 0700) != 0 ? errno : 0;
	r->path = strdup(wanted);
	if (r->path == NULL)
		return log_temporary("out of memory");
	return check(wanted, reason);
}

void
runtime_close(struct runtime *r)
{
	char ack[PATH_MAX + 8];

	if (r->is_temporary) {
		snprintf(ack, sizeof(ack), "%s/ack", r->path);
		if ((unlink(ack) != 0 && errno != ENOENT) || rmdir(r->path) != 0)
			log_warn("could not remove folder \"%s\": %s", r->path, strerror(errno));
	}
	if (r->lock >= 0)
		close(r->lock);
	free(r->path);
}
