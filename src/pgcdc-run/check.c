#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "capture.h"
#include "check.h"
#include "log.h"
#include "loop.h"
#include "stage_env.h"

/* Of "pgcdc check", and of the reader: what it is that is looked at. */
static const char *const same[] = { "DBNAME", "HOST", "PORT", "USERNAME", "INSECURE", "SLOT",
	"PUBLICATION" };
#define N_SAME (sizeof(same) / sizeof(same[0]))

/* How an end is asked. */
struct question {
	char *path;
	const char *argv[6];
	char **env;     /* the stage's, or own_env */
	char **own_env; /* made for it, with n_own strings that were, too */
	char *own[N_SAME];
	size_t n_own;
};

static int
is_same(const char *variable)
{
	for (size_t i = 0; i < N_SAME; i++) {
		size_t len = strlen(same[i]);

		if (strncmp(variable, "PGCDC_", 6) == 0 &&
		    strncmp(variable + 6, same[i], len) == 0 && variable[6 + len] == '=')
			return 1;
	}
	return 0;
}

/* The reader's environment with its options under the names that the front door has for them. */
static int
set_front_door_env(struct question *q, char **reader)
{
	size_t count = 0, n = 0;

	while (reader[count] != NULL)
		count++;
	if ((q->own_env = calloc(count + N_SAME + 1, sizeof(*q->own_env))) == NULL)
		return -1;
	q->env = q->own_env;
	for (size_t i = 0; i < count; i++)
		if (!is_same(reader[i]))
			q->env[n++] = reader[i];
	for (size_t i = 0; i < N_SAME; i++) {
		char name[64];
		const char *value;

		snprintf(name, sizeof(name), "PGCDC_READ_%s", same[i]);
		if ((value = stage_env_get(reader, name)) == NULL)
			continue;
		if (asprintf(&q->own[q->n_own], "PGCDC_%s=%s", same[i], value) < 0)
			return -1;
		q->env[n++] = q->own[q->n_own++];
	}
	return 0;
}

/* 0, or the exit code after reporting. */
static int
make_question(struct question *q, const struct stage *s, int as_json)
{
	const struct program *program = s->program;
	size_t n = 0;
	int err = 0;

	if (program->asks_postgres) {
		q->path = program_path("pgcdc");
		q->argv[n++] = "pgcdc";
		q->argv[n++] = "check";
		err = set_front_door_env(q, s->env);
	} else {
		q->path = program_path(program->command);
		q->argv[n++] = program->command;
		q->argv[n++] = program->half;
		q->argv[n++] = "--check";
		q->env = s->env;
	}
	if (as_json)
		q->argv[n++] = "--json";
	if (!log_wants(LOG_AT_WARNING))
		q->argv[n++] = "--quiet";
	if (q->path == NULL)
		return log_permanent("could not find program \"%s\": %s; install pgcdc whole",
		    q->argv[0], strerror(errno));
	return err == 0 ? 0 : log_temporary("out of memory");
}

static void
free_question(struct question *q)
{
	free(q->path);
	for (size_t i = 0; i < q->n_own; i++)
		free(q->own[i]);
	free(q->own_env);
}

/* What is between the brackets of an array, behind what there is. */
static void
add_elements(struct buf *all, char *array)
{
	char *end = array + strlen(array);

	array += strspn(array, " \t\n[");
	while (end > array && strchr(" \t\n]", end[-1]) != NULL)
		end--;
	if (end > array && all->len > 0)
		buf_str(all, ",\n");
	buf_add(all, array, (size_t)(end - array));
}

/* How it ended, as one of the exit codes that a check has. */
static int
code_of(const struct question *q, int status)
{
	if (WIFSIGNALED(status))
		return log_temporary(
		    "\"%s\" was killed by signal %d", q->argv[0], WTERMSIG(status));
	switch (WEXITSTATUS(status)) {
	case EXIT_DONE:
	case EXIT_NEGATIVE:
	case EXIT_PERMANENT:
		return WEXITSTATUS(status);
	default:
		return EXIT_TEMPORARY;
	}
}

/* One end: its findings go to all, or are printed.  How it ended. */
static int
ask(struct buf *all, const struct stage *s, int as_json)
{
	struct question q = { .path = NULL };
	struct buf text = BUF_INIT;
	int status = 0, err;

	if ((err = make_question(&q, s, as_json)) != 0) {
		free_question(&q);
		return err;
	}
	if (capture_run(&text, q.path, (char *const *)(uintptr_t)q.argv, q.env, &status) != 0) {
		err = log_temporary("could not ask \"%s\": %s", s->label, strerror(errno));
	} else {
		if (as_json)
			add_elements(all, text.data);
		else
			fputs(text.data, stdout);
		err = code_of(&q, status);
	}
	buf_free(&text);
	free_question(&q);
	return err;
}

static int
can_be_asked(const struct stage *s)
{
	return s->program != NULL && s->program->kind != PROGRAM_STAGE &&
	       (s->program->asks_postgres || s->program->half != NULL);
}

static int
worse(int a, int b)
{
	if (a == EXIT_PERMANENT || b == EXIT_PERMANENT)
		return EXIT_PERMANENT;
	return a > b ? a : b;
}

int
check_pipeline(const struct pipeline *p, int as_json)
{
	struct buf all = BUF_INIT;
	int worst = 0;

	for (const struct stage *s = p->stage; s < p->stage + p->n; s++) {
		if (can_be_asked(s))
			worst = worse(worst, ask(&all, s, as_json));
		if (loop_ending()) {
			buf_free(&all);
			return log_temporary("the end came before all was looked at");
		}
	}
	buf_add(&all, "", 1);
	if (all.failed)
		return log_temporary("out of memory");
	if (as_json)
		printf("[%s]\n", all.data);
	buf_free(&all);
	if (fflush(stdout) != 0 || ferror(stdout))
		return log_temporary("could not write to standard output: %s", strerror(errno));
	return worst;
}
