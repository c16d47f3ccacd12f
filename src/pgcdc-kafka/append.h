/*
 * A file for what cannot go where it should: it is appended to, and what is put there is durable
 * before it counts as done.
 */
#ifndef APPEND_H
#define APPEND_H

#include <sys/uio.h>

/*
 * Is the value of an option ("--oversize") "stop", or "dead-letter" and then, and only then, a file
 * given?  0, or the exit code after reporting.
 */
int append_check(const char *option, const char *value, const char *path);

/* Open the file of --dead-letter, make it if it is missing. 0, or the exit code after reporting. */
int append_open(int *fd, const char *path);

/* Append n parts as one.  0 when they are durable, or the exit code after reporting. */
int append_put(int fd, const char *path, const struct iovec *parts, int n);

#endif
