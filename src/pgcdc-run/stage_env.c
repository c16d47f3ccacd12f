#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "stage_env.h"

extern char **environ;

struct env {
	char **item; /* NAME=value */
	size_t n;
	int failed;
};

const char *
stage_env_get(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; *env != NULL; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

/* Set what prefix and variable, "NAME=value", make; what is set already is replaced. */
static void
set(struct env *e, const char *prefix, const char *variable)
{
	size_t len;
	char *item;

	if (asprintf(&item, "%s%s", prefix, variable) < 0) {
		e->failed = 1;
		return;
	}
	len = strcspn(item, "=") + 1;
	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->item[i], item, len) == 0) {
			free(e->item[i]);
			e->item[i] = item;
			return;
		}
	e->item[e->n++] = item;
}

size_t
stage_env_instance(const char *rest, const char *instance)
{
	size_t len = 0;

	for (; instance[len] != '\0'; len++) {
		char c = instance[len];

		if (rest[len] != (isalnum((unsigned char)c) ? toupper((unsigned char)c) : '_'))
			return 0;
	}
	return rest[len] == '_' ? len + 1 : 0;
}

/* The stage that a variable of this program is for by name; NULL: for all of them. */
static const struct stage *
addressee(const struct program *program, const char *rest, const struct stage *all, size_t n)
{
	const struct stage *found = NULL;
	size_t most = 0;

	for (const struct stage *s = all; s < all + n; s++) {
		size_t len = s->program == program && s->instance != NULL
		                 ? stage_env_instance(rest, s->instance)
		                 : 0;

		if (len > most) {
			most = len;
			found = s;
		}
	}
	return found;
}

const char *
stage_env_key(
    const char *variable, const struct program *program, const struct stage *all, size_t n)
{
	const char *rest = variable + strlen(program->prefix);
	const struct stage *to = addressee(program, rest, all, n);

	return to != NULL ? rest + stage_env_instance(rest, to->instance) : rest;
}

static int
is_of_libpq(const char *variable)
{
	return strncmp(variable, "PG", 2) == 0 && strncmp(variable, "PGCDC_", 6) != 0;
}

static int
is_own(const char *variable)
{
	char name[128];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(variable, "="), variable);
	return settings_is_own(name);
}

/* As --verbose and --quiet are spelled, unless the user has said it for this stage. */
static void
set_log(struct env *e, const struct program *p)
{
	char verbose[64], quiet[64], format[64];

	snprintf(verbose, sizeof(verbose), "%sVERBOSE", p->prefix);
	snprintf(quiet, sizeof(quiet), "%sQUIET", p->prefix);
	snprintf(format, sizeof(format), "%sLOG_FORMAT", p->prefix);
	if (stage_env_get(e->item, verbose) == NULL && stage_env_get(e->item, quiet) == NULL) {
		if (log_wants(LOG_AT_DEBUG))
			set(e, verbose, "=1");
		else if (!log_wants(LOG_AT_WARNING))
			set(e, quiet, "=1");
	}
	if (log_used_format() == LOG_AS_JSON && stage_env_get(e->item, format) == NULL)
		set(e, format, "=json");
}

/* Does the stream come from Postgres? */
static int
is_from_postgres(const struct stage *all, size_t n)
{
	for (const struct stage *s = all; s < all + n; s++)
		if (s->program != NULL &&
		    (s->program->kind == PROGRAM_SOURCE || s->program->kind == PROGRAM_SNAPSHOT))
			return s->program->asks_postgres;
	return 0;
}

static const char *
variable_of(const char *prefix, const char *name)
{
	char variable[64];

	snprintf(variable, sizeof(variable), "%s%s", prefix, name);
	return getenv(variable);
}

/* What follows the stream asks the server that it comes from, unless it is told of another one. */
static void
set_store(struct env *e)
{
	static const struct {
		const char *reader, *own;
	} same[] = {
		{ "PGCDC_READ_DBNAME", "PGCDC_TRANSLATE_STORE=" },
		{ "PGCDC_READ_HOST", "PGHOST=" },
		{ "PGCDC_READ_PORT", "PGPORT=" },
		{ "PGCDC_READ_USERNAME", "PGUSER=" },
		{ "PGCDC_READ_INSECURE", "PGCDC_TRANSLATE_INSECURE=" },
	};

	if (stage_env_get(e->item, "PGCDC_TRANSLATE_STORE") != NULL)
		return;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (getenv(same[i].reader) != NULL)
			set(e, same[i].own, getenv(same[i].reader));
}

/* What a snapshot is of: the reader's server and tables, as far as it is not told of others. */
static void
set_snapshot(struct env *e)
{
	static const struct {
		const char *name, *not_with[2]; /* if one of these is given, it is another one's */
	} same[] = {
		{ "DBNAME", { NULL } },
		{ "HOST", { "DBNAME" } },
		{ "PORT", { "DBNAME" } },
		{ "USERNAME", { "DBNAME" } },
		{ "INSECURE", { "DBNAME", "HOST" } },
		{ "PUBLICATION", { "TABLES", "PAGES" } },
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		const char *value = variable_of("PGCDC_READ_", same[i].name);
		int is_another = variable_of("PGCDC_DUMP_", same[i].name) != NULL;
		char own[64];

		for (size_t j = 0; j < 2; j++)
			is_another |= same[i].not_with[j] != NULL &&
			              variable_of("PGCDC_DUMP_", same[i].not_with[j]) != NULL;
		if (value == NULL || is_another)
			continue;
		snprintf(own, sizeof(own), "PGCDC_DUMP_%s=", same[i].name);
		set(e, own, value);
	}
}

/* With by_name: what is for this instance alone.  Otherwise: all the rest. */
static void
take(struct env *e, const char *variable, int by_name, const struct stage *s,
    const struct stage *all, size_t n)
{
	const struct program *p = program_of_variable(variable);
	const struct stage *to = NULL;
	const char *rest = variable;

	if (p != NULL && p == s->program) {
		rest += strlen(p->prefix);
		to = addressee(p, rest, all, n);
	}
	if (by_name) {
		if (to == s)
			set(e, p->prefix, rest + stage_env_instance(rest, to->instance));
		return;
	}
	if (to != NULL)
		return;
	if (s->program != NULL && p != s->program &&
	    (p != NULL || is_own(variable) ||
		(is_of_libpq(variable) && !s->program->asks_postgres)))
		return;
	set(e, "", variable);
}

char **
stage_env_make(const struct stage *s, const struct stage *all, size_t n)
{
	struct env e = { .n = 0 };
	size_t count = 0;

	while (environ[count] != NULL)
		count++;
	/* Room for what set_log(), and set_store() or set_snapshot() add, and the NULL. */
	e.item = calloc(count + 10, sizeof(char *));
	if (e.item == NULL)
		return NULL;
	for (int by_name = 0; by_name <= 1; by_name++)
		for (size_t i = 0; i < count; i++)
			take(&e, environ[i], by_name, s, all, n);
	if (s->program != NULL)
		set_log(&e, s->program);
	if (s->program != NULL && s->program->kind == PROGRAM_STAGE && s->program->asks_postgres &&
	    is_from_postgres(all, n))
		set_store(&e);
	if (s->program != NULL && s->program->kind == PROGRAM_SNAPSHOT)
		set_snapshot(&e);
	return e.failed ? NULL : e.item;
}

void
stage_env_remove(char **env, const char *name)
{
	const char *value = stage_env_get(env, name);

	while (*env + strlen(name) + 1 != value)
		env++;
	free(*env);
	for (; *env != NULL; env++)
		*env = env[1];
}
