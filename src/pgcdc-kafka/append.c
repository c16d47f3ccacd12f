#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "append.h"
#include "folder.h"
#include "log.h"

int
append_check(const char *option, enum append_kind kind, const char *path)
{
	int keeps = kind == APPEND_DEAD_LETTER;

	if (keeps && path == NULL)
		return log_permanent("%s=dead-letter needs --dead-letter=FILE", option);
	if (!keeps && path != NULL)
		return log_permanent("--dead-letter=FILE needs %s=dead-letter", option);
	return 0;
}

int
append_open(int *fd, const char *path)
{
	*fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*fd < 0)
		return log_permanent("could not open file \"%s\": %s; give --dead-letter one in a "
				     "folder that we may write to",
		    path, strerror(errno));
	if (folder_sync(path) != 0)
		return log_temporary(
		    "could not sync the folder of file \"%s\": %s", path, strerror(errno));
	return 0;
}

int
append_put(int fd, const char *path, const struct iovec *parts, int n)
{
	off_t end = lseek(fd, 0, SEEK_END);
	size_t want = 0;
	ssize_t written;
	int reason;

	for (int i = 0; i < n; i++)
		want += parts[i].iov_len;
	written = writev(fd, parts, n);
	if (written == (ssize_t)want && fdatasync(fd) == 0)
		return 0;
	reason = written < 0 || written == (ssize_t)want ? errno : ENOSPC;
	/* A part of a line would spoil the file for the next one. */
	if (end >= 0 && ftruncate(fd, end) != 0)
		log_warn("could not truncate file \"%s\": %s", path, strerror(errno));
	return log_temporary("could not write to file \"%s\": %s", path, strerror(reason));
}
