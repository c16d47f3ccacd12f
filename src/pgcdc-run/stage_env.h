/*
 * The environment of a stage: its own variables and nobody else's secrets.
 */
#ifndef STAGE_ENV_H
#define STAGE_ENV_H

#include "pipeline.h"

/*
 * The environment for stage s, of a pipeline that has all n stages, from our own.
 * A program of the suite does not get what belongs to another one; libpq's variables
 * only if it connects to Postgres; pgcdc-translate pgcdc-read's server, unless it has
 * another; pgcdc-dump that and the reader's publications, unless it has others; and for a sink
 * with a name, PGCDC_FILE_TWO_X as PGCDC_FILE_X.  Allocated; NULL: out of memory.
 */
char **stage_env_make(const struct stage *s, const struct stage *all, size_t n);

/* The value of a variable in env, or NULL. */
const char *stage_env_get(char *const *env, const char *name);

/* Remove a variable that is in env, which stage_env_make() has made. */
void stage_env_remove(char **env, const char *name);

/*
 * Does the rest of a variable, behind the program's prefix, begin with the name of an
 * instance, in capitals and with a '_' behind?  The length of that, or 0.
 */
size_t stage_env_instance(const char *rest, const char *instance);

/*
 * What of a variable, which has the program's prefix, names the option: the rest behind the
 * prefix and the name of one of the n stages.
 */
const char *stage_env_key(
    const char *variable, const struct program *program, const struct stage *all, size_t n);

#endif
