#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "buf.h"
#include "capture.h"
#include "keys.h"
#include "log.h"
#include "stage_env.h"

extern char **environ;

/* --- what a program says */

/* What a program needs to start and to print: secrets are none of its business here. */
static int
is_needed(const char *variable)
{
	static const char *const prefixes[] = { "PATH=", "LANG=", "LC_", "TZ=", "LD_" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return 1;
	return 0;
}

/* Allocated, with the strings of our own; NULL: out of memory. */
static char **
small_environment(void)
{
	size_t count = 0, n = 0;
	char **env;

	while (environ[count] != NULL)
		count++;
	if ((env = calloc(count + 1, sizeof(*env))) == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (is_needed(environ[i]))
			env[n++] = environ[i];
	return env;
}

/* Ask the program at path. */
static int
ask(struct buf *help, const struct program *program, char *path)
{
	char option[] = "--help", *argv[4] = { path };
	char **env = small_environment();
	int status = 0, err = 0;
	size_t n = 1;

	if (program->half != NULL)
		argv[n++] = (char *)(uintptr_t)program->half;
	argv[n] = option;
	if (env == NULL || capture_run(help, path, argv, env, &status) != 0)
		err = log_temporary(
		    "could not learn the options of \"%s\": %s", path, strerror(errno));
	else if (WIFSIGNALED(status))
		err = log_temporary("could not learn the options of \"%s\": it was killed by "
				    "signal %d",
		    path, WTERMSIG(status));
	else if (WEXITSTATUS(status) != EXIT_DONE)
		err = log_permanent("could not learn the options of \"%s\": it ended with exit "
				    "code %d; install pgcdc whole",
		    path, WEXITSTATUS(status));
	free(env);
	return err;
}

/* --- what of it a key can name */

/* "status-interval" is STATUS_INTERVAL. */
static int
is_same(const char *option, size_t len, const char *key)
{
	if (strlen(key) != len)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (key[i] != (option[i] == '-' ? '_' : toupper((unsigned char)option[i])))
			return 0;
	return 1;
}

/* Is it the option of a line of --help, such as "  -s, --status-interval=TIME  ..."? */
static int
is_of_line(const char *line, const char *key)
{
	size_t indent = strspn(line, " ");

	line += indent;
	if (line[0] == '-' && line[1] != '-') {
		line += strcspn(line, " \n");
		line += strspn(line, " ");
	}
	return indent > 0 && strncmp(line, "--", 2) == 0 &&
	       is_same(line + 2, strcspn(line + 2, "= \n"), key);
}

static int
is_option(const char *help, const char *key)
{
	for (const char *line = help; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (is_of_line(line, key))
			return 1;
	}
	return 0;
}

/* Options that make no sense but on a command line. */
static int
is_question(const char *key)
{
	static const char *const questions[] = { "HELP", "VERSION", "CHECK", "JSON" };

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (strcmp(key, questions[i]) == 0)
			return 1;
	return 0;
}

/* What the program does not take as an option, but we for it. */
static int
is_operand(const struct program *program, const char *key)
{
	return program->operand != NULL &&
	       strcmp(program->operand + strlen(program->prefix), key) == 0;
}

/* --- the file */

static int
check_program(const struct pipeline *p, const struct config *c, const struct program *program,
    const char *help)
{
	for (const struct env_file_entry *e = c->file.entry; e < c->file.entry + c->file.n; e++) {
		const char *key;

		if (program_of_variable(e->name) != program)
			continue;
		key = stage_env_key(e->name, program, p->stage, p->n);
		if ((!is_option(help, key) && !is_operand(program, key)) || is_question(key))
			return log_permanent("unknown key \"%s\" in file \"%s\" line %u; see \"%s "
					     "--help\" for the options it could name",
			    e->name, c->path, e->line, program->label);
	}
	return 0;
}

/* Is the entry the first one of its program? */
static int
is_first(const struct env_file *f, const struct env_file_entry *e)
{
	for (const struct env_file_entry *before = f->entry; before < e; before++)
		if (program_of_variable(before->name) == program_of_variable(e->name))
			return 0;
	return 1;
}

int
keys_check(const struct pipeline *p, const struct config *c)
{
	int err = 0;

	for (const struct env_file_entry *e = c->file.entry;
	     err == 0 && e < c->file.entry + c->file.n; e++) {
		const struct program *program = program_of_variable(e->name);
		struct buf help = BUF_INIT;
		char *path;

		if (program == NULL || !is_first(&c->file, e))
			continue;
		/* The pipeline's programs are there: of one that is not the keys do nothing. */
		if ((path = program_path(program->command)) == NULL)
			continue;
		if ((err = ask(&help, program, path)) == 0)
			err = check_program(p, c, program, help.data);
		buf_free(&help);
		free(path);
	}
	return err;
}
