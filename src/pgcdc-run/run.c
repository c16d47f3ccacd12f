#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "run.h"
#include "spawn.h"

/* What we ask a pipe to hold; without the privilege it stays smaller. */
#define PIPE_SIZE (1024 * 1024)

/* Microseconds for the last acks of a line in which a program has failed. */
#define LAST_ACKS 1000000

/* Microseconds for a source whose line has ended behind it: it is about to end, too. */
#define ABOUT_TO_END 5000000

/* Microseconds between SIGTERM and SIGKILL, for what has not ended in time. */
#define LAST_CHANCE 5000000

/* How far the end of the line has come. */
enum phase { RUNNING, DRAINING, TERMINATING, KILLING };

/* Whose end is the reason for the end of the line: the higher, the more so. */
enum blame { BLAME_NONE, BLAME_EARLY, BLAME_TEMPORARY, BLAME_KILLED, BLAME_PERMANENT };

struct run {
	const struct pipeline *pipeline;
	struct process process[PIPELINE_MOST]; /* of each stage; pid 0: there is none */
	size_t running;
	enum phase phase;
	int64_t deadline;  /* of the phase */
	const char *first; /* the label of the first program that ended */
	enum blame blame;  /* why the result is what it is */
	int64_t shutdown_timeout;
	struct run_result *result;
};

/* --- the start */

static int
make_pipe(int fd[2])
{
	if (pipe2(fd, O_CLOEXEC) != 0)
		return -1;
	fcntl(fd[1], F_SETPIPE_SZ, PIPE_SIZE);
	return 0;
}

/* Start stage i as it is said in s, where path and environment are still missing. */
static int
start_stage(struct run *r, size_t i, struct spawn s)
{
	const struct stage *stage = &r->pipeline->stage[i];

	s.path = stage->path;
	s.env = stage->env;
	if (s.argv == NULL)
		s.argv = stage->argv;
	if (spawn_start(&r->process[i], &s) != 0) {
		r->process[i].pid = 0;
		return -1;
	}
	r->running++;
	log_debug("started \"%s\" with PID %d", stage->label, (int)r->process[i].pid);
	return 0;
}

/* The sinks that are not in the chain, each at the end of a pipe; outputs are the other ends. */
static int
start_others(struct run *r, int *outputs, size_t *n)
{
	const struct pipeline *p = r->pipeline;

	for (size_t i = p->n_chain; i < p->n; i++) {
		int fd[2], err;

		if (make_pipe(fd) != 0)
			return -1;
		outputs[(*n)++] = fd[1];
		err = start_stage(r, i, (struct spawn){ .in = fd[0], .out = STDOUT_FILENO });
		close(fd[0]);
		if (err != 0)
			return -1;
	}
	return 0;
}

/* tee(1) writes to the others as /dev/fd/N. */
static int
start_tee(struct run *r, int in, int out, const int *outputs, size_t n)
{
	char *argv[PIPELINE_MOST + 1] = { r->pipeline->stage[r->pipeline->tee].argv[0] };
	char name[PIPELINE_MOST][32];

	for (size_t i = 0; i < n; i++) {
		snprintf(name[i], sizeof(name[i]), "/dev/fd/%d", outputs[i]);
		argv[i + 1] = name[i];
	}
	return start_stage(r, r->pipeline->tee,
	    (struct spawn){ .argv = argv, .in = in, .out = out, .keep = outputs, .n_keep = n });
}

/* From the last one to the source: each has its reader when it starts. */
static int
start_chain(struct run *r, const int *outputs, size_t n)
{
	const struct pipeline *p = r->pipeline;
	int out = STDOUT_FILENO, err = 0;

	for (size_t i = p->n_chain; err == 0 && i-- > 0;) {
		int fd[2] = { -1, -1 };

		err = i > 0 ? make_pipe(fd) : (fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0;
		if (err == 0 && i == p->tee && i > 0)
			err = start_tee(r, fd[0], out, outputs, n);
		else if (err == 0)
			err = start_stage(r, i, (struct spawn){ .in = fd[0], .out = out });
		if (fd[0] >= 0)
			close(fd[0]);
		if (out != STDOUT_FILENO)
			close(out);
		out = fd[1];
	}
	if (out != STDOUT_FILENO && out >= 0)
		close(out);
	return err;
}

static int
start_all(struct run *r)
{
	int outputs[PIPELINE_MOST], err, reason;
	size_t n = 0;

	if ((err = start_others(r, outputs, &n)) == 0)
		err = start_chain(r, outputs, n);
	reason = errno;
	while (n > 0)
		close(outputs[--n]);
	errno = reason;
	return err;
}

/* --- the end */

/* What a program has started is in its group. */
static void
signal_all(const struct run *r, int signal)
{
	for (size_t i = 0; i < r->pipeline->n; i++)
		if (r->process[i].pid != 0 && kill(-r->process[i].pid, signal) != 0)
			kill(r->process[i].pid, signal); /* not a group of its own yet */
}

static void
enter(struct run *r, enum phase phase)
{
	r->phase = phase;
	if (phase == DRAINING) {
		r->deadline = loop_now() + r->shutdown_timeout;
		if (r->process[0].pid != 0)
			kill(r->process[0].pid, SIGTERM);
	} else if (phase == TERMINATING) {
		r->deadline = loop_now() + LAST_CHANCE;
		signal_all(r, SIGTERM);
	} else {
		r->deadline = LOOP_NEVER;
		signal_all(r, SIGKILL);
	}
}

/* How a program ended, as an exit code. */
static int
code_of(const struct run *r, size_t i, int status)
{
	if (WIFEXITED(status)) {
		int code = WEXITSTATUS(status);

		return code == EXIT_DONE || code == EXIT_PERMANENT ? code : EXIT_TEMPORARY;
	}
	/* It was not there yet when we told it to end: nothing was begun. */
	if (i == 0 && WTERMSIG(status) == SIGTERM && r->phase == DRAINING)
		return EXIT_DONE;
	return EXIT_TEMPORARY;
}

/*
 * Who is to be named?  The worst code, else who was killed by a stranger, else the first
 * one: that a neighbour has gone is a consequence.
 */
static enum blame
blame_for(const struct run *r, int code, int status)
{
	if (code != EXIT_TEMPORARY)
		return code == EXIT_DONE ? BLAME_NONE : BLAME_PERMANENT;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGPIPE && r->phase <= DRAINING)
		return BLAME_KILLED;
	return BLAME_TEMPORARY;
}

static void
judge(struct run *r, size_t i, int status)
{
	const struct stage *s = &r->pipeline->stage[i];
	int code = code_of(r, i, status);
	enum blame blame = blame_for(r, code, status);
	char how[sizeof(r->result->how)];

	if (WIFEXITED(status))
		snprintf(how, sizeof(how), "ended with exit code %d", WEXITSTATUS(status));
	else
		snprintf(how, sizeof(how), "was killed by signal %d", WTERMSIG(status));
	log_debug("\"%s\" %s", s->label, how);
	if (r->first == NULL)
		r->first = s->label;
	if (blame <= r->blame)
		return;
	r->blame = blame;
	r->result->code = code;
	r->result->label = s->label;
	memcpy(r->result->how, how, sizeof(how));
}

static void
reap(struct run *r)
{
	for (size_t i = 0; i < r->pipeline->n; i++) {
		struct process *p = &r->process[i];
		int status;

		if (p->pid == 0 || waitpid(p->pid, &status, WNOHANG) != p->pid)
			continue;
		close(p->fd);
		p->pid = 0;
		r->running--;
		judge(r, i, status);
	}
}

/* Is the source waiting for acks that nobody is left to send? */
static int
waits_in_vain(const struct run *r)
{
	return r->phase == DRAINING && r->running == 1 && r->process[0].pid != 0 &&
	       r->result->code != EXIT_DONE;
}

/*
 * Is the line at its end?  At the end of a stream the programs behind the source may be
 * faster than itself; if it goes on they have ended too early.
 */
static int
is_at_end(struct run *r, int64_t now)
{
	struct run_result *result = r->result;

	if (loop_ending() ||
	    (r->first != NULL && (r->process[0].pid == 0 || result->code != EXIT_DONE)))
		return 1;
	if (r->first != NULL && r->deadline == LOOP_NEVER)
		r->deadline = now + ABOUT_TO_END;
	if (now < r->deadline)
		return 0;
	r->blame = BLAME_EARLY;
	result->code = EXIT_TEMPORARY;
	result->label = r->first;
	snprintf(result->how, sizeof(result->how), "ended with exit code 0 before the source");
	return 1;
}

static void
advance(struct run *r)
{
	int64_t now = loop_now();

	if (r->phase == RUNNING) {
		if (is_at_end(r, now))
			enter(r, DRAINING);
	} else if (r->phase == DRAINING && now >= r->deadline) {
		if (!waits_in_vain(r))
			log_warn(
			    "not all programs have ended within PGCDC_SHUTDOWN_TIMEOUT; they are "
			    "sent SIGTERM");
		enter(r, TERMINATING);
	} else if (r->phase == TERMINATING && now >= r->deadline) {
		enter(r, KILLING);
	}
	if (waits_in_vain(r) && now + LAST_ACKS < r->deadline)
		r->deadline = now + LAST_ACKS;
}

static void
wait_for_any(struct run *r)
{
	struct pollfd fds[PIPELINE_MOST];

	for (size_t i = 0; i < r->pipeline->n; i++)
		fds[i] = (struct pollfd){ .fd = r->process[i].pid != 0 ? r->process[i].fd : -1,
			.events = POLLIN };
	loop_wait(fds, (unsigned)r->pipeline->n, r->deadline);
}

static void
failed_to_start(struct run *r, int reason)
{
	r->blame = BLAME_PERMANENT; /* nobody else's */
	r->result->code = EXIT_TEMPORARY;
	r->result->label = "pgcdc-run";
	snprintf(r->result->how, sizeof(r->result->how), "could not start all programs: %s",
	    strerror(reason));
	if (r->running > 0)
		enter(r, KILLING);
}

void
run_once(struct run_result *result, const struct pipeline *p, int64_t shutdown_timeout)
{
	struct run r = {
		.pipeline = p,
		.deadline = LOOP_NEVER,
		.shutdown_timeout = shutdown_timeout,
		.result = result,
	};

	*result = (struct run_result){ .code = EXIT_DONE };
	if (start_all(&r) != 0)
		failed_to_start(&r, errno);
	while (r.running > 0) {
		if (r.phase != RUNNING || !loop_ending())
			wait_for_any(&r);
		reap(&r);
		advance(&r);
	}
}
