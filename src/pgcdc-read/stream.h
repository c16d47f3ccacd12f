/*
 * The stream from its H line to its end: messages in, lines out, acks in,
 * confirmations out, on one wait.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdint.h>

#include "acks.h"
#include "burst.h"
#include "events.h"
#include "options.h"
#include "out.h"
#include "session.h"
#include "state.h"

struct stream {
	const struct options *options;
	struct session *session;
	struct acks acks;
	struct state *state; /* NULL: none */
	struct events events;
	struct confirm confirm;
	struct out out;
	struct burst burst;

	uint64_t start;    /* where the stream has started */
	uint64_t received; /* the server's newest position */
	uint64_t goal;     /* end when this is reached; 0: never */
	int reply_requested;
	int unread;  /* messages are left in libpq's buffer, as the output was full */
	int full;    /* the socket had more than libpq's buffer had room for */
	int growths; /* so many times that buffer was made to grow */
	int64_t feedback_interval, next_feedback; /* microseconds */
	int64_t next_look;                        /* while blocked: when to look at the slot */
	int64_t next_ask;                         /* toward a goal: when to ask a quiet server */

	/* --ack=stdout: all before this token is written when the output has got so far */
	uint64_t mark_token, mark_bytes;

	uint64_t n_feedbacks;
};

/*
 * Run the stream, which session_start() has opened at position start, to st->goal if that
 * is not 0.  Writes H first, with prev unless that is 0.  Returns the exit code, after
 * reporting if it is not 0.
 */
int stream_run(struct stream *st, uint64_t start, uint64_t prev);

/* The stream goes on, or its reader has gone: besides these there are exit codes. */
enum { STREAM_GOES_ON = 0, STREAM_DOWNSTREAM_GONE = -1 };

/*
 * Write what can be written now.  STREAM_GOES_ON, STREAM_DOWNSTREAM_GONE, or the exit
 * code after reporting.
 */
int stream_write(struct stream *st);

/*
 * Wait until the deadline or for anything: acks, which are taken; room in the output;
 * messages, if taking.  When we would not take what the stream's socket has, libpq does
 * not see its end either, so that is waited for instead.  As stream_write().
 */
int stream_wait(struct stream *st, int taking, int64_t deadline);

#endif
