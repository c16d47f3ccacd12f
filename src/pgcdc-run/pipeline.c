#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ack.h"
#include "buf.h"
#include "keys.h"
#include "log.h"
#include "pipeline.h"
#include "stage_env.h"
#include "words.h"

/* Between the names in PGCDC_SINKS. */
#define SEPARATORS " \t\n,"

/* What says that a snapshot is not read from the stream's server. */
static const char *const server[] = { "PGCDC_DUMP_DBNAME", "PGCDC_DUMP_HOST", "PGCDC_DUMP_PORT" };
#define N_SERVER (sizeof(server) / sizeof(server[0]))

/* Arguments that are added here to those of the user, at most. */
#define OWN_ARGUMENTS 8

static int
out_of_memory(void)
{
	return log_temporary("out of memory");
}

const char *
pipeline_ack_name(const struct stage *s)
{
	return s->instance != NULL ? s->instance : s->program->name;
}

/* The next stage, or NULL after reporting that there are too many. */
static struct stage *
add_stage(struct pipeline *p, const struct program *program)
{
	if (p->n == PIPELINE_MOST) {
		log_permanent("PGCDC_STAGES and PGCDC_SINKS name more than %d programs; join some "
			      "of them in a script",
		    PIPELINE_MOST);
		return NULL;
	}
	p->stage[p->n] = (struct stage){ .program = program };
	return &p->stage[p->n++];
}

/* Add a word to the stage's arguments, as printf has it. 0 or -1. */
static int __attribute__((format(printf, 2, 3))) add_argument(struct stage *s, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&s->argv[s->argc], fmt, args);
	va_end(args);
	if (len < 0)
		return -1;
	s->argc++;
	return 0;
}

/*
 * Find the file of a command, make it the first argument, and make room for so many words
 * of the user's.  key is the variable that names it.
 */
static int
set_command(struct stage *s, const char *command, size_t words, const char *key, const char *value)
{
	s->path = program_path(command);
	if (s->path == NULL)
		return log_permanent("could not find program \"%s\" of %s%s: %s; install it, or "
				     "name another one",
		    command, key, settings_origin(key, value), strerror(errno));
	s->argv = calloc(words + OWN_ARGUMENTS + 1, sizeof(char *));
	if (s->argv == NULL || add_argument(s, "%s", command) != 0)
		return out_of_memory();
	if (s->label == NULL)
		s->label = s->program != NULL ? s->program->label : s->argv[0];
	if (s->program != NULL && s->program->half != NULL &&
	    add_argument(s, "%s", s->program->half) != 0)
		return out_of_memory();
	return 0;
}

/* The program that reads what is there before the stream of this source, NULL after reporting. */
static const struct program *
snapshot_of(const struct program *source, const struct settings *s)
{
	if (strcmp(source->name, "read") == 0)
		return program_find(PROGRAM_SNAPSHOT, "dump", 4);
	log_permanent("\"PGCDC_SNAPSHOT\" is \"%s\"%s, but source \"%s\" has no tables; remove it",
	    settings_snapshot(s), settings_origin("PGCDC_SNAPSHOT", settings_snapshot(s)),
	    source->name);
	return NULL;
}

static int
add_source(struct pipeline *p, const struct settings *s, enum program_kind kind)
{
	const struct program *program = program_find(PROGRAM_SOURCE, s->source, strlen(s->source));
	struct stage *stage;

	if (program == NULL)
		return log_permanent("unknown source \"%s\" in PGCDC_SOURCE%s; known: %s",
		    s->source, settings_origin("PGCDC_SOURCE", s->source),
		    program_names(PROGRAM_SOURCE));
	if (s->state != NULL && !program->keeps_state)
		return log_permanent("\"PGCDC_STATE\" is set%s, but source \"%s\" keeps no state "
				     "file; remove it",
		    settings_origin("PGCDC_STATE", s->state), program->name);
	if (kind == PROGRAM_SNAPSHOT && (program = snapshot_of(program, s)) == NULL)
		return EXIT_PERMANENT;
	if ((stage = add_stage(p, program)) == NULL)
		return EXIT_PERMANENT;
	if (kind == PROGRAM_SNAPSHOT)
		return set_command(
		    stage, program->command, 0, "PGCDC_SNAPSHOT", settings_snapshot(s));
	return set_command(stage, program->command, 0, "PGCDC_SOURCE", s->source);
}

static int
add_command(struct pipeline *p, const struct settings *s, const struct words_command *c)
{
	const struct program *program = program_find(PROGRAM_STAGE, c->argv[0], strlen(c->argv[0]));
	struct stage *stage = add_stage(p, program);
	int err;

	if (stage == NULL)
		return out_of_memory();
	err = set_command(stage, program != NULL ? program->command : c->argv[0], c->n,
	    "PGCDC_STAGES", s->stages);
	for (size_t i = 1; err == 0 && i < c->n; i++)
		if (add_argument(stage, "%s", c->argv[i]) != 0)
			err = out_of_memory();
	return err;
}

static int
add_stages(struct pipeline *p, const struct settings *s)
{
	struct words words = { .n = 0 };
	int err = 0;

	if (words_parse(&words, s->stages) != 0)
		err = words.error == NULL
		          ? out_of_memory()
		          : log_permanent("invalid value \"%s\" of PGCDC_STAGES%s: %s", s->stages,
				settings_origin("PGCDC_STAGES", s->stages), words.error);
	for (size_t i = 0; err == 0 && i < words.n; i++)
		err = add_command(p, s, &words.command[i]);
	words_free(&words);
	return err;
}

/* A sink as it stands in the list: "file", or "file:two" for a second one. */
static int
add_sink(struct pipeline *p, const struct settings *s, const char *item, size_t len)
{
	const char *colon = memchr(item, ':', len);
	size_t name_len = colon != NULL ? (size_t)(colon - item) : len;
	const struct program *program = program_find(PROGRAM_SINK, item, name_len);
	const char *origin = settings_origin("PGCDC_SINKS", s->sinks);
	struct stage *stage;
	char *label;

	if (program == NULL)
		return log_permanent("unknown sink \"%.*s\" in PGCDC_SINKS%s; known: %s", (int)len,
		    item, origin, program_names(PROGRAM_SINK));
	if ((stage = add_stage(p, program)) == NULL)
		return EXIT_PERMANENT;
	if (colon != NULL) {
		if ((stage->instance = strndup(colon + 1, len - name_len - 1)) == NULL ||
		    asprintf(&label, "%s (%s)", program->label, stage->instance) < 0)
			return out_of_memory();
		stage->label = label;
		if (!ack_name_valid(stage->instance))
			return log_permanent("invalid name of sink \"%.*s\" in PGCDC_SINKS%s; "
					     "expected letters, digits, \"_\", \"-\" and \".\"",
			    (int)len, item, origin);
	}
	for (struct stage *other = p->stage + 1; other < stage; other++)
		if (other->program != NULL && other->program->kind == PROGRAM_SINK &&
		    strcmp(pipeline_ack_name(other), pipeline_ack_name(stage)) == 0)
			return log_permanent(
			    "two sinks are called \"%s\" in PGCDC_SINKS%s; give them "
			    "names, as in \"%s:one,%s:two\"",
			    pipeline_ack_name(stage), origin, program->name, program->name);
	return set_command(stage, program->command, 0, "PGCDC_SINKS", s->sinks);
}

static const char *
next_item(const char *list, size_t *len)
{
	list += strspn(list, SEPARATORS);
	*len = strcspn(list, SEPARATORS);
	return list;
}

/* tee(1) feeds several; the first goes on with the pipe, and the others follow it. */
static int
add_sinks(struct pipeline *p, const struct settings *s)
{
	struct stage *tee;
	size_t sinks = 0, len;
	int err = 0;

	for (const char *i = s->sinks; *(i = next_item(i, &len)) != '\0'; i += len)
		sinks++;
	if (sinks == 0)
		return log_permanent("no sink is named in PGCDC_SINKS%s; known: %s",
		    settings_origin("PGCDC_SINKS", s->sinks), program_names(PROGRAM_SINK));
	if (sinks > 1) {
		p->tee = p->n;
		if ((tee = add_stage(p, NULL)) == NULL)
			return EXIT_PERMANENT;
		err = set_command(tee, "tee", 0, "PGCDC_SINKS", s->sinks);
	}
	p->n_chain = p->n + 1;
	for (const char *i = s->sinks; err == 0 && *(i = next_item(i, &len)) != '\0'; i += len)
		err = add_sink(p, s, i, len);
	return err;
}

/* What joins the programs is ours to say. */
static int
check_variables(const struct stage *s)
{
	static const char *const ours[] = { "ACK", "ACK_NAME", "WAIT_FOR", "STATE", "PROGRESS_FILE",
		"CREATE_SLOT" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		char name[64];
		const char *value;

		snprintf(name, sizeof(name), "%s%s", s->program->prefix, ours[i]);
		if ((value = stage_env_get(s->env, name)) != NULL)
			return log_permanent(
			    "\"%s\" is set%s, but what joins the programs is set by "
			    "pgcdc-run; remove it, and see PGCDC_RUNTIME_DIR and "
			    "PGCDC_STATE in pgcdc.conf(5)",
			    name, settings_origin(name, value));
	}
	return 0;
}

/* Its positions are those of the reader's tokens, and no other source has such. */
static int
check_exactly_once(const struct stage *s, const struct stage *source)
{
	static const char name[] = "PGCDC_KAFKA_PRODUCE_TRANSACTIONAL_ID";
	const char *value = stage_env_get(s->env, name);

	if (value == NULL || strcmp(source->program->name, "read") == 0)
		return 0;
	if (source->program->kind == PROGRAM_SNAPSHOT)
		return log_permanent(
		    "\"%s\" is set%s, but the rows of a snapshot are sent at least "
		    "once; take it without, with --snapshot=only, and then remove "
		    "PGCDC_SNAPSHOT",
		    name, settings_origin(name, value));
	return log_permanent("\"%s\" is set%s, but needs the tokens of source \"read\", and the "
			     "source is \"%s\"; remove it",
	    name, settings_origin(name, value), source->program->name);
}

static int
set_state(struct stage *source, const struct settings *s)
{
	char *path;
	int err;

	if (!source->program->keeps_state)
		return 0;
	err = settings_state(s, &path);
	if (err == 0 && path != NULL)
		err = add_argument(source, "--state=%s", path);
	free(path);
	return err;
}

/*
 * The slot has to be older than the snapshot, so that no change is lost between it and the stream.
 * Where it is read elsewhere than from the slot's server, that server has to have come so far.
 */
static int
set_slot(struct stage *dump, const struct settings *s)
{
	const char *slot = getenv("PGCDC_READ_SLOT");

	if (slot == NULL && s->snapshot == SNAPSHOT_INITIAL)
		return log_permanent("\"PGCDC_SNAPSHOT\" is \"initial\"%s, and no slot is named; "
				     "set PGCDC_READ_SLOT",
		    settings_origin("PGCDC_SNAPSHOT", settings_snapshot(s)));
	if (slot == NULL)
		return 0;
	for (size_t i = 0; i < N_SERVER; i++) {
		const char *value = getenv(server[i]);

		if (value == NULL)
			continue;
		if (getenv("PGCDC_DUMP_MIN_LSN") != NULL)
			return 0;
		return log_permanent("\"%s\" is set%s, so the snapshot may be older than slot "
				     "\"%s\"; make the slot, and set PGCDC_DUMP_MIN_LSN to its "
				     "position, which \"pgcdc status\" shows, or a later one",
		    server[i], settings_origin(server[i], value), slot);
	}
	return add_argument(dump, "--create-slot=%s", slot) == 0 ? 0 : out_of_memory();
}

/* What was read is remembered, so that it is not read again at each start. */
static int
set_snapshot(struct pipeline *p, const struct settings *s)
{
	char *state;
	int err;

	if (settings_state(s, &state) != 0)
		return out_of_memory();
	if (state == NULL)
		return log_permanent("\"PGCDC_SNAPSHOT\" is \"%s\"%s, and what was read is to be "
				     "remembered beside the state file; set PGCDC_STATE",
		    settings_snapshot(s), settings_origin("PGCDC_SNAPSHOT", settings_snapshot(s)));
	err = asprintf(&p->progress, "%s.snapshot", state) < 0 ||
	      add_argument(&p->stage[0], "--progress-file=%s", p->progress) != 0;
	free(state);
	return err ? out_of_memory() : set_slot(&p->stage[0], s);
}

static int
set_source(struct pipeline *p, const struct settings *s, const char *folder)
{
	struct stage *source = &p->stage[0];
	struct buf names = BUF_INIT;
	int is_stream = source->program->kind == PROGRAM_SOURCE, err;

	for (const struct stage *i = p->stage; i < p->stage + p->n; i++)
		if (i->program != NULL && i->program->kind == PROGRAM_SINK) {
			buf_str(&names, names.len > 0 ? "," : "");
			buf_str(&names, pipeline_ack_name(i));
		}
	buf_add(&names, "", 1);
	err = names.failed || add_argument(source, "--ack=%s/ack", folder) != 0 ||
	      add_argument(source, "--wait-for=%s", names.data) != 0 || set_state(source, s) != 0 ||
	      (is_stream && s->drain && add_argument(source, "--drain") != 0);
	buf_free(&names);
	if (err)
		return out_of_memory();
	return is_stream ? 0 : set_snapshot(p, s);
}

static int
set_sink(struct stage *sink, const char *folder)
{
	const char *operand, *variable = sink->program->operand;

	if (add_argument(sink, "--ack=%s/ack", folder) != 0 ||
	    add_argument(sink, "--ack-name=%s", pipeline_ack_name(sink)) != 0)
		return out_of_memory();
	if (variable == NULL)
		return 0;
	operand = stage_env_get(sink->env, variable);
	if (operand == NULL || *operand == '\0')
		return log_permanent("sink \"%s\" needs \"%s\"; set it to what it writes to",
		    pipeline_ack_name(sink), variable);
	if ((*operand == '-' && operand[1] != '\0' && add_argument(sink, "--") != 0) ||
	    add_argument(sink, "%s", operand) != 0)
		return out_of_memory();
	/* It is no option: the program would warn. */
	stage_env_remove(sink->env, variable);
	return 0;
}

int
pipeline_make(
    struct pipeline *p, const struct settings *s, enum program_kind source, const char *folder)
{
	int err;

	*p = (struct pipeline){ .n = 0 };
	if ((err = add_source(p, s, source)) != 0 || (err = add_stages(p, s)) != 0 ||
	    (err = add_sinks(p, s)) != 0 || (err = keys_check(p, &s->config)) != 0)
		return err;
	for (struct stage *i = p->stage; i < p->stage + p->n; i++) {
		i->env = stage_env_make(i, p->stage, p->n);
		if (i->env == NULL)
			return out_of_memory();
		if (i->program != NULL && i->program->kind != PROGRAM_STAGE &&
		    (err = check_variables(i)) != 0)
			return err;
		if (i->program != NULL && i->program->kind == PROGRAM_SINK &&
		    ((err = check_exactly_once(i, p->stage)) != 0 ||
			(err = set_sink(i, folder)) != 0))
			return err;
	}
	return set_source(p, s, folder);
}
