/*
 * What goes out, and comes back: standard output, the ack FIFO, and what is acknowledged.
 */
#ifndef STREAM_H
#define STREAM_H

#include <poll.h>
#include <stdint.h>

#include "acks.h"
#include "out.h"
#include "tokens.h"

struct stream {
	struct out out; /* append lines to its buf */
	struct tokens tokens;
	struct confirm confirm;

	/* The rest is ours. */
	struct acks acks;
	struct ack_fifo fifo;
	int is_written; /* with "stdout" as the FIFO: what is written counts as acknowledged ... */
	uint64_t mark_token, mark_bytes; /* ... this token when the output has got so far */
	int64_t shutdown_timeout;        /* microseconds for the end */
};

/* The stream goes on, or its reader has gone: besides these there are exit codes. */
enum { STREAM_GOES_ON = 0, STREAM_DOWNSTREAM_GONE = -1 };

/*
 * Open standard output, and the FIFO at path; NULL: there are no acks; "stdout": none but our own.
 * 0, or the exit code after reporting.
 */
int stream_open(
    struct stream *s, const char *path, const struct opt_list *wait_for, int64_t shutdown_timeout);

/* Append the line that begins the stream; memory: s->out.buf.failed. */
void stream_head(struct stream *s, const char *system_identifier);

/* Append a C line with the next token; memory: s->out.buf.failed. */
void stream_mark(struct stream *s);

/* Write what can be written now. STREAM_GOES_ON, STREAM_DOWNSTREAM_GONE, or the exit code. */
int stream_write(struct stream *s);

/*
 * Wait until the deadline or for n more descriptors, room in the output or acks, which are taken.
 * As stream_write().
 */
int stream_wait(struct stream *s, struct pollfd *fds, unsigned n, int64_t deadline);

/*
 * The end: write the rest, close the output so that the sinks flush, and wait for their acks.
 * 0, or the exit code after reporting.
 */
int stream_end(struct stream *s, int downstream_gone);

void stream_free(struct stream *s);

#endif
