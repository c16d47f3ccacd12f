#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"

static const int ending_signals[] = { SIGTERM, SIGINT, SIGHUP };
#define N_ENDING (sizeof(ending_signals) / sizeof(ending_signals[0]))

static volatile sig_atomic_t started;
static volatile sig_atomic_t ending;
static sigset_t while_waiting;

static void
on_ending_signal(int signal)
{
	if (!started)
		_exit(EXIT_DONE);
	if (ending)
		_exit(EXIT_TEMPORARY);
	ending = signal;
}

void
loop_init(void)
{
	struct sigaction action = { .sa_handler = on_ending_signal };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t ours;

	sigemptyset(&ours);
	sigaction(SIGPIPE, &ignore, NULL);
	for (size_t i = 0; i < N_ENDING; i++) {
		struct sigaction old;

		sigaddset(&ours, ending_signals[i]);
		/* nohup(1), or a shell's background job: what is ignored stays so. */
		sigaction(ending_signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN || ending_signals[i] == SIGTERM)
			sigaction(ending_signals[i], &action, NULL);
	}
	/* A mask can be inherited from a careless parent. */
	sigprocmask(SIG_UNBLOCK, &ours, NULL);
}

void
loop_start(void)
{
	sigset_t ours;

	sigemptyset(&ours);
	for (size_t i = 0; i < N_ENDING; i++)
		sigaddset(&ours, ending_signals[i]);
	sigprocmask(SIG_BLOCK, &ours, &while_waiting);
	started = 1;
}

int64_t
loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int
loop_wait(struct pollfd *fds, unsigned n, int64_t deadline)
{
	struct timespec timeout, *limit = NULL;
	int ready;

	if (deadline != LOOP_NEVER) {
		int64_t left = deadline - loop_now();

		if (left < 0)
			left = 0;
		timeout.tv_sec = left / 1000000;
		timeout.tv_nsec = left % 1000000 * 1000;
		limit = &timeout;
	}
	ready = ppoll(fds, n, limit, &while_waiting);
	if (ready < 0 && errno == EINTR) {
		for (unsigned i = 0; i < n; i++)
			fds[i].revents = 0;
		return 0;
	}
	/* Where something is ready ppoll(2) looks at no signal, and it may always be. */
	if (ready > 0)
		ppoll(NULL, 0, &(struct timespec){ 0 }, &while_waiting);
	return ready;
}

int
loop_ending(void)
{
	return ending;
}
