#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "spawn.h"

/* A signal that has come meanwhile does now what it does to any program. */
static void
reset_signals(void)
{
	static const int ours[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction old, usual = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (sigaction(ours[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(ours[i], &usual, NULL);
	sigaction(SIGPIPE, &usual, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
place_descriptors(const struct spawn *s)
{
	if (dup2(s->in, STDIN_FILENO) < 0 || dup2(s->out, STDOUT_FILENO) < 0)
		return -1;
	/* Also those that our own caller has left open. */
	if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) != 0)
		return -1;
	for (size_t i = 0; i < s->n_keep; i++)
		if (fcntl(s->keep[i], F_SETFD, 0) != 0)
			return -1;
	return 0;
}

static _Noreturn void
become(const struct spawn *s, pid_t parent)
{
	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EXIT_TEMPORARY);
	if (place_descriptors(s) != 0)
		_exit(log_temporary(
		    "could not join \"%s\" to the pipe: %s", s->path, strerror(errno)));
	reset_signals();
	execve(s->path, s->argv, s->env);
	if (errno == ENOMEM || errno == EAGAIN || errno == ETXTBSY)
		_exit(log_temporary("could not start \"%s\": %s", s->path, strerror(errno)));
	_exit(log_permanent("could not start \"%s\": %s; repair it or name another program",
	    s->path, strerror(errno)));
}

int
spawn_start(struct process *p, const struct spawn *s)
{
	pid_t self = getpid();

	p->pid = fork();
	if (p->pid < 0)
		return -1;
	if (p->pid == 0)
		become(s, self);
	p->fd = pidfd_open(p->pid, 0);
	if (p->fd < 0) {
		int reason = errno;

		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
		errno = reason;
		return -1;
	}
	return 0;
}
