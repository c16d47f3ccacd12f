/*
 * The rows that are there before the stream: a line of their own, until all of them are
 * acknowledged.  Whether they are, its progress file says, pgcdc-dump(1): then its last line is
 * "done".
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "pipeline.h"
#include "settings.h"

/*
 * Run the line to its end, with restarts as supervise.h has them; nothing, if that was done
 * before.  0: the snapshot is complete; or the exit code after reporting.
 */
int snapshot_take(const struct pipeline *p, const struct settings *s);

#endif
