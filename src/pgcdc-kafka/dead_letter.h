/*
 * The file for what the broker will not take: event lines, durable before they count as done.
 * It begins with the H line of the stream, so "pgcdc-kafka produce <FILE" sends them again.
 */
#ifndef DEAD_LETTER_H
#define DEAD_LETTER_H

#include <stddef.h>
#include <stdint.h>

struct dead_letter {
	const char *path; /* the caller's; NULL: there is none */
	int fd;
	int is_empty;
	char system_identifier[32]; /* of the lines that are in it */
	uint64_t n;                 /* lines that this run has put there */
};

/*
 * Open the file for appending, make it if it is missing.  One that begins with another thing
 * than an H line is refused.  0, or the exit code after reporting.
 */
int dead_letter_open(struct dead_letter *d, const char *path);

/* Is it for this cluster?  0, or the exit code after reporting. */
int dead_letter_check(const struct dead_letter *d, const char *system_identifier);

/*
 * Put an event line there, with its LF and a C line behind it; head is the stream's H line, without
 * LF.  0 when it is durable, or the exit code after reporting.
 */
int dead_letter_put(
    struct dead_letter *d, const char *head, size_t head_len, const char *line, size_t len);

void dead_letter_close(struct dead_letter *d);

#endif
