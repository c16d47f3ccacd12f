/*
 * The options of pgcdc-read: one table for parsing, --help and the man page.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#include "connect.h"
#include "filter.h"
#include "opt.h"

struct options {
	struct connect_target server;
	const char *slot;
	struct opt_list publications;

	/* acks */
	const char *ack; /* path of the FIFO, or "stdout" */
	struct opt_list wait_for;
	const char *state;
	int accept_gap;
	int64_t status_interval; /* microseconds */

	/* the end */
	uint64_t endpos; /* 0: none */
	int drain;
	int64_t shutdown_timeout; /* microseconds */

	/* what passes */
	struct filter filter;
	uint64_t max_line;
};

/* 0, or the exit code after reporting. --help and --version exit. */
int options_parse(struct options *o, int argc, char **argv);

#endif
