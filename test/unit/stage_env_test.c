/*
 * What of our environment a stage gets, and what counts as a secret.
 */
#include <stdlib.h>

#include "config.h"
#include "said.h"
#include "stage_env.h"

extern char **environ;

/* All variables, sorted, with a blank between. */
static const char *
joined(char **env)
{
	static char text[4096];
	size_t n = 0, count = 0;

	while (env[count] != NULL)
		count++;
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			if (strcmp(env[i], env[j]) > 0) {
				char *other = env[i];

				env[i] = env[j];
				env[j] = other;
			}
	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i > 0 ? " " : "", env[i]);
	return text;
}

/* The words of text as an environment. */
static void
split(char **env, char *text)
{
	while ((*env = strsep(&text, " ")) != NULL)
		env++;
}

static void
free_env(char **env)
{
	for (char **v = env; *v != NULL; v++)
		free(*v);
	free(env);
}

static void
stages(void)
{
	static char text[] = "PATH=/bin PGHOST=h PGCDC_SINKS=file PGCDC_LOG_LEVEL=info "
			     "PGCDC_TEST_TMP=x PGCDC_READ_SLOT=s PGCDC_FILE_PATH=p "
			     "PGCDC_FILE_MAX_LINE=1 PGCDC_FILE_A_PATH=a PGCDC_FILE_A_B_PATH=ab "
			     "PGCDC_FILE_A_B_MAX_LINE=2";
	static char *all[16];
	const struct program *read = program_find(PROGRAM_SOURCE, "read", 4);
	const struct program *file = program_find(PROGRAM_SINK, "file", 4);
	const struct stage stage[] = { { .program = read }, { .program = NULL },
		{ .program = file }, { .program = file, .instance = "a" },
		{ .program = file, .instance = "a-b" } };
	static const char *const want[] = {
		"PATH=/bin PGCDC_READ_SLOT=s PGCDC_TEST_TMP=x PGHOST=h",
		"PATH=/bin PGCDC_FILE_A_B_MAX_LINE=2 PGCDC_FILE_A_B_PATH=ab PGCDC_FILE_A_PATH=a "
		"PGCDC_FILE_MAX_LINE=1 PGCDC_FILE_PATH=p PGCDC_LOG_LEVEL=info PGCDC_READ_SLOT=s "
		"PGCDC_SINKS=file PGCDC_TEST_TMP=x PGHOST=h",
		"PATH=/bin PGCDC_FILE_MAX_LINE=1 PGCDC_FILE_PATH=p PGCDC_TEST_TMP=x",
		"PATH=/bin PGCDC_FILE_MAX_LINE=1 PGCDC_FILE_PATH=a PGCDC_TEST_TMP=x",
		"PATH=/bin PGCDC_FILE_MAX_LINE=2 PGCDC_FILE_PATH=ab PGCDC_TEST_TMP=x",
	};
	size_t n = sizeof(stage) / sizeof(stage[0]);

	split(all, text);
	environ = all;
	for (size_t i = 0; i < n; i++) {
		char **env = stage_env_make(&stage[i], stage, n);

		is_str(joined(env), want[i], "stage %zu", i);
		free_env(env);
	}
}

/* The store is the reader's server, unless another one is named. */
static void
store(void)
{
	static char texts[][160] = {
		"PGHOST=h PGCDC_READ_DBNAME=d PGCDC_READ_HOST=other PGCDC_READ_SLOT=s",
		"PGHOST=h PGCDC_READ_DBNAME=d PGCDC_READ_HOST=other PGCDC_TRANSLATE_STORE=t",
		"PGHOST=h PGCDC_READ_DBNAME=d PGCDC_TRANSLATE_STORE=",
		"PGCDC_READ_PORT=1 PGCDC_READ_USERNAME=u PGCDC_READ_INSECURE=1",
	};
	static const char *const want[] = {
		"PGCDC_TRANSLATE_STORE=d PGHOST=other",
		"PGCDC_TRANSLATE_STORE=t PGHOST=h",
		"PGCDC_TRANSLATE_STORE= PGHOST=h",
		"PGCDC_TRANSLATE_INSECURE=1 PGPORT=1 PGUSER=u",
	};
	static char from_kafka[] = "PGHOST=h PGCDC_READ_DBNAME=d PGCDC_KAFKA_CONSUME_GROUP=g";
	struct stage stage[] = { { .program = program_find(PROGRAM_SOURCE, "read", 4) },
		{ .program = program_find(PROGRAM_STAGE, "translate", 9) } };
	static char *all[16];
	char **env;

	environ = all;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		split(all, texts[i]);
		env = stage_env_make(&stage[1], stage, 2);
		is_str(joined(env), want[i], "store %zu", i);
		free_env(env);
	}
	stage[0].program = program_find(PROGRAM_SOURCE, "kafka", 5);
	split(all, from_kafka);
	env = stage_env_make(&stage[1], stage, 2);
	is_str(joined(env), "PGHOST=h", "not that of a reader that is not there");
	free_env(env);
}

/* Both halves of one file, and neither has what is the other's. */
static void
halves(void)
{
	static char
	    text[] = "PATH=/bin PGHOST=h PGCDC_KAFKA_CONSUME_GROUP=g PGCDC_KAFKA_PRODUCE_TOPIC=t "
		     "PGCDC_KAFKA_PRODUCE_TWO_TOPIC=t2 PGCDC_KAFKA_PRODUCE_SASL_PASSWORD_FILE=f";
	static const char *const want[] = { "PATH=/bin PGCDC_KAFKA_CONSUME_GROUP=g",
		"PATH=/bin PGCDC_KAFKA_PRODUCE_SASL_PASSWORD_FILE=f PGCDC_KAFKA_PRODUCE_TOPIC=t",
		"PATH=/bin PGCDC_KAFKA_PRODUCE_SASL_PASSWORD_FILE=f PGCDC_KAFKA_PRODUCE_TOPIC=t2" };
	const struct program *sink = program_find(PROGRAM_SINK, "kafka", 5);
	const struct stage stage[] = { { .program = program_find(PROGRAM_SOURCE, "kafka", 5) },
		{ .program = sink }, { .program = sink, .instance = "two" } };
	static char *all[16];

	split(all, text);
	environ = all;
	for (size_t i = 0; i < 3; i++) {
		char **env = stage_env_make(&stage[i], stage, 3);

		is_str(joined(env), want[i], "half %zu", i);
		free_env(env);
	}
}

static void
values(void)
{
	char *env[] = { strdup("AB=1"), strdup("A=2"), strdup("C=3"), NULL };

	is_str(stage_env_get(env, "A"), "2", "a value");
	ok(stage_env_get(env, "B") == NULL, "no value");
	stage_env_remove(env, "A");
	is_str(joined(env), "AB=1 C=3", "a variable that is removed is gone");
	for (char **v = env; *v != NULL; v++)
		free(*v);
}

static void
secrets(void)
{
	static const struct {
		const char *name, *value;
		int secret;
	} cases[] = {
		{ "PGPASSWORD", "x", 1 },
		{ "PGHOST", "x", 0 },
		{ "PGPASSFILE", "/home/x/.pgpass", 0 },
		{ "PGCDC_KAFKA_PRODUCE_SASL_PASSWORD", "x", 1 },
		{ "PGCDC_INDEX_PASSWORD_FILE", "/etc/x", 0 },
		{ "PGCDC_HOOK_TOKEN", "x", 1 },
		{ "PGCDC_HOOK_SECRET", "x", 1 },
		{ "PGCDC_READ_DBNAME", "host=h password=x", 1 },
		{ "PGCDC_READ_DBNAME", "host=h sslPassword = x", 1 },
		{ "PGCDC_READ_DBNAME", "postgres://u:p@h/d", 1 },
		{ "PGCDC_READ_DBNAME", "postgres://:p@h/d", 1 },
		{ "PGCDC_READ_DBNAME", "postgres://u@h:1/d", 0 },
		{ "PGCDC_READ_DBNAME", "postgres://h:1/d?user=a@b:c", 0 },
		{ "PGCDC_READ_DBNAME", "postgres:///d", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(config_is_secret(cases[i].name, cases[i].value), cases[i].secret, "%s=%s",
		    cases[i].name, cases[i].value);
}

int
main(void)
{
	stages();
	store();
	halves();
	values();
	secrets();
	return tap_done();
}
