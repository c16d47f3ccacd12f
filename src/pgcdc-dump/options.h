/* What the command line and the environment say. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#include "connect.h"
#include "filter.h"
#include "opt.h"
#include "wanted.h"

struct options {
	struct connect_target server;
	struct filter filter;
	struct opt_list publications;
	struct wanted wanted;
	const char *create_slot; /* NULL: there is none, or it is somebody else's business */
	int failover;
	int digest;
	uint64_t jobs, range_pages;
	const char *ack;
	const char *progress_file;
	uint64_t min_lsn;
	int64_t timeout;   /* microseconds, for that */
	uint64_t max_rate; /* bytes a second; 0: no limit */
	struct opt_list wait_for;
	int64_t shutdown_timeout; /* microseconds */
};

/* 0, or the exit code; an error was reported.  --help and --version exit with 0. */
int options_parse(struct options *o, int argc, char **argv);

#endif
