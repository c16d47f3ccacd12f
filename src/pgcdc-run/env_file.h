/*
 * The configuration file, pgcdc.conf(5): lines NAME=value with comments and quotes,
 * as systemd.exec(5) has them for EnvironmentFile=, so that a unit and a shell's
 * user write the same.  Bytes in, entries out; which names are good is not
 * decided here.
 */
#ifndef ENV_FILE_H
#define ENV_FILE_H

#include <stddef.h>

struct env_file_entry {
	char *name;    /* letters, digits and '_', no digit first */
	char *value;   /* without quotes and escapes; may be empty */
	unsigned line; /* in which it begins, from 1 */
};

/* Start with all zero. */
struct env_file {
	struct env_file_entry *entry;
	size_t n;
	unsigned line;   /* where reading stopped */
	char error[160]; /* why, for a message; empty: out of memory */
};

/*
 * Read the len bytes at text.  0, or -1 with f->error and f->line.  A name that stands
 * twice is an error.
 */
int env_file_parse(struct env_file *f, const char *text, size_t len);

/* NULL if there is none of this name. */
const struct env_file_entry *env_file_find(const struct env_file *f, const char *name);

void env_file_free(struct env_file *f);

#endif
