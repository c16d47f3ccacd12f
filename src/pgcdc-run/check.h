/*
 * Are the ends of a pipeline ready?  What can look for itself is asked to: Kafka's halves with
 * their --check, and for a database "pgcdc check", pgcdc(1).
 */
#ifndef CHECK_H
#define CHECK_H

#include "pipeline.h"

/*
 * Print what is found of each end, in the order of the stream: lines, or one array of JSON.  The
 * worst exit code: 100 over 111 over 1 over 0.
 */
int check_pipeline(const struct pipeline *p, int as_json);

#endif
