/*
 * The file that is recorded into: whole lines only, durable when synced.
 */
#ifndef FILE_H
#define FILE_H

#include <sys/types.h>

struct file {
	const char *path; /* the caller's; "-" is standard output */
	int fd;
	int is_regular; /* it has a size, and can be synced */
	off_t good;     /* bytes of whole lines in it */
};

/*
 * Open path for appending, make it if it is missing, and cut off a line that a crash
 * has left without its end.  What does not begin with an event line is refused.
 * 0, or the exit code after reporting.
 */
int file_open(struct file *f, const char *path);

/* So many bytes of whole lines were appended. */
void file_appended(struct file *f, size_t bytes);

/* Take back what was appended of a line that could not be written whole. */
void file_take_back(const struct file *f);

/* Are the lines still in it, and it in a folder? 0, or the exit code after reporting. */
int file_check(const struct file *f);

/* Make it durable. 0, or the exit code after reporting. */
int file_sync(const struct file *f);

#endif
