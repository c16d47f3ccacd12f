/* The whole: ranges to workers, rows to the stream. */
#ifndef DUMP_H
#define DUMP_H

#include "options.h"
#include "plan.h"
#include "snapshot.h"
#include "source.h"
#include "tables.h"
#include "worker.h"

#define DUMP_JOBS 64

/* The options are the caller's. */
struct dump {
	struct options options;
	PGconn *control; /* finds the tables, and holds the snapshot */
	struct tables tables;
	struct snapshot snapshot;
	struct plan plan;
	struct worker worker[DUMP_JOBS];
	size_t n_workers, busy, turn;
	struct source source;
	uint64_t rows, ranges;
};

/* Run, to the end. The exit code. */
int dump_run(struct dump *d);

#endif
