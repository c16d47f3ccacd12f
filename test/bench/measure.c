/*
 * measure POSTMASTER_PID COMMAND [ARGUMENT]...
 *
 * Run a command, its standard output discarded, and print what it took: wall seconds, user and
 * system CPU seconds, peak memory in KiB, and the CPU seconds of the server's
 * processes that ended meanwhile, its walsender above all.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* cutime and cstime of proc(5): the CPU of children that were waited for. */
static double
cpu_of_children(const char *pid)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (f == NULL || fscanf(f,
			     "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u"
			     " %*u %lu %lu",
			     &user, &system) != 2) {
		fprintf(stderr, "measure: could not read \"%s\"\n", path);
		exit(1);
	}
	fclose(f);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

int
main(int argc, char **argv)
{
	struct timespec reaped = { .tv_nsec = 300000000 };
	struct rusage used;
	double start, before;
	int status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: measure POSTMASTER_PID COMMAND [ARGUMENT]...\n");
		return 100;
	}
	before = cpu_of_children(argv[1]);
	start = now();
	pid = fork();
	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		return 111;
	start = now() - start;
	nanosleep(&reaped, NULL); /* the server takes a moment to wait for its child */
	printf("%.3f %.3f %.3f %ld %.3f\n", start, seconds(used.ru_utime), seconds(used.ru_stime),
	    used.ru_maxrss, cpu_of_children(argv[1]) - before);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 111;
}
