#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "env_file.h"

struct cursor {
	struct env_file *file;
	const char *p, *end;
	struct buf value;
};

static int
fail(struct cursor *c, const char *error)
{
	snprintf(c->file->error, sizeof(c->file->error), "%s", error);
	return -1;
}

static int
is_blank(char ch)
{
	return ch == ' ' || ch == '\t';
}

static int
is_line_end(char ch)
{
	return ch == '\n' || ch == '\r';
}

/* The next byte, which is there. */
static char
next(struct cursor *c)
{
	if (*c->p == '\n')
		c->file->line++;
	return *c->p++;
}

static void
add(struct cursor *c, char ch)
{
	buf_add(&c->value, &ch, 1);
}

static int
single_quoted(struct cursor *c)
{
	while (c->p < c->end) {
		char ch = next(c);

		if (ch == '\'')
			return 0;
		add(c, ch);
	}
	return fail(c, "a quote ' is not closed");
}

/* A backslash goes before ", \, `, $ and the end of a line; before others it stays. */
static int
double_quoted(struct cursor *c)
{
	while (c->p < c->end) {
		char ch = next(c);

		if (ch == '"')
			return 0;
		if (ch == '\\' && c->p < c->end) {
			ch = next(c);
			if (is_line_end(ch))
				continue;
			if (strchr("\"\\`$", ch) == NULL)
				add(c, '\\');
		}
		add(c, ch);
	}
	return fail(c, "a quote \" is not closed");
}

/* Up to the end of the line, blanks at the end left out, quotes as they stand. */
static void
unquoted(struct cursor *c)
{
	size_t keep = c->value.len;

	while (c->p < c->end && !is_line_end(*c->p)) {
		char ch = next(c);

		if (ch == '\\') {
			if (c->p < c->end && !is_line_end(ch = next(c)))
				add(c, ch);
			keep = c->value.len;
			continue;
		}
		add(c, ch);
		if (!is_blank(ch))
			keep = c->value.len;
	}
	c->value.len = keep;
}

/* Quoted pieces, blanks between them left out, then an unquoted one. */
static int
parse_value(struct cursor *c)
{
	c->value.len = 0;
	while (c->p < c->end && !is_line_end(*c->p)) {
		int err = 0;

		if (is_blank(*c->p)) {
			next(c);
		} else if (*c->p == '\'') {
			next(c);
			err = single_quoted(c);
		} else if (*c->p == '"') {
			next(c);
			err = double_quoted(c);
		} else {
			unquoted(c);
			break;
		}
		if (err != 0)
			return err;
	}
	add(c, '\0');
	if (c->value.failed)
		return fail(c, "");
	return strlen(c->value.data) + 1 == c->value.len ? 0 : fail(c, "a value has a NUL byte");
}

static int
is_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int letter = (s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z';

		if (!letter && s[i] != '_' && !(i > 0 && s[i] >= '0' && s[i] <= '9'))
			return 0;
	}
	return len > 0;
}

/* The name and its '='; *len is the length of the name at the old c->p. */
static int
parse_name(struct cursor *c, size_t *len)
{
	const char *name = c->p;

	while (c->p < c->end && !is_line_end(*c->p) && *c->p != '=')
		c->p++;
	*len = (size_t)(c->p - name);
	while (*len > 0 && is_blank(name[*len - 1]))
		--*len;
	if (c->p == c->end || *c->p != '=' || !is_name(name, *len))
		return fail(c, "expected NAME=value");
	c->p++;
	return 0;
}

/* Refuse a second entry of this name. */
static int
check_first(struct cursor *c, const char *name)
{
	struct env_file *f = c->file;
	const struct env_file_entry *first = env_file_find(f, name);

	if (first == NULL)
		return 0;
	snprintf(f->error, sizeof(f->error), "\"%.100s\" is given twice, first in line %u,", name,
	    first->line);
	return -1;
}

static int
append(struct cursor *c, const char *name, size_t len, unsigned line)
{
	struct env_file *f = c->file;
	struct env_file_entry *e;

	if ((f->n & (f->n - 1)) == 0) { /* full: it grows by doubling */
		e = reallocarray(f->entry, f->n > 0 ? 2 * f->n : 1, sizeof(*e));
		if (e == NULL)
			return fail(c, "");
		f->entry = e;
	}
	e = &f->entry[f->n];
	*e = (struct env_file_entry){ strndup(name, len), strdup(c->value.data), line };
	if (e->name != NULL && e->value != NULL && check_first(c, e->name) == 0) {
		f->n++;
		return 0;
	}
	free(e->name);
	free(e->value);
	return -1;
}

/* One entry, at c->p. */
static int
parse_entry(struct cursor *c)
{
	unsigned line = c->file->line;
	const char *name = c->p;
	size_t len;

	if (parse_name(c, &len) == 0 && parse_value(c) == 0 && append(c, name, len, line) == 0)
		return 0;
	c->file->line = line;
	return -1;
}

int
env_file_parse(struct env_file *f, const char *text, size_t len)
{
	struct cursor c = { .file = f, .p = text, .end = text + len };
	int err = 0;

	f->line = 1;
	while (err == 0 && c.p < c.end) {
		if (is_blank(*c.p) || is_line_end(*c.p)) {
			next(&c);
		} else if (*c.p == '#' || *c.p == ';') {
			while (c.p < c.end && !is_line_end(*c.p))
				next(&c);
		} else {
			err = parse_entry(&c);
		}
	}
	buf_free(&c.value);
	return err;
}

const struct env_file_entry *
env_file_find(const struct env_file *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->entry[i].name, name) == 0)
			return &f->entry[i];
	return NULL;
}

void
env_file_free(struct env_file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->entry[i].name);
		free(f->entry[i].value);
	}
	free(f->entry);
	*f = (struct env_file){ .entry = NULL };
}
