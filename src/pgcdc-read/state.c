#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "log.h"
#include "lsn.h"
#include "state.h"

#define TEXT_SIZE 512

#define FORMAT_WRITE                                                              \
	"{\"system_identifier\":\"%s\",\"timeline\":%" PRIu32 ",\"slot\":\"%s\"," \
	"\"position\":\"%s\",\"ack\":\"%s\"}\n"
/* Slot names are [a-z0-9_]; system identifiers are digits. */
#define FORMAT_READ                                                                           \
	"{\"system_identifier\":\"%31[0-9]\",\"timeline\":%" SCNu32 ",\"slot\":\"%63[^\"]\"," \
	"\"position\":\"%17[^\"]\",\"ack\":\"%17[^\"]\"}"

static size_t
format(char *dst, size_t size, const struct state *s)
{
	return (size_t)snprintf(dst, size, FORMAT_WRITE, s->system_identifier, s->timeline, s->slot,
	    lsn_text(s->position), lsn_text(s->ack));
}

/* Exactly what we would have written is believed, and nothing else. */
static int
parse(struct state *s, const char *text, size_t len)
{
	char position[LSN_SIZE], ack[LSN_SIZE], again[TEXT_SIZE];

	if (sscanf(text, FORMAT_READ, s->system_identifier, &s->timeline, s->slot, position, ack) !=
	    5)
		return -1;
	if (lsn_parse(&s->position, position, strlen(position)) != 0 ||
	    lsn_parse(&s->ack, ack, strlen(ack)) != 0)
		return -1;
	return format(again, sizeof(again), s) == len && memcmp(text, again, len) == 0 ? 0 : -1;
}

int
state_read(struct state *s, const char *path)
{
	char text[TEXT_SIZE];
	struct stat st;
	ssize_t n;
	int fd;

	*s = (struct state){ .path = path };
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return log_permanent("state file \"%s\" is a symbolic link, which is not "
				     "followed; give --state the path of the file",
		    path);
	if (fd < 0)
		return log_permanent("could not open state file \"%s\": %s; give --state "
				     "another path",
		    path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
		close(fd);
		return log_permanent("state file \"%s\" is not a regular file of our own; "
				     "give --state another path",
		    path);
	}
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return log_temporary("could not read state file \"%s\": %s", path, strerror(errno));
	text[n] = '\0';
	if (parse(s, text, (size_t)n) != 0)
		return log_permanent("state file \"%s\" is damaged; compare it with the slot's "
				     "position, then remove it",
		    path);
	return 0;
}

static int
write_durably(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int failed;

	if (fd < 0)
		return -1;
	failed = write(fd, text, len) != (ssize_t)len || fdatasync(fd) != 0;
	if (close(fd) != 0 || failed)
		return -1;
	return 0;
}

/* A folder that is missing or closed to us does not heal by itself. */
static int
report(const char *path)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
	case EACCES:
	case EPERM:
	case EROFS:
		return log_permanent("could not write state file \"%s\": %s; give --state a path "
				     "in a folder of ours",
		    path, strerror(errno));
	case ELOOP:
		return log_permanent(
		    "\"%s.new\" is a symbolic link, which is not followed; remove it", path);
	default:
		return log_temporary(
		    "could not write state file \"%s\": %s", path, strerror(errno));
	}
}

int
state_write(const struct state *s)
{
	char text[TEXT_SIZE], new[PATH_MAX];
	size_t len = format(text, sizeof(text), s);

	if (snprintf(new, sizeof(new), "%s.new", s->path) >= (int)sizeof(new))
		return log_permanent("the path of state file \"%s\" is too long", s->path);
	if (write_durably(new, text, len) != 0 || rename(new, s->path) != 0 ||
	    folder_sync(s->path) != 0)
		return report(s->path);
	return 0;
}
