/* Waiting: signals and deadlines. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop.h"
#include "tap.h"

/* A pipe with something in it, always. */
static struct pollfd
ready_pipe(void)
{
	int ends[2];

	if (pipe(ends) != 0 || write(ends[1], "x", 1) != 1)
		abort();
	return (struct pollfd){ .fd = ends[0], .events = POLLIN };
}

static void
deadlines(void)
{
	struct pollfd fd = ready_pipe();
	int64_t start = loop_now();

	is_int(loop_wait(&fd, 1, LOOP_NEVER), 1, "ready, without a deadline");
	is_int(fd.revents, POLLIN, "and it says for what");
	is_int(loop_wait(&fd, 1, start - 1), 1, "ready, with one that is over");
	fd.events = 0;
	is_int(loop_wait(&fd, 1, start - 1), 0, "not ready, with one that is over");
	is_int(loop_wait(&fd, 1, start + 20000), 0, "nor later");
	ok(loop_now() >= start + 20000, "and the deadline was waited for");
}

/* Where input never ends, a wait never sleeps. */
static void
signal_while_ready(void)
{
	struct pollfd fd = ready_pipe();

	is_int(loop_ending(), 0, "no signal came");
	raise(SIGTERM);
	is_int(loop_ending(), 0, "outside of a wait it is not looked at");
	is_int(loop_wait(&fd, 1, LOOP_NEVER), 1, "a wait for what is ready");
	is_int(fd.revents, POLLIN, "says so");
	is_int(loop_ending(), SIGTERM, "and takes the signal");
}

int
main(void)
{
	loop_init();
	loop_start();
	deadlines();
	signal_while_ready();
	return tap_done();
}
