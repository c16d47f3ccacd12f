/*
 * The messages of a topic as kcat prints them with the format MESSAGES_FORMAT: a line with
 * partition, offset, length of the key and of the value (-1: none), then both, and a line feed.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MESSAGES_FORMAT "%p %o %K %S\\n%k%s\\n"

struct message {
	int partition;
	int64_t offset;
	const char *key, *value; /* in the file's bytes */
	ssize_t key_len, len;
};

struct messages {
	char *bytes;
	struct message *all;
	size_t n;
};

/* Ends the program when the file is not of this form. */
void messages_read(struct messages *m, const char *path);
void messages_free(struct messages *m);

#endif
