#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "settings.h"

#define SECOND INT64_C(1000000)

static struct settings settings = {
	.source = "read",
	.stages = "translate",
	.snapshot = SNAPSHOT_NONE,
	.log_level = LOG_AT_INFO,
	.restart_min = SECOND,
	.restart_max = 60 * SECOND,
	.shutdown_timeout = 45 * SECOND,
};

static int
configure(const struct opt_program *of)
{
	if (settings.config_path == NULL)
		settings.config_path = getenv("PGCDC_CONFIG");
	if (settings.config_path == NULL)
		return 0;
	return config_load(&settings.config, settings.config_path, of);
}

static const char *
origin(const char *variable)
{
	return config_origin(&settings.config, variable);
}

static const struct opt table[] = {
	{ "config", 'c', OPT_STRING, &settings.config_path, "FILE",
	    "configuration file, see pgcdc.conf(5)", 0, 0 },
	{ "source", 0, OPT_STRING, &settings.source, "NAME",
	    "program that the stream comes from (default: read)", 0, 0 },
	{ "stages", 0, OPT_TEXT, &settings.stages, "COMMAND|...",
	    "programs between (default: translate)", 0, 0 },
	{ "sinks", 0, OPT_STRING, &settings.sinks, "NAME,...", "programs that it ends in", 0, 0 },
	{ "runtime-dir", 0, OPT_STRING, &settings.runtime_dir, "DIR",
	    "folder of the ack FIFO (default: a temporary one)", 0, 0 },
	{ "state", 0, OPT_STRING, &settings.state, "FILE", "state file of the source", 0, 0 },
	{ "snapshot", 0, OPT_CHOICE, &settings.snapshot, "initial|none|only",
	    "rows that are there already: before the stream, not, or alone (default: none)", 0, 0 },
	{ "drain", 0, OPT_FLAG, &settings.drain, NULL,
	    "end when all that is there now was delivered", 0, 0 },
	{ "once", 0, OPT_FLAG, &settings.once, NULL, "do not start the line again", 0, 0 },
	{ "restart-min", 0, OPT_DURATION, &settings.restart_min, "TIME",
	    "first wait before a restart (default: 1s)", SECOND / 1000, 3600 * SECOND },
	{ "restart-max", 0, OPT_DURATION, &settings.restart_max, "TIME",
	    "longest wait before a restart (default: 1min)", SECOND / 1000, 3600 * SECOND },
	{ "shutdown-timeout", 0, OPT_DURATION, &settings.shutdown_timeout, "TIME",
	    "longest wait for the end of all stages (default: 45s)", 0, 3600 * SECOND },
	{ "print", 0, OPT_FLAG, &settings.print, NULL,
	    "print the line as a shell would run it, and exit", 0, 0 },
	{ "check", 0, OPT_FLAG, &settings.check, NULL, "look whether its ends are ready, and exit",
	    0, 0 },
	{ "json", 0, OPT_FLAG, &settings.json, NULL, "with --check: print JSON", 0, 0 },
	{ "log-level", 0, OPT_CHOICE, &settings.log_level, "error|warn|info|debug",
	    "what to say (default: info)", 0, 0 },
	{ .name = NULL },
};
static const struct opt_program program = {
	.name = "pgcdc-run",
	.prefix = "PGCDC_",
	.usage = "",
	.purpose = "start, join and supervise the programs of a pipeline",
	.options = table,
	.configure = configure,
	.origin = origin,
};

static int
check(void)
{
	if (settings.sinks == NULL)
		return log_permanent("no sink is named; set PGCDC_SINKS%s%s%s",
		    settings.config.path != NULL ? " in file \""
						 : ", in the file that --config names",
		    settings.config.path != NULL ? settings.config.path : "",
		    settings.config.path != NULL ? "\"" : "");
	if (settings.json && !settings.check)
		return log_permanent("--json needs --check");
	if (settings.restart_min > settings.restart_max)
		return log_permanent("PGCDC_RESTART_MIN is longer than PGCDC_RESTART_MAX%s; give a "
				     "shorter one",
		    settings_origin("PGCDC_RESTART_MIN", getenv("PGCDC_RESTART_MIN")));
	/* -v and -q, which the other programs have, win. */
	if (!log_wants(LOG_AT_DEBUG) && log_wants(LOG_AT_WARNING))
		log_set_level(settings.log_level);
	return 0;
}

int
settings_parse(const struct settings **s, int argc, char **argv)
{
	int err;

	if ((err = opt_parse(&program, argc, argv, NULL)) != 0)
		return err;
	if ((err = check()) != 0)
		return err;
	settings.once |= settings.drain;
	*s = &settings;
	return 0;
}

const char *
settings_snapshot(const struct settings *s)
{
	static const char *const words[] = {
		[SNAPSHOT_INITIAL] = "initial", [SNAPSHOT_NONE] = "none", [SNAPSHOT_ONLY] = "only"
	};

	return words[s->snapshot];
}

int
settings_state(const struct settings *s, char **path)
{
	const char *folder = getenv("STATE_DIRECTORY");
	char *name;
	int err = 0;

	*path = NULL;
	if (s->state != NULL)
		return (*path = strdup(s->state)) != NULL ? 0 : -1;
	if (folder == NULL || *folder == '\0')
		return 0;
	/* There may be several, separated by colons. */
	if ((name = config_name(&s->config)) == NULL ||
	    asprintf(path, "%.*s/%s.state", (int)strcspn(folder, ":"), folder, name) < 0)
		err = -1;
	free(name);
	return err;
}

const char *
settings_origin(const char *variable, const char *value)
{
	static char text[600];
	const char *set = getenv(variable), *where = origin(variable);

	if (where == NULL || set == NULL || value == NULL || strcmp(set, value) != 0)
		return "";
	snprintf(text, sizeof(text), " in %s", where);
	return text;
}

int
settings_is_own(const char *variable)
{
	return opt_of_variable(&program, variable) != NULL;
}
