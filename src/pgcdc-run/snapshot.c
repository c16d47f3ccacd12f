#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "log.h"
#include "snapshot.h"
#include "supervise.h"

/* What keeps us from reading it keeps pgcdc-dump, too, which says so. */
static int
is_complete(const char *progress)
{
	static const char done[] = "\ndone\n";
	char end[sizeof(done) - 1] = { 0 };
	int fd = open(progress, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	off_t size;
	ssize_t n = 0;

	if (fd < 0)
		return 0;
	if ((size = lseek(fd, 0, SEEK_END)) >= (off_t)sizeof(end))
		n = pread(fd, end, sizeof(end), size - (off_t)sizeof(end));
	close(fd);
	return n == sizeof(end) && memcmp(end, done, sizeof(end)) == 0;
}

int
snapshot_take(const struct pipeline *p, const struct settings *s)
{
	int err;

	if (is_complete(p->progress)) {
		if (s->snapshot == SNAPSHOT_ONLY)
			log_info("the snapshot is complete, says progress file \"%s\"; remove it "
				 "to begin anew",
			    p->progress);
		return 0;
	}
	if ((err = supervise(p, s)) != 0 || is_complete(p->progress))
		return err;
	/* A signal has ended it. */
	return log_temporary("the end came before the snapshot was complete; the next start goes "
			     "on with progress file \"%s\"",
	    p->progress);
}
