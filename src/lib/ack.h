/*
 * The ack FIFO (pgcdc-ack(5)): sinks tell the source of a stream how far
 * everything is durable.  One line a message, "TOKEN[ NAME]\n", shorter than
 * PIPE_BUF, so that writes of several sinks do not mix (POSIX write(2)).
 */
#ifndef ACK_H
#define ACK_H

#include <limits.h>
#include <stddef.h>

#include "opt.h"

#define ACK_TOKEN_SIZE 128 /* with the NUL */
#define ACK_NAME_SIZE 64

/* The source's end. */
struct ack_fifo {
	int fd;
	size_t len;   /* bytes in buffer */
	size_t done;  /* bytes of them that were handed out */
	int skipping; /* in a line that is too long */
	char buffer[PIPE_BUF];
};

struct ack {
	int malformed; /* the line is none of ours; token and name are empty */
	char token[ACK_TOKEN_SIZE];
	char name[ACK_NAME_SIZE]; /* empty when the line has none */
};

/*
 * Make the FIFO at path, with mode 0600, or take the one that is there: it must be
 * a FIFO of our own and no other source may hold it.  It stays locked until the
 * program ends and is never unlinked.  It is opened for writing, too, so
 * sinks may come and go without an end of file.
 * 0, or the exit code after reporting.
 */
int ack_listen(struct ack_fifo *f, const char *path);

/*
 * The next ack: 1, or 0 when there is none now (wait for POLLIN on f->fd),
 * or -1 with errno.
 */
int ack_next(struct ack_fifo *f, struct ack *ack);

/* A name as a sink may call itself: letters, digits, '_', '-' and '.'. */
int ack_name_valid(const char *name);

/* Is the one that --ack-name gives such a name? 0, or the exit code after reporting. */
int ack_check_name(const char *name);

/*
 * Are those that --wait-for gives such names, and path, that of --ack, one of a FIFO if there are any?
 * 0, or the exit code after reporting.
 */
int ack_check_wait_for(const struct opt_list *names, const char *path);

/*
 * The sink's end.  It never blocks: only the newest token waits to be sent.
 * Start with all zero but fd, which is -1.
 */
struct ack_sink {
	const char *path; /* the caller's */
	const char *name; /* the caller's */
	int fd;           /* -1 when nobody listens */
	int unheard;      /* and that was not said yet: there was nothing to send */
	size_t len;       /* of the pending line */
	char pending[ACK_TOKEN_SIZE + ACK_NAME_SIZE + 2];
};

/*
 * Open the FIFO anew, at each H line: the source may be another one now.
 * That nobody listens is no error: acks are dropped, with a warning at the first of them, as
 * tokens are cumulative and the source will send again what it does not hear of.
 * 0, or the exit code after reporting.
 */
int ack_connect(struct ack_sink *s, const char *path, const char *name);

/* Make token the newest and try to send it. -1 if it cannot be a token. */
int ack_send(struct ack_sink *s, const char *token, size_t len);

/* Try to send what is pending. 0: nothing is left; 1: wait for POLLOUT on s->fd. */
int ack_flush(struct ack_sink *s);

void ack_disconnect(struct ack_sink *s);

#endif
