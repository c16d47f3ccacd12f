/*
 * Output to a descriptor that must never block: lines are appended to a
 * buffer and written when the descriptor takes them.
 *
 * O_NONBLOCK is a flag of the open file description, which is shared with the
 * terminal and with siblings, so it is set only on a description of our own:
 * a pipe or terminal is reopened through /proc/self/fd.  A socket is written with
 * MSG_DONTWAIT.  A pipe that may not be reopened (another user made it) is
 * written PIPE_BUF bytes at a time when poll(2) says that it has room, which
 * POSIX lets a blocking pipe take at once.  Files and devices are written as
 * they are.
 */
#ifndef OUT_H
#define OUT_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct out {
	struct buf buf;   /* append here, then out_write() */
	size_t sent;      /* bytes at its front that are written already */
	uint64_t written; /* bytes written since out_open() */
	int fd;
	int is_socket;
	size_t most; /* bytes a write(2) may be asked for */
};

/* Take over descriptor fd. 0, or -1 with errno, EBADF when it is not open for writing. */
int out_open(struct out *o, int fd);

/* Bytes appended and not yet written. */
static inline size_t
out_pending(const struct out *o)
{
	return o->buf.len - o->sent;
}

/*
 * Write what the descriptor takes without blocking.  0: nothing is left;
 * 1: wait for POLLOUT; -1: errno, EPIPE when the reader is gone.
 */
int out_write(struct out *o);

/* Close the descriptor. 0, or -1 with errno: what was written may be lost. */
int out_close(struct out *o);

#endif
