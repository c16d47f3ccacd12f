/*
 * A bad disk and a bad pipe, to be preloaded: writes are slow and short, syncs are
 * slow, so that a SIGKILL finds a program between what it should do in one order.
 * And a disk that forgets: the file named by FAULT_DISK_MARK tells how much of the
 * file that was synced last is durable, for a test that cuts off the rest as a
 * loss of power would.  FAULT_DISK_SEED is the seed of it all.  With FAULT_PIPE_LASTS
 * standard output is a pipe that breaks after so many writes.
 *
 * Writes that pipes take whole, up to PIPE_BUF, stay whole.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "prng.h"

ssize_t write(int fd, const void *p, size_t n);
ssize_t writev(int fd, const struct iovec *v, int n);
int fsync(int fd);
int fdatasync(int fd);
int ftruncate(int fd, off_t size);

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static struct prng prng;
static int mark_fd = -1;
static int pipe_lasts = -1; /* -1: for ever */

/* A pointer to a function, as POSIX wants it taken from dlsym(). */
#define NEXT(name) (*(void **)&real_##name = dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void
start(void)
{
	const char *seed = getenv("FAULT_DISK_SEED"), *mark = getenv("FAULT_DISK_MARK");
	const char *lasts = getenv("FAULT_PIPE_LASTS");

	NEXT(write);
	NEXT(writev);
	NEXT(fsync);
	NEXT(fdatasync);
	NEXT(ftruncate);
	prng = prng_stream(seed != NULL ? strtoull(seed, NULL, 10) : 0, (uint64_t)getpid());
	if (mark != NULL)
		mark_fd = open(mark, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lasts != NULL)
		pipe_lasts = atoi(lasts);
}

static void
delay(int microseconds)
{
	struct timespec t = { 0, prng_below(&prng, microseconds) * 1000L };

	if (prng_percent(&prng, 20))
		nanosleep(&t, NULL);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	delay(4000);
	if (fd == STDOUT_FILENO && pipe_lasts == 0) {
		errno = EPIPE;
		return -1;
	}
	if (fd == STDOUT_FILENO && pipe_lasts > 0)
		pipe_lasts--;
	if (n > PIPE_BUF && prng_percent(&prng, 30))
		n = (size_t)prng_between(&prng, PIPE_BUF, (int)(n < 1000000 ? n : 1000000));
	return real_write(fd, p, n);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	delay(4000);
	return real_writev(fd, v, n > 1 && prng_percent(&prng, 30) ? 1 : n);
}

static off_t
size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : -1;
}

static void
mark(off_t durable)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%020lld\n", (long long)durable);

	if (mark_fd >= 0 && durable >= 0 && pwrite(mark_fd, text, (size_t)n, 0) != n)
		abort();
}

static int
sync_with(int (*sync_it)(int), int fd)
{
	off_t size = size_of(fd);
	int result;

	delay(20000);
	result = sync_it(fd);
	if (result == 0)
		mark(size);
	return result;
}

int
fsync(int fd)
{
	return sync_with(real_fsync, fd);
}

int
fdatasync(int fd)
{
	return sync_with(real_fdatasync, fd);
}

/* What is cut off is gone, durable or not. */
int
ftruncate(int fd, off_t size)
{
	char text[24] = "";

	if (mark_fd >= 0 && pread(mark_fd, text, sizeof(text) - 1, 0) > 0 && atoll(text) > size)
		mark(size);
	return real_ftruncate(fd, size);
}
