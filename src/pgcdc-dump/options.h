/* What the command line and the environment say. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#include "connect.h"
#include "filter.h"
#include "opt.h"

struct options {
	struct connect_target server;
	struct filter filter;
	struct opt_list publications;
	uint64_t jobs, range_pages;
	const char *ack;
	const char *progress_file;
	struct opt_list wait_for;
	int64_t shutdown_timeout; /* microseconds */
};

/* 0, or the exit code; an error was reported.  --help and --version exit with 0. */
int options_parse(struct options *o, int argc, char **argv);

#endif
