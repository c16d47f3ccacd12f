#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "folder.h"
#include "log.h"
#include "record.h"

int
aside_open(struct aside *a, const char *path)
{
	*a = (struct aside){ .path = path, .fd = -1 };
	if (path == NULL)
		return 0;
	a->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (a->fd < 0)
		return log_permanent("could not open file \"%s\": %s; give --dead-letter one in a "
				     "folder that we may write to",
		    path, strerror(errno));
	if (folder_sync(path) != 0)
		return log_temporary(
		    "could not sync the folder of file \"%s\": %s", path, strerror(errno));
	return 0;
}

static void
make_line(struct buf *b, const rd_kafka_message_t *m, const char *why)
{
	b->len = 0;
	buf_str(b, "{");
	record_add_place(b, m);
	buf_str(b, ",");
	record_add_bytes(b, "value", m->payload, m->len);
	buf_str(b, ",");
	record_add_bytes(b, "why", why, strlen(why));
	buf_str(b, "}\n");
}

int
aside_put(struct aside *a, const rd_kafka_message_t *m, const char *why)
{
	off_t end = lseek(a->fd, 0, SEEK_END);
	ssize_t written;
	int reason;

	make_line(&a->line, m, why);
	if (a->line.failed)
		return log_temporary("out of memory for a message");
	written = write(a->fd, a->line.data, a->line.len);
	if (written == (ssize_t)a->line.len && fdatasync(a->fd) == 0) {
		a->n++;
		return 0;
	}
	reason = written < 0 || written == (ssize_t)a->line.len ? errno : ENOSPC;
	/* A part of a line would spoil the file for the next one. */
	if (end >= 0 && ftruncate(a->fd, end) != 0)
		log_warn("could not truncate file \"%s\": %s", a->path, strerror(errno));
	return log_temporary("could not write to file \"%s\": %s", a->path, strerror(reason));
}

void
aside_close(struct aside *a)
{
	buf_free(&a->line);
	if (a->fd >= 0)
		close(a->fd);
}
