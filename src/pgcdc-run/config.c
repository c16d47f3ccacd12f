#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "config.h"
#include "log.h"
#include "program.h"

/* Options of the command line that make no sense in the file. */
static const char *const not_in_file[] = { "PGCDC_CONFIG", "PGCDC_PRINT", "PGCDC_CHECK",
	"PGCDC_JSON" };

#define LONGEST_FILE (1024 * 1024)

/* Who may write to it decides which programs are run. */
static int
check_rights(const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return log_temporary("could not stat file \"%s\": %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return log_permanent("\"%s\" is not a regular file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return log_permanent(
		    "file \"%s\" belongs to user ID %u, who is neither we (%u) nor "
		    "root; give it to one of the two with chown",
		    path, st.st_uid, geteuid());
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return log_permanent("others may write to file \"%s\", and so decide what is run; "
				     "remove that right with \"chmod go-w\"",
		    path);
	if (st.st_size > LONGEST_FILE)
		return log_permanent(
		    "file \"%s\" is too large; it may have %d bytes", path, LONGEST_FILE);
	return 0;
}

static int
read_text(struct buf *text, const char *path, int fd)
{
	ssize_t n = 1;

	while (n > 0 && text->len <= LONGEST_FILE) {
		char *room = buf_reserve(text, 65536);

		if (room == NULL)
			return log_temporary("out of memory");
		n = read(fd, room, 65536);
		if (n < 0)
			return log_temporary(
			    "could not read file \"%s\": %s", path, strerror(errno));
		buf_advance(text, (size_t)n);
	}
	return 0;
}

static int
may_stand_in_file(const char *name, const struct opt_program *program)
{
	for (size_t i = 0; i < sizeof(not_in_file) / sizeof(not_in_file[0]); i++)
		if (strcmp(name, not_in_file[i]) == 0)
			return 0;
	if (opt_of_variable(program, name) != NULL || program_of_variable(name) != NULL)
		return 1;
	return strncmp(name, "PG", 2) == 0 && strncmp(name, "PGCDC_", 6) != 0;
}

int
config_is_secret(const char *name, const char *value)
{
	static const char *const words[] = { "PASSWORD", "SECRET", "TOKEN" };
	size_t len = strlen(name);
	const char *authority;

	if (len > 5 && strcmp(name + len - 5, "_FILE") == 0)
		return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(name, words[i]) != NULL)
			return 1;
	if (strcasestr(value, "password") != NULL)
		return 1;
	/* A URI with user and password. */
	if ((authority = strstr(value, "://")) == NULL)
		return 0;
	authority += 3;
	len = strcspn(authority, "/?#");
	return memchr(authority, '@', len) != NULL && memchr(authority, ':', len) != NULL &&
	       memchr(authority, ':', len) < memrchr(authority, '@', len);
}

static int
check_entries(const struct config *c, int fd, const struct opt_program *program)
{
	struct stat st = { .st_mode = 0 };

	if (fstat(fd, &st) != 0)
		return log_temporary("could not stat file \"%s\": %s", c->path, strerror(errno));
	for (const struct env_file_entry *e = c->file.entry; e < c->file.entry + c->file.n; e++) {
		if (!may_stand_in_file(e->name, program))
			return log_permanent("unknown key \"%s\" in file \"%s\" line %u; see "
					     "pgcdc.conf(5) for the keys there are",
			    e->name, c->path, e->line);
		if (config_is_secret(e->name, e->value) && (st.st_mode & S_IROTH) != 0)
			return log_permanent("everybody may read file \"%s\", which holds a secret "
					     "in line %u; remove that right with \"chmod o-r\"",
			    c->path, e->line);
	}
	return 0;
}

static int
parse(struct config *c, int fd)
{
	struct buf text = BUF_INIT;
	int err;

	if ((err = read_text(&text, c->path, fd)) == 0 &&
	    env_file_parse(&c->file, text.data, text.len) != 0)
		err = c->file.error[0] == '\0' ? log_temporary("out of memory")
		                               : log_permanent("%s in file \"%s\" line %u",
						     c->file.error, c->path, c->file.line);
	buf_free(&text);
	return err;
}

int
config_load(struct config *c, const char *path, const struct opt_program *program)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), err;

	if (fd < 0)
		return log_permanent("could not open file \"%s\": %s; name the configuration file "
				     "with --config",
		    path, strerror(errno));
	c->path = path;
	if ((err = check_rights(path, fd)) == 0 && (err = parse(c, fd)) == 0)
		err = check_entries(c, fd, program);
	close(fd);
	if (err != 0)
		return err;
	for (const struct env_file_entry *e = c->file.entry; e < c->file.entry + c->file.n; e++)
		if (setenv(e->name, e->value, 0) != 0)
			return log_temporary("out of memory");
	return 0;
}

const char *
config_origin(const struct config *c, const char *variable)
{
	static char text[512];
	const struct env_file_entry *e = env_file_find(&c->file, variable);
	const char *value = getenv(variable);

	/* Otherwise the environment had it already, and won. */
	if (e == NULL || value == NULL || strcmp(value, e->value) != 0)
		return NULL;
	snprintf(text, sizeof(text), "file \"%s\" line %u", c->path, e->line);
	return text;
}

char *
config_name(const struct config *c)
{
	const char *base = c->path != NULL ? strrchr(c->path, '/') : NULL, *dot;

	base = base != NULL ? base + 1 : c->path != NULL ? c->path : "pgcdc";
	dot = strrchr(base, '.');
	return strndup(base, dot != NULL && dot > base ? (size_t)(dot - base) : strlen(base));
}
