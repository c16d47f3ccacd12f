/*
 * The configuration file: it is read as a plain machine of states reads it, made after
 * the description in systemd.exec(5); each value can be written in quotes and read again.
 * PGCDC_STAGES comes out of such a file: each value is split into words, too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env_file.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int good, const char *what)
{
	if (!good) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

enum state { BEFORE, NAME, PRE, PLAIN, PLAIN_ESCAPE, SINGLE, DOUBLE, DOUBLE_ESCAPE, COMMENT };

/* The value of entry number n must be this. */
static void
check_value(const struct env_file *f, size_t n, const char *value, size_t len)
{
	check(n < f->n, "an entry is missing");
	check(strlen(f->entry[n].value) == len && memcmp(f->entry[n].value, value, len) == 0,
	    "another value");
}

/* What was read without an error, read by the machine. */
static void
read_again(const struct env_file *f, const uint8_t *data, size_t size)
{
	enum state state = BEFORE;
	size_t n = 0, len = 0, name = 0, keep = 0;
	char *value = malloc(size + 1);

	check(value != NULL, "no memory");
	for (size_t i = 0; i <= size; i++) {
		/* The end of the text ends a line. */
		char c = i < size ? (char)data[i] : '\n';
		int end = c == '\n' || c == '\r', blank = c == ' ' || c == '\t';

		switch (state) {
		case BEFORE:
			if (c == '#' || c == ';')
				state = COMMENT;
			else if (!end && !blank) {
				state = NAME;
				name = i--;
			}
			break;
		case COMMENT:
			if (end)
				state = BEFORE;
			break;
		case NAME:
			if (c == '=') {
				check(n < f->n, "a name is missing");
				check(strncmp(f->entry[n].name, (const char *)data + name,
					  strlen(f->entry[n].name)) == 0,
				    "another name");
				state = PRE;
				len = keep = 0;
			}
			break;
		case PRE:
			if (end) {
				check_value(f, n++, value, len);
				state = BEFORE;
			} else if (c == '\'') {
				state = SINGLE;
			} else if (c == '"') {
				state = DOUBLE;
			} else if (!blank) {
				state = PLAIN;
				keep = len;
				i--;
			}
			break;
		case PLAIN:
			if (end) {
				check_value(f, n++, value, keep);
				state = BEFORE;
			} else if (c == '\\') {
				state = PLAIN_ESCAPE;
			} else {
				value[len++] = c;
				if (!blank)
					keep = len;
			}
			break;
		case PLAIN_ESCAPE:
			if (!end)
				value[len++] = c;
			keep = len;
			state = PLAIN;
			if (i == size)
				check_value(f, n++, value, keep);
			break;
		case SINGLE:
			if (c == '\'')
				state = PRE;
			else
				value[len++] = c;
			break;
		case DOUBLE:
			if (c == '"')
				state = PRE;
			else if (c == '\\')
				state = DOUBLE_ESCAPE;
			else
				value[len++] = c;
			break;
		case DOUBLE_ESCAPE:
			if (c != '"' && c != '\\' && c != '`' && c != '$' && !end)
				value[len++] = '\\';
			if (!end)
				value[len++] = c;
			state = DOUBLE;
			break;
		}
	}
	check(n == f->n, "an entry too many");
	free(value);
}

/* In double quotes, with all that needs one behind a backslash. */
static void
write_and_read(const struct env_file_entry *e)
{
	char *text = malloc(strlen(e->name) + 2 * strlen(e->value) + 4), *p;
	struct env_file f = { .n = 0 };

	check(text != NULL, "no memory");
	p = text + sprintf(text, "%s=\"", e->name);
	for (const char *v = e->value; *v != '\0'; v++) {
		if (strchr("\"\\`$", *v) != NULL)
			*p++ = '\\';
		*p++ = *v;
	}
	*p++ = '"';
	check(
	    env_file_parse(&f, text, (size_t)(p - text)) == 0 && f.n == 1, "it is not read again");
	check(strcmp(f.entry[0].name, e->name) == 0 && strcmp(f.entry[0].value, e->value) == 0,
	    "it comes back different");
	env_file_free(&f);
	free(text);
}

static void
split(const char *value)
{
	struct words w = { .n = 0 };

	if (words_parse(&w, value) == 0) {
		for (size_t i = 0; i < w.n; i++)
			check(w.command[i].n > 0 && w.command[i].argv[w.command[i].n] == NULL,
			    "a command without words");
	} else {
		check(w.error != NULL, "no error is given");
	}
	words_free(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct env_file f = { .n = 0 };

	if (env_file_parse(&f, (const char *)data, size) == 0) {
		read_again(&f, data, size);
		for (size_t i = 0; i < f.n; i++) {
			write_and_read(&f.entry[i]);
			split(f.entry[i].value);
			check(env_file_find(&f, f.entry[i].name) == &f.entry[i], "it is not found");
		}
	} else {
		check(f.error[0] != '\0' && f.line > 0, "no error is given");
	}
	env_file_free(&f);
	return 0;
}
