/*
 * The pipeline: which programs, with which arguments and which environment, in which
 * order.  Nothing of it is started here.
 *
 *	source | stage | ... | sink
 *	source | stage | ... | tee | first sink
 *	                        `--> each other sink
 *
 * The rows that are there before the stream come through one of their own, which differs in the
 * source and ends.
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include <stddef.h>

#include "program.h"
#include "settings.h"

struct stage {
	const struct program *program; /* NULL: none of the suite's */
	const char *instance;          /* "two" of "file:two", or NULL */
	const char *label;             /* for messages */
	char *path;                    /* what is executed */
	char **argv;                   /* argc words and a NULL; tee(1) gets its outputs later */
	size_t argc;
	char **env;
};

#define PIPELINE_MOST 64 /* programs */

struct pipeline {
	struct stage stage[PIPELINE_MOST]; /* in order; the other sinks come last */
	size_t n;
	size_t n_chain; /* the first so many are one pipe, its last one is a sink */
	size_t tee;     /* the index of tee(1), or 0: there is one sink */
	char *progress; /* of a snapshot, where it says how far it is; NULL: of a stream */
};

/*
 * Put together what the settings say, for the stream of their source, PROGRAM_SOURCE, or for what is
 * there before, PROGRAM_SNAPSHOT; every program is looked for, and every key of the file.  folder holds the ack FIFO; for a line that is only printed it is "$dir".  All is
 * allocated, for the life of the program.  0, or the exit code after reporting.
 */
int pipeline_make(
    struct pipeline *p, const struct settings *s, enum program_kind source, const char *folder);

/* The name under which a sink acknowledges. */
const char *pipeline_ack_name(const struct stage *s);

#endif
