#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "folder.h"

int
folder_sync(const char *path)
{
	char copy[PATH_MAX];
	int fd, failed;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : -1;
	failed = fsync(fd) != 0 && errno != EINVAL;
	close(fd);
	return failed ? -1 : 0;
}
