/*
 * The programs that a pipeline can be made of: one table, a line a program.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stddef.h>

/* A snapshot is what is read before the stream of a source, in its place. */
enum program_kind { PROGRAM_SOURCE, PROGRAM_SNAPSHOT, PROGRAM_STAGE, PROGRAM_SINK };

struct program {
	enum program_kind kind;
	const char *name;    /* as in PGCDC_SOURCE, PGCDC_STAGES and PGCDC_SINKS */
	const char *label;   /* for messages: the command, and its half */
	const char *command; /* the file, beside us or in the PATH */
	const char *half;    /* the first argument of a file that is two programs, or NULL */
	const char *prefix;  /* of its variables */
	const char *operand; /* the variable that holds its operand, or NULL */
	int asks_postgres;   /* it needs libpq's variables */
	int keeps_state;     /* a source with a state file */
};

/* By name; NULL if there is none of this kind. */
const struct program *program_find(enum program_kind kind, const char *name, size_t len);

/* The one whose prefix a variable has, or NULL. */
const struct program *program_of_variable(const char *variable);

/* The names of a kind, separated by commas, in a static buffer. */
const char *program_names(enum program_kind kind);

/*
 * The path of a command: itself if it has a '/', else the file beside our own program if
 * it is one of ours, else what the PATH has.  Allocated, or NULL with errno.
 */
char *program_path(const char *command);

/* Would a shell with our PATH find the same file? */
int program_is_in_path(const char *command, const char *path);

#endif
