/*
 * A file for what cannot go where it should: it is appended to, and what is put there is durable
 * before it counts as done.
 */
#ifndef APPEND_H
#define APPEND_H

#include <sys/uio.h>

/* What the option for them says: "stop|dead-letter". */
enum append_kind { APPEND_STOP, APPEND_DEAD_LETTER };

/*
 * With dead letters, and only then, there must be a file; option is "--oversize", for messages.
 * 0, or the exit code after reporting.
 */
int append_check(const char *option, enum append_kind kind, const char *path);

/* Open the file of --dead-letter, make it if it is missing. 0, or the exit code after reporting. */
int append_open(int *fd, const char *path);

/* Append n parts as one.  0 when they are durable, or the exit code after reporting. */
int append_put(int fd, const char *path, const struct iovec *parts, int n);

#endif
