/*
 * What pgcdc-run is told: by its command line, by the environment, by the
 * configuration file, in this order.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "config.h"
#include "log.h"

struct settings {
	struct config config;
	const char *config_path;
	const char *source, *stages, *sinks;
	const char *runtime_dir, *state; /* NULL: not given */
	enum log_level log_level;
	int drain, once, print, check, json;
	int64_t restart_min, restart_max, shutdown_timeout; /* microseconds */
};

/*
 * Read the command line, the file and the environment; configure log.h.  *s lives as
 * long as the program.  0, or the exit code after reporting.
 */
int settings_parse(const struct settings **s, int argc, char **argv);

/* ' in file "f" line 3' if that is where a variable got this value, else "". */
const char *settings_origin(const char *variable, const char *value);

/* Does a variable set one of our own options? */
int settings_is_own(const char *variable);

#endif
