/*
 * The stream of a source whose positions are no LSNs: standard output, with H and C lines whose
 * tokens are "<run>-<counter>" (pgcdc-ack(5)), the ack FIFO, and what is acknowledged.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <poll.h>
#include <stdint.h>

#include "acks.h"
#include "out.h"

struct source {
	struct out out; /* append lines to its buf */
	uint64_t token; /* the newest on the stream; 0 is its start */
	struct confirm confirm;

	/* The rest is ours. */
	char run[17]; /* of the tokens, so that no sink confirms anything of another run */
	struct acks acks;
	struct ack_fifo fifo;
	int is_written; /* with "stdout" as the FIFO: what is written counts as acknowledged ... */
	uint64_t mark_token, mark_bytes; /* ... this token when the output has got so far */
	int64_t shutdown_timeout;        /* microseconds for the end */
};

/* The stream goes on, or its reader has gone: besides these there are exit codes. */
enum { SOURCE_GOES_ON = 0, SOURCE_DOWNSTREAM_GONE = -1 };

/*
 * Open standard output, and the FIFO at path; NULL: there are no acks; "stdout": none but our own.
 * 0, or the exit code after reporting.
 */
int source_open(
    struct source *s, const char *path, const struct opt_list *wait_for, int64_t shutdown_timeout);

/* Append the line that begins the stream; memory: s->out.buf.failed. */
void source_head(struct source *s, const char *system_identifier);

/* Append a C line with the next token; memory: s->out.buf.failed. */
void source_mark(struct source *s);

/* Write what can be written now. SOURCE_GOES_ON, SOURCE_DOWNSTREAM_GONE, or the exit code. */
int source_write(struct source *s);

/*
 * Wait until the deadline or for n more descriptors, room in the output or acks, which are taken.
 * As source_write().
 */
int source_wait(struct source *s, struct pollfd *fds, unsigned n, int64_t deadline);

/*
 * The end: write the rest, close the output so that the sinks flush, and wait for their acks.
 * 0, or the exit code after reporting.
 */
int source_end(struct source *s, int downstream_gone);

void source_free(struct source *s);

#endif
