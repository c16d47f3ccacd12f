/*
 * The configuration file on disk: who may write and read it, which keys may stand in
 * it, and its way into the environment, which wins.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "env_file.h"
#include "opt.h"

struct config {
	const char *path; /* NULL: there is none */
	struct env_file file;
};

/*
 * Read the file at path, and put what is not set yet into the environment.
 * 0, or the exit code after reporting.
 */
int config_load(struct config *c, const char *path, const struct opt_program *program);

/*
 * Where a variable of the environment was set, if in the file: 'file "f" line 3', in a
 * static buffer.  Else NULL.
 */
const char *config_origin(const struct config *c, const char *variable);

/* What the pipeline is called: the file's name without folder and ending. Allocated. */
char *config_name(const struct config *c);

/* Does a variable hold something that nobody else should read? */
int config_is_secret(const char *name, const char *value);

#endif
