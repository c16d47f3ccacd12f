#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "log.h"
#include "progress.h"

static int
failed(const struct progress *p, const char *what)
{
	static const int lasting[] = { ENOENT, ENOTDIR, EACCES, EPERM, EROFS, ELOOP, EISDIR };
	const char *why = strerror(errno);

	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		if (errno == lasting[i])
			return log_permanent("could not %s progress file \"%s\": %s; give "
					     "--progress-file a path in a folder of ours",
			    what, p->path, why);
	return log_temporary("could not %s progress file \"%s\": %s", what, p->path, why);
}

/* --- what is in it */

/* Where the whole lines end. */
static int
cut_off_rest(struct progress *p)
{
	char block[4096];
	off_t end = lseek(p->fd, 0, SEEK_END), whole = end;
	ssize_t n = 0;
	char *lf = NULL;

	while (whole > 0 && lf == NULL) {
		off_t from = whole > (off_t)sizeof(block) ? whole - (off_t)sizeof(block) : 0;

		if ((n = pread(p->fd, block, (size_t)(whole - from), from)) < 0)
			return failed(p, "read");
		lf = memrchr(block, '\n', (size_t)n);
		whole = lf != NULL ? from + (lf - block) + 1 : from;
	}
	return whole == end || ftruncate(p->fd, whole) == 0 ? 0 : failed(p, "write");
}

static int
check_head(struct progress *p, const char *system_identifier, const char *database)
{
	char line[128], head[128];
	size_t cluster = (size_t)snprintf(
	    head, sizeof(head), "pgcdc-dump 1 %s ", system_identifier);

	snprintf(head + cluster, sizeof(head) - cluster, "%s\n", database);
	if (fgets(line, sizeof(line), p->lines) == NULL) {
		buf_str(&p->unsaved, head);
		return progress_save(p);
	}
	p->number = 1;
	if (strcmp(line, head) == 0)
		return 0;
	if (strncmp(line, "pgcdc-dump 1 ", strlen("pgcdc-dump 1 ")) != 0)
		return log_permanent("file \"%s\" is no progress file of ours; give "
				     "--progress-file another one",
		    p->path);
	if (strncmp(line, head, cluster) == 0)
		return log_permanent("progress file \"%s\" is of another database of the "
				     "cluster; give --progress-file another one",
		    p->path);
	return log_permanent("progress file \"%s\" is of cluster %.*s, and the server of %s; give "
			     "--progress-file another one",
	    p->path, (int)strcspn(line + 13, " \n"), line + 13, system_identifier);
}

int
progress_open(
    struct progress *p, const char *path, const char *system_identifier, const char *database)
{
	int err;

	*p = (struct progress){ .path = path, .fd = -1 };
	if (path == NULL)
		return 0;
	p->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->fd < 0)
		return failed(p, "open");
	if (flock(p->fd, LOCK_EX | LOCK_NB) != 0)
		return log_temporary("another run uses progress file \"%s\"", path);
	if (folder_sync(path) != 0)
		return failed(p, "sync the folder of");
	if ((err = cut_off_rest(p)) != 0)
		return err;
	if ((p->lines = fopen(path, "re")) == NULL)
		return failed(p, "read");
	return check_head(p, system_identifier, database);
}

int
progress_next(struct progress *p, struct progress_entry *e, int *err)
{
	char line[256];
	int end = 0;

	*err = 0;
	*e = (struct progress_entry){ .kind = PROGRESS_DONE };
	if (p->lines == NULL || fgets(line, sizeof(line), p->lines) == NULL)
		return 0;
	p->number++;
	if (sscanf(line, "snapshot %u %23[0-9] %17[0-9A-F/] %11[0-9]\n%n", &e->snapshot, e->xmin,
		e->lsn, e->timeline, &end) == 4 &&
	    end > 0) {
		e->kind = PROGRESS_SNAPSHOT;
		return 1;
	}
	if (sscanf(line, "read %15[0-9] %lu %u %u %u\n%n", e->oid, &e->file, &e->first, &e->end,
		&e->snapshot, &end) == 5 &&
	    end > 0) {
		e->kind = PROGRESS_READ;
		return 1;
	}
	if (strcmp(line, "done\n") == 0)
		return 1;
	*err = log_permanent("line %lu of progress file \"%s\" is none of ours; give "
			     "--progress-file another one",
	    p->number, p->path);
	return -1;
}

void
progress_rewind(struct progress *p)
{
	char head[128];

	if (p->lines == NULL)
		return;
	rewind(p->lines);
	p->number = fgets(head, sizeof(head), p->lines) != NULL;
}

/* --- what goes into it */

void
progress_add(struct progress *p, const struct progress_entry *e)
{
	char line[256];

	switch (e->kind) {
	case PROGRESS_SNAPSHOT:
		snprintf(line, sizeof(line), "snapshot %u %s %s %s\n", e->snapshot, e->xmin, e->lsn,
		    e->timeline);
		break;
	case PROGRESS_READ:
		snprintf(line, sizeof(line), "read %s %lu %u %u %u\n", e->oid, e->file, e->first,
		    e->end, e->snapshot);
		break;
	case PROGRESS_DONE:
		strcpy(line, "done\n");
		break;
	}
	buf_str(&p->unsaved, line);
}

int
progress_save(struct progress *p)
{
	size_t done = 0;
	ssize_t n;

	if (p->unsaved.failed)
		return log_temporary("out of memory for the progress file");
	while (done < p->unsaved.len) {
		n = write(p->fd, p->unsaved.data + done, p->unsaved.len - done);
		if (n < 0 && errno != EINTR)
			return failed(p, "write");
		done += n > 0 ? (size_t)n : 0;
	}
	p->unsaved.len = 0;
	return fdatasync(p->fd) == 0 ? 0 : failed(p, "sync");
}

void
progress_close(struct progress *p)
{
	if (p->lines != NULL)
		fclose(p->lines);
	if (p->fd >= 0)
		close(p->fd);
	buf_free(&p->unsaved);
}
