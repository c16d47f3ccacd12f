/* The whole: ranges to workers, rows to the stream. */
#ifndef DUMP_H
#define DUMP_H

#include "display.h"
#include "options.h"
#include "plan.h"
#include "progress.h"
#include "snapshot.h"
#include "stream.h"
#include "tables.h"
#include "worker.h"

#define DUMP_JOBS 64

/* When this token is acknowledged, these pages are done. */
struct dump_mark {
	uint64_t token;
	struct range range;
	uint32_t snapshot;
	unsigned long file; /* of the table's rows */
};

/* The options are the caller's. */
struct dump {
	struct options options;
	PGconn *control; /* finds the tables, and holds the snapshot */
	struct tables tables;
	struct snapshot snapshot;        /* the newest ... */
	char (*xmin)[SNAPSHOT_XID_SIZE]; /* ... of this one and those before, from 1 on */
	uint64_t reached;                /* position of it ... */
	char timeline[12];               /* ... on this one */
	int is_complete;                 /* an earlier run has done it all */
	int is_lost;                     /* another one is needed ... */
	int fruitless;                   /* ... as so many were before in which no range was read */
	struct plan plan;
	struct worker worker[DUMP_JOBS];
	size_t n_workers, busy, turn;
	int is_held; /* some had no turn, as there was no room */
	struct stream stream;
	struct progress progress;
	struct buf unacked; /* struct dump_mark, each; the oldest first */
	uint64_t rows, ranges;
	struct display display;
	int64_t due; /* --max-rate: when the next byte may be written, on loop_now()'s clock ... */
	uint64_t paid; /* ... after so many */
};

/* Run, to the end. The exit code. */
int dump_run(struct dump *d);

#endif
