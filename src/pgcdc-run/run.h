/*
 * One run of the pipeline, from the start of its programs to the end of the last one.
 */
#ifndef RUN_H
#define RUN_H

#include <stdint.h>

#include "pipeline.h"

struct run_result {
	int code;          /* the worst: 100 over 111 over 0 */
	const char *label; /* whose it was; NULL if code is 0 */
	char how[64];      /* "ended with exit code 100", "was killed by signal 9" */
};

/*
 * When one program ends or a signal comes, the source is told to end, and the others
 * get shutdown_timeout microseconds to see the end of their input.  When it returns no
 * process is left.
 */
void run_once(struct run_result *result, const struct pipeline *p, int64_t shutdown_timeout);

#endif
