/*
 * Rows of the schema log as pgstream 0.x has them: each says what all tables of a schema are, and
 * a table that is not there any more is taken for dropped.  Ours say only what a command has
 * changed, so the schemas are kept in a file from run to run.
 */
#ifndef WHOLE_SCHEMA_H
#define WHOLE_SCHEMA_H

#include <jansson.h>

#include "buf.h"
#include "event.h"

struct whole_schema {
	const char *path; /* the caller's; NULL: there is none */
	json_t *root;     /* "system_identifier", and "schemas" by name */
};

/* Read the file, which is empty at first. 0, or the exit code after reporting. */
int whole_schema_open(struct whole_schema *w, const char *path);

/* Is it of this cluster?  A new one becomes so.  0, or the exit code after reporting. */
int whole_schema_check(struct whole_schema *w, const char *system_identifier);

/*
 * Learn what a row of the log says, and append the message that pgstream would write.
 * 1; 0: nothing is new to pgstream; or -1: the row is damaged.  Memory: b->failed.
 */
int whole_schema_row(struct whole_schema *w, struct buf *b, const struct event *e);

/* Write the file, when the message was delivered. 0, or the exit code after reporting. */
int whole_schema_save(const struct whole_schema *w);

void whole_schema_close(struct whole_schema *w);

#endif
