/*
 * Start one program: a process group of its own, so that Ctrl-C reaches only us; the
 * signals as a fresh process has them; killed when we are gone.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include <stddef.h>
#include <sys/types.h>

struct spawn {
	const char *path;
	char *const *argv, *const *env;
	int in, out;     /* become its standard input and output */
	const int *keep; /* n_keep more descriptors that it gets, under their numbers */
	size_t n_keep;
};

struct process {
	pid_t pid;
	int fd; /* of the process: readable when it has ended (pidfd_open(2)) */
};

/*
 * 0, or -1 with errno.  A program that cannot be executed says so itself and ends with
 * an exit code of log.h.
 */
int spawn_start(struct process *p, const struct spawn *s);

#endif
