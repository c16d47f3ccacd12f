/*
 * The lines of a recording that change what a sink holds of the workload's tables: those of a stream,
 * or the rows of dumps.
 */
#ifndef LINES_H
#define LINES_H

#include "replica.h"

struct lines {
	struct change *change; /* n of them, in the order of the recording */
	long *end;             /* offset in the file behind each */
	size_t n;
	long runs, marks; /* H and C lines of dumps */
};

/* A recording of pgcdc-read, whole or not. */
void lines_read_stream(struct lines *l, const struct replica *r, const char *path);

/* One of pgcdc-dump: each run's tokens must follow each other. */
void lines_read_dump(struct lines *l, const struct replica *r, const char *path);

void lines_free(struct lines *l);

#endif
