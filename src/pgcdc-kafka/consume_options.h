/* Options of pgcdc-kafka consume. */
#ifndef CONSUME_OPTIONS_H
#define CONSUME_OPTIONS_H

#include <stdint.h>

#include "check.h"
#include "client.h"

enum start_kind { START_EARLIEST, START_LATEST, START_TIME };
/* In the order of --reset. */
enum reset_kind { RESET_EARLIEST, RESET_LATEST, RESET_STOP };

/* Pauses between attempts to commit, in microseconds: each is twice the one before, up to most. */
struct backoff_options {
	int64_t first, most;
	uint64_t retries; /* 0: without end */
};

struct consume_options {
	struct client_options client;
	struct check_options check;
	const char *group;
	struct opt_list topics; /* names, and patterns that begin with '^' */
	enum start_kind start;
	int64_t start_time; /* of START_TIME: milliseconds since 1970 */
			    /* In the order of --reset. */
	enum reset_kind reset;
	int with_origin, drain;
	const char *system_identifier; /* of the stream; NULL: the first message says it */
	const char *ack;               /* a FIFO, "stdout", or NULL */
	struct opt_list wait_for;
	uint64_t max_unacked, batch_size, batch_bytes, queue_bytes;
	int64_t commit_interval, revoke_timeout, shutdown_timeout; /* microseconds */
	struct backoff_options backoff;
	const char *dead_letter; /* a file; NULL: what is no event ends the run */
};

/* 0, or the exit code after reporting; EXIT_DONE after --help is the program's end. */
int consume_options_parse(struct consume_options *o, int argc, char **argv);

/* Is --ack the path of a FIFO? */
int consume_options_have_fifo(const struct consume_options *o);

#endif
