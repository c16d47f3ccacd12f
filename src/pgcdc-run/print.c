#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "print.h"
#include "stage_env.h"

extern char **environ;

/* A word for the shell, quoted if it needs to be. */
static void
print_word(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-./:,+@%=";

	if (*s != '\0' && strspn(s, plain) == strlen(s)) {
		fputs(s, stdout);
		return;
	}
	putchar('\'');
	for (; *s != '\0'; s++)
		if (*s == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*s);
	putchar('\'');
}

static int
is_of_libpq(const char *variable)
{
	return strncmp(variable, "PG", 2) == 0 && strncmp(variable, "PGCDC_", 6) != 0;
}

/* The value of a variable, "NAME=value", as the shell has it; not if it is secret. */
static void
print_assignment(const char *variable)
{
	const char *value = strchr(variable, '=') + 1;
	int len = (int)(value - variable);
	char name[256];

	snprintf(name, sizeof(name), "%.*s", len - 1, variable);
	printf("%.*s", len, variable);
	if (config_is_secret(name, value))
		printf("\"$%s\"", name);
	else
		print_word(value);
}

/* A secret has to be set by who pastes the lines. */
static void
require_secret(const char *variable)
{
	const char *value = strchr(variable, '=') + 1;
	char name[256];

	snprintf(name, sizeof(name), "%.*s", (int)(value - variable - 1), variable);
	if (config_is_secret(name, value))
		printf(": \"${%s:?is secret and not printed; set it%s}\"\n", name,
		    *settings_origin(name, value) != '\0' ? " as the configuration file does" : "");
}

/* libpq's own for all, and what the stages are told by themselves. */
static void
print_variables(const struct pipeline *p)
{
	for (char **v = environ; *v != NULL; v++)
		if (is_of_libpq(*v)) {
			require_secret(*v);
			fputs("export ", stdout);
			print_assignment(*v);
			putchar('\n');
		}
	for (const struct stage *s = p->stage; s < p->stage + p->n; s++)
		for (char **v = s->env; s->program != NULL && *v != NULL; v++)
			if (program_of_variable(*v) == s->program)
				require_secret(*v);
}

static void
print_command(const struct stage *s)
{
	if (s->program != NULL)
		for (char **v = s->env; *v != NULL; v++)
			if (program_of_variable(*v) == s->program) {
				print_assignment(*v);
				fputs(" \\\n", stdout);
			}
	print_word(program_is_in_path(s->argv[0], s->path) ? s->argv[0] : s->path);
	for (size_t i = 1; i < s->argc; i++) {
		putchar(' ');
		if (s->program != NULL && strcmp(s->argv[i], "--ack=$dir/ack") == 0)
			fputs("--ack=\"$dir/ack\"", stdout);
		else
			print_word(s->argv[i]);
	}
}

/* A shell gives no names to its pipes, so tee(1) gets FIFOs. */
static void
print_fifo(const struct stage *sink)
{
	printf("\"$dir/%s.fifo\"", pipeline_ack_name(sink));
}

static void
print_others(const struct pipeline *p)
{
	for (size_t i = p->n_chain; i < p->n; i++) {
		fputs("rm -f ", stdout);
		print_fifo(&p->stage[i]);
		fputs("\nmkfifo -m 600 ", stdout);
		print_fifo(&p->stage[i]);
		putchar('\n');
		print_command(&p->stage[i]);
		fputs(" <", stdout);
		print_fifo(&p->stage[i]);
		fputs(" &\n", stdout);
	}
}

static void
print_chain(const struct pipeline *p)
{
	for (size_t i = 0; i < p->n_chain; i++) {
		print_command(&p->stage[i]);
		for (size_t j = p->n_chain; i > 0 && i == p->tee && j < p->n; j++) {
			putchar(' ');
			print_fifo(&p->stage[j]);
		}
		fputs(i + 1 < p->n_chain ? " |\n" : "\n", stdout);
	}
	if (p->tee > 0)
		puts("wait");
}

/* Its programs may have ended well when it has not: a shell sees the last one's end alone. */
static void
print_is_complete(const struct pipeline *p)
{
	fputs("[ \"$(tail -n 1 ", stdout);
	print_word(p->progress);
	puts(")\" = done ]");
}

int
print_pipeline(const struct pipeline *p, const char *folder, int is_last)
{
	puts("(");
	print_variables(p);
	if (folder != NULL) {
		fputs("dir=", stdout);
		print_word(folder);
		puts("\nmkdir -p -m 700 \"$dir\"");
	} else {
		puts("dir=$(mktemp -d) || exit\ntrap 'rm -r \"$dir\"' EXIT");
	}
	print_others(p);
	print_chain(p);
	if (p->progress != NULL)
		print_is_complete(p);
	puts(is_last ? ")" : ") &&");
	if (fflush(stdout) != 0 || ferror(stdout))
		return log_temporary("could not write to standard output: %s", strerror(errno));
	return 0;
}
