/*
 * What pgcdc-run is told: by its command line, by the environment, by the
 * configuration file, in this order.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "config.h"
#include "log.h"

/* What is done with the rows that are there before the stream, in the order of the option. */
enum snapshot { SNAPSHOT_INITIAL, SNAPSHOT_NONE, SNAPSHOT_ONLY };

struct settings {
	struct config config;
	const char *config_path;
	const char *source, *stages, *sinks;
	const char *runtime_dir, *state; /* NULL: not given */
	enum snapshot snapshot;
	enum log_level log_level;
	int drain, once, print, check, json;
	int64_t restart_min, restart_max, shutdown_timeout; /* microseconds */
};

/*
 * Read the command line, the file and the environment; configure log.h.  *s lives as
 * long as the program.  0, or the exit code after reporting.
 */
int settings_parse(const struct settings **s, int argc, char **argv);

/* The word that s->snapshot was given as. */
const char *settings_snapshot(const struct settings *s);

/*
 * The state file of the source: the one that is given, else one in systemd's folder, else NULL.
 * 0 and *path, allocated, or -1: no memory.
 */
int settings_state(const struct settings *s, char **path);

/* ' in file "f" line 3' if that is where a variable got this value, else "". */
const char *settings_origin(const char *variable, const char *value);

/* Does a variable set one of our own options? */
int settings_is_own(const char *variable);

#endif
