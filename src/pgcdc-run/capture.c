#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "loop.h"
#include "spawn.h"

static int
read_all(struct buf *text, int fd)
{
	ssize_t n = 1;

	while (n > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char *room = buf_reserve(text, 4096);

		if (room == NULL || loop_wait(&p, 1, LOOP_NEVER) < 0)
			return -1;
		if (p.revents == 0)
			continue;
		if ((n = read(fd, room, 4096)) < 0)
			return -1;
		buf_advance(text, (size_t)n);
	}
	buf_add(text, "", 1);
	return text->failed ? -1 : 0;
}

int
capture_run(struct buf *text, const char *path, char *const *argv, char *const *env, int *status)
{
	struct spawn s = { .path = path, .argv = argv, .env = env, .in = STDIN_FILENO };
	struct process process;
	int fd[2], err;

	if (pipe2(fd, O_CLOEXEC) != 0)
		return -1;
	s.out = fd[1];
	if (spawn_start(&process, &s) != 0) {
		close(fd[0]);
		close(fd[1]);
		return -1;
	}
	close(fd[1]);
	err = read_all(text, fd[0]);
	close(fd[0]); /* what was not read would hold up its end */
	waitpid(process.pid, status, 0);
	close(process.fd);
	return err;
}
