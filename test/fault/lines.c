#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "problem.h"
#include "shape.h"

typedef void take_line(struct lines *l, const struct replica *r, const char *s, size_t n, long end);

static void
read_file(struct lines *l, const struct replica *r, const char *path, take_line *take)
{
	FILE *f = fopen(path, "r");
	char *s = NULL;
	size_t size = 0;
	ssize_t n;
	long number = 0, end = 0;

	if (f == NULL)
		err(100, "could not open \"%s\"", path);
	while ((n = getline(&s, &size, f)) > 0) {
		problem_at(path, ++number);
		end += n;
		if (s[n - 1] != '\n') {
			problem("the last line is cut");
			break;
		}
		s[n - 1] = '\0';
		take(l, r, s, (size_t)n - 1, end);
	}
	if (ferror(f))
		err(111, "could not read \"%s\"", path);
	problem_at(NULL, 0);
	free(s);
	fclose(f);
}

static void
add(struct lines *l, const struct replica *r, const struct line *line, long end)
{
	if ((l->n & (l->n - 1)) == 0) {
		size_t cap = l->n == 0 ? 1 : l->n * 2;

		l->change = realloc(l->change, cap * sizeof(*l->change));
		l->end = realloc(l->end, cap * sizeof(*l->end));
		if (l->change == NULL || l->end == NULL)
			errx(111, "out of memory");
	}
	if (replica_read_change(r, &l->change[l->n], line) != 0)
		return;
	if (l->change[l->n].table->whole) {
		replica_free_change(&l->change[l->n]);
		return; /* without a key there is no version */
	}
	l->end[l->n++] = end;
}

/* A row line: its ids are right, and it is kept if it is one of the workload's. */
static void
take_row(struct lines *l, const struct replica *r, const char *s, size_t n, long end, int is_dump)
{
	struct line line;

	if (line_read(&line, s, n) == 0) {
		int is_row = strchr("IUDTR", line.action) != NULL;

		shape_check(&line);
		if (is_row && (line.action == 'R') != is_dump && !shape_is_baseline(&line))
			problem("a line of action \"%c\"", line.action);
		else if (is_row && !shape_is_other(&line))
			add(l, r, &line, end);
	}
	line_free(&line);
}

static void
take_stream(struct lines *l, const struct replica *r, const char *s, size_t n, long end)
{
	take_row(l, r, s, n, end, 0);
}

void
lines_read_stream(struct lines *l, const struct replica *r, const char *path)
{
	read_file(l, r, path, take_stream);
}

/* --- dumps, whose tokens are no LSNs */

/* The token of the run in hand. */
static char token[128];

static void
take_token(const json_t *json, const char *key, int must_follow)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (text == NULL || strlen(text) >= sizeof(token))
		problem("no token \"%s\"", key);
	else if (must_follow && strcmp(text, token) != 0)
		problem("token \"%s\" after \"%s\"", text, token);
	else
		strcpy(token, text);
}

static void
take_dump(struct lines *l, const struct replica *r, const char *s, size_t n, long end)
{
	static const char head[] = "{\"action\":\"H\"", mark[] = "{\"action\":\"C\"";
	int is_head = strncmp(s, head, strlen(head)) == 0;
	json_t *json;

	if (!is_head && strncmp(s, mark, strlen(mark)) != 0) {
		take_row(l, r, s, n, end, 1);
		return;
	}
	if ((json = line_json(s, n)) == NULL)
		return;
	if (is_head) {
		l->runs++;
		take_token(json, "start", 0);
	} else {
		l->marks++;
		take_token(json, "prev", 1);
		take_token(json, "ack", 0);
	}
	json_decref(json);
}

void
lines_read_dump(struct lines *l, const struct replica *r, const char *path)
{
	token[0] = '\0';
	read_file(l, r, path, take_dump);
}

void
lines_free(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		replica_free_change(&l->change[i]);
	free(l->change);
	free(l->end);
}
