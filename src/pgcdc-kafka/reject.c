#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "log.h"
#include "record.h"
#include "reject.h"

int
reject_open(struct reject *f, const char *path)
{
	*f = (struct reject){ .path = path, .fd = -1 };
	if (path == NULL)
		return 0;
	f->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->fd < 0)
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
reject_put(struct reject *f, const rd_kafka_message_t *m, const char *why)
{
	off_t end = lseek(f->fd, 0, SEEK_END);
	ssize_t written;
	int reason;

	make_line(&f->line, m, why);
	if (f->line.failed)
		return log_temporary("out of memory for a message");
	written = write(f->fd, f->line.data, f->line.len);
	if (written == (ssize_t)f->line.len && fdatasync(f->fd) == 0) {
		f->n++;
		return 0;
	}
	reason = written < 0 || written == (ssize_t)f->line.len ? errno : ENOSPC;
	/* A part of a line would spoil the file for the next one. */
	if (end >= 0 && ftruncate(f->fd, end) != 0)
		log_warn("could not truncate file \"%s\": %s", f->path, strerror(errno));
	return log_temporary("could not write to file \"%s\": %s", f->path, strerror(reason));
}

void
reject_close(struct reject *f)
{
	buf_free(&f->line);
	if (f->fd >= 0)
		close(f->fd);
}
