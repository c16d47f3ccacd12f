/*
 * Supervision: start the pipeline, end it as a whole, take the worst exit code, start
 * it again.
 */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "pipeline.h"

/*
 * Run it until it ends with 0 or 100, or a signal asks for the end; with s->once, one
 * time.  The exit code to end with; an error was reported.
 */
int supervise(const struct pipeline *p, const struct settings *s);

#endif
