/* Options of pgcdc-kafka produce. */
#ifndef PRODUCE_OPTIONS_H
#define PRODUCE_OPTIONS_H

#include <stdint.h>

#include "check.h"
#include "client.h"
#include "format.h"
#include "headers.h"
#include "key.h"

struct produce_options {
	struct client_options client;
	const char *topic; /* a name, or a template of names */
	enum key_kind key;
	enum headers_kind headers;
	enum format_kind format;
	const char
	    *schemas; /* a file; NULL: rows of the schema log can't be sent to pgstream 0.x */
	int tombstones;
	int auto_create;
	uint64_t partitions, replication; /* of topics that we make; 0: the broker's default */
	struct opt_list topic_config;
	int64_t linger;                   /* microseconds, or less than 0: as a property says */
	uint64_t batch_bytes, batch_size; /* or 0 */
	const char *compression;          /* or NULL */
	uint64_t queue_bytes;
	const char *transactional_id; /* NULL: at least once */
	const char *position_topic;
	int64_t transaction_interval; /* microseconds */
	int64_t transaction_timeout;  /* microseconds; 0: the brokers' */
	int split_large;
	uint64_t epoch;
	const char *dead_letter; /* a file; NULL: what is too large ends the run */
	const char *ack, *ack_name;
	int64_t shutdown_timeout; /* microseconds */
	uint64_t max_line;
	struct check_options check;
};

/* 0, or the exit code after reporting; EXIT_DONE after --help is the program's end. */
int produce_options_parse(struct produce_options *o, int argc, char **argv);

#endif
