/*
 * Waiting: the one place where a program sleeps, and where signals reach it.
 *
 * SIGTERM, SIGINT and SIGHUP ask for a clean end.  Until loop_start() they end the
 * program at once with exit code 0: nothing was begun.  After it they are blocked
 * except inside loop_wait(), so no other call is ever interrupted, and a
 * second one ends the program at once with 111.  SIGPIPE is ignored: a write
 * says EPIPE.
 */
#ifndef LOOP_H
#define LOOP_H

#include <poll.h>
#include <stdint.h>

/* No deadline. */
#define LOOP_NEVER INT64_MAX

void loop_init(void);
void loop_start(void);

/* Microseconds on a clock that only goes forward. */
int64_t loop_now(void);

/*
 * Wait until one of the n descriptors has an event, a signal comes, or
 * loop_now() reaches the deadline.  The number of descriptors with events,
 * or -1 with errno; an interruption counts as 0.
 */
int loop_wait(struct pollfd *fds, unsigned n, int64_t deadline);

/* The signal that asked for a clean end, 0 if none did. */
int loop_ending(void);

#endif
