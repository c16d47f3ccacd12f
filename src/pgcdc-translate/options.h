/*
 * The options of pgcdc-translate: one table for parsing, --help and the man page.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#include "connect.h"
#include "definition.h"
#include "filter.h"

/* What becomes of rows of a table without identity, in the order of its option. */
enum no_identity { NO_IDENTITY_PASS, NO_IDENTITY_DROP, NO_IDENTITY_STOP };

struct options {
	struct connect_target store; /* an empty dbname: work from the stream alone */
	int64_t store_timeout;       /* microseconds */
	int64_t acked_interval;      /* microseconds, 0: never */
	struct filter filter;
	struct definition_choice choice;
	enum no_identity no_identity;
	int64_t shutdown_timeout; /* microseconds */
	uint64_t max_line, max_hold;
};

/* 0, or the exit code after reporting. --help and --version exit. */
int options_parse(struct options *o, int argc, char **argv);

/* Is there no store? */
int options_stream_only(const struct options *o);

#endif
