#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

static const struct program programs[] = {
	{ PROGRAM_SOURCE, "read", "pgcdc-read", "pgcdc-read", NULL, "PGCDC_READ_", NULL, 1, 1 },
	{ PROGRAM_SOURCE, "kafka", "pgcdc-kafka consume", "pgcdc-kafka", "consume",
	    "PGCDC_KAFKA_CONSUME_", NULL, 0, 0 },
	{ PROGRAM_SNAPSHOT, "dump", "pgcdc-dump", "pgcdc-dump", NULL, "PGCDC_DUMP_", NULL, 1, 0 },
	{ PROGRAM_STAGE, "translate", "pgcdc-translate", "pgcdc-translate", NULL,
	    "PGCDC_TRANSLATE_", NULL, 1, 0 },
	{ PROGRAM_SINK, "file", "pgcdc-file", "pgcdc-file", NULL, "PGCDC_FILE_", "PGCDC_FILE_PATH",
	    0, 0 },
	{ PROGRAM_SINK, "kafka", "pgcdc-kafka produce", "pgcdc-kafka", "produce",
	    "PGCDC_KAFKA_PRODUCE_", NULL, 0, 0 },
};
#define N_PROGRAMS (sizeof(programs) / sizeof(programs[0]))

const struct program *
program_find(enum program_kind kind, const char *name, size_t len)
{
	for (const struct program *p = programs; p < programs + N_PROGRAMS; p++)
		if (p->kind == kind && strlen(p->name) == len && memcmp(p->name, name, len) == 0)
			return p;
	return NULL;
}

const struct program *
program_of_variable(const char *variable)
{
	for (const struct program *p = programs; p < programs + N_PROGRAMS; p++)
		if (strncmp(variable, p->prefix, strlen(p->prefix)) == 0)
			return p;
	return NULL;
}

const char *
program_names(enum program_kind kind)
{
	static char names[256];
	size_t len = 0;

	for (const struct program *p = programs; p < programs + N_PROGRAMS; p++)
		if (p->kind == kind && len < sizeof(names))
			len += (size_t)snprintf(
			    names + len, sizeof(names) - len, "%s%s", len > 0 ? ", " : "", p->name);
	return names;
}

static int
is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return 0;
	if (S_ISREG(st.st_mode) && access(path, X_OK) == 0)
		return 1;
	errno = EACCES;
	return 0;
}

/* The file of this name in the len bytes at folder, in a static buffer; NULL with errno. */
static const char *
in_folder(const char *folder, size_t len, const char *command)
{
	static char path[PATH_MAX];
	int n = snprintf(
	    path, sizeof(path), "%.*s/%s", len > 0 ? (int)len : 1, len > 0 ? folder : ".", command);

	if (n >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return is_program(path) ? path : NULL;
}

static const char *
in_path(const char *command)
{
	const char *folder = getenv("PATH");
	int reason = ENOENT;

	while (folder != NULL) {
		const char *end = strchrnul(folder, ':');
		const char *path = in_folder(folder, (size_t)(end - folder), command);

		if (path != NULL)
			return path;
		if (errno != ENOENT && errno != ENOTDIR)
			reason = errno;
		folder = *end == ':' ? end + 1 : NULL;
	}
	errno = reason;
	return NULL;
}

static const char *
beside_us(const char *command)
{
	char own[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	const char *slash;

	if (n <= 0)
		return NULL;
	own[n] = '\0';
	slash = strrchr(own, '/');
	return slash != NULL ? in_folder(own, (size_t)(slash - own), command) : NULL;
}

char *
program_path(const char *command)
{
	const char *path = NULL;

	if (strchr(command, '/') != NULL)
		return is_program(command) ? strdup(command) : NULL;
	if (strncmp(command, "pgcdc-", 6) == 0 || strcmp(command, "pgcdc") == 0)
		path = beside_us(command);
	if (path == NULL)
		path = in_path(command);
	return path != NULL ? strdup(path) : NULL;
}

int
program_is_in_path(const char *command, const char *path)
{
	const char *found = in_path(command);

	return found != NULL && strcmp(found, path) == 0;
}
