/*
 * The state file: what was confirmed last, written and fsynced before each
 * confirmation, so that a slot that was recreated or a cluster that is another one
 * is seen at the next start.  One line of JSON, replaced by rename(2).
 */
#ifndef STATE_H
#define STATE_H

#include <stdint.h>

struct state {
	const char *path;           /* the caller's */
	char system_identifier[32]; /* empty: the file did not exist */
	char slot[64];
	uint32_t timeline;
	uint64_t position; /* the newest that may be confirmed */
	uint64_t ack;      /* the newest token that was acknowledged */
};

/* Read the file, which may be missing. 0, or the exit code after reporting. */
int state_read(struct state *s, const char *path);

/* Write it, durably. 0, or the exit code after reporting. */
int state_write(const struct state *s);

#endif
