/* The patterns among --topic that no topic matches, as librdkafka tells of each. */
#ifndef PATTERNS_H
#define PATTERNS_H

#include <stddef.h>

#include "opt.h"

struct patterns {
	const struct opt_list *topics; /* the caller's: names, or patterns with '^' before */
	char *is_unmatched;            /* of each of them */
	size_t n_unmatched;
};

/* 0, or -1: no memory. */
int patterns_open(struct patterns *p, const struct opt_list *topics);

/* librdkafka's text about a topic that is not there: the pattern that it is, or NULL. */
const char *patterns_take(struct patterns *p, const char *reason);

/* All are patterns, and nothing was there for any of them. */
int patterns_match_nothing(const struct patterns *p);

void patterns_free(struct patterns *p);

#endif
