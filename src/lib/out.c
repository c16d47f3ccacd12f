#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out.h"

/* A buffer that one long line has blown up is given back above this size. */
#define KEEP_SIZE (1024 * 1024)

/* What we ask a pipe to hold; without the privilege it stays smaller. */
#define PIPE_SIZE (1024 * 1024)

static int
reopen(struct out *o, int fd)
{
	char path[32];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0) {
		o->most = PIPE_BUF;
		return 0;
	}
	if (dup3(own, fd, O_CLOEXEC) < 0) {
		close(own);
		return -1;
	}
	close(own);
	fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
	return 0;
}

int
out_open(struct out *o, int fd)
{
	struct stat st;
	int flags;

	*o = (struct out){ .fd = fd, .most = SSIZE_MAX };
	if (fstat(fd, &st) != 0)
		return -1;
	o->is_socket = S_ISSOCK(st.st_mode);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
		errno = EBADF;
		return -1;
	}
	if (S_ISFIFO(st.st_mode) || isatty(fd))
		return reopen(o, fd);
	return 0;
}

static int
has_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1;
}

static ssize_t
write_some(struct out *o)
{
	const char *p = o->buf.data + o->sent;
	size_t n = out_pending(o);

	if (o->is_socket)
		return send(o->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (o->most == PIPE_BUF && !has_room(o->fd)) {
		errno = EAGAIN;
		return -1;
	}
	return write(o->fd, p, n < o->most ? n : o->most);
}

static void
all_written(struct out *o)
{
	o->sent = o->buf.len = 0;
	if (o->buf.cap > KEEP_SIZE)
		buf_free(&o->buf);
}

int
out_write(struct out *o)
{
	while (out_pending(o) > 0) {
		ssize_t n = write_some(o);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			/* Keep the unsent tail at the front, so that the buffer need not grow. */
			if (o->sent > o->buf.len / 2) {
				buf_drop(&o->buf, o->sent);
				o->sent = 0;
			}
			return 1;
		}
		if (n < 0)
			return -1;
		o->sent += (size_t)n;
		o->written += (uint64_t)n;
	}
	all_written(o);
	return 0;
}

int
out_close(struct out *o)
{
	int fd = o->fd;

	o->fd = -1;
	buf_free(&o->buf);
	return close(fd);
}
