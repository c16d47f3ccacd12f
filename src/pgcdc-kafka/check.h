/*
 * Is everything ready for a run?  Brokers, topics and rights are looked at, nothing is changed, and
 * no message is left behind.
 */
#ifndef CHECK_H
#define CHECK_H

#include "opt.h"

struct check_options {
	int wanted, as_json;
};

/* Rows of a half's option table; o is a struct check_options *. */
#define CHECK_OPTIONS(o)                                                                   \
	{ "check", 0, OPT_FLAG, &(o)->wanted, NULL,                                        \
		"look whether brokers, topics and rights are ready, and exit", 0, 0 },     \
	{                                                                                  \
		"json", 0, OPT_FLAG, &(o)->as_json, NULL, "with --check: print JSON", 0, 0 \
	}

struct produce_options;

/*
 * Print what is found of what these options need.  0; EXIT_NEGATIVE when something is bad; or the
 * exit code after reporting that it could not be looked at.
 */
int check_produce(const struct produce_options *o);

#endif
