#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "log.h"
#include "plan.h"
#include "wanted.h"

static int
out_of_memory(void)
{
	return log_temporary("out of memory for the options");
}

/* --- rows */

static int
parse_where(struct wanted *w, const struct opt_list *list)
{
	if (list->n > 0 && (w->where = calloc(list->n, sizeof(*w->where))) == NULL)
		return out_of_memory();
	for (; w->n_where < list->n; w->n_where++) {
		char *item = list->item[w->n_where], *colon = strchr(item, ':');

		if (colon == NULL || colon[1] == '\0' ||
		    memchr(item, '.', (size_t)(colon - item)) == NULL)
			return log_permanent("invalid value \"%s\" for option \"--where\"; "
					     "expected schema.table:expression",
			    item);
		*colon = '\0';
		w->where[w->n_where] = (struct condition){ .table = item, .sql = colon + 1 };
	}
	return 0;
}

/*
 * In brackets of a function, so that no operator binds more or less than the whole; the line feed
 * ends a comment.
 */
void
wanted_where(const struct wanted *w, struct buf *b, const char *schema, const char *table)
{
	for (size_t i = 0; i < w->n_where; i++) {
		if (!filter_matches(w->where[i].table, schema, table))
			continue;
		buf_str(b, b->len > 0 ? " AND coalesce((" : "coalesce((");
		buf_str(b, w->where[i].sql);
		buf_str(b, "\n), false)");
	}
}

/* --- columns */

int
wanted_has(const struct wanted *w, const char *schema, const char *table, const char *column)
{
	const struct selection *only = selections_find(&w->columns, schema, table);
	const struct selection *but = selections_find(&w->exclude_columns, schema, table);

	return (only == NULL || selection_has(only, column)) &&
	       (but == NULL || !selection_has(but, column));
}

/* --- what matches nothing */

void
wanted_see(const struct wanted *w, const char *schema, const char *table, const char *column)
{
	selections_see(&w->columns, schema, table, column);
	selections_see(&w->exclude_columns, schema, table, column);
	for (size_t i = 0; i < w->n_where; i++)
		w->where[i].is_seen |= filter_matches(w->where[i].table, schema, table);
}

void
wanted_warn_unseen(const struct wanted *w)
{
	static const char what[] = "dumped table";

	selections_warn_unseen(&w->columns, "columns", what);
	selections_warn_unseen(&w->exclude_columns, "exclude-columns", what);
	for (size_t i = 0; i < w->n_where; i++)
		if (!w->where[i].is_seen)
			log_warn("pattern \"%s\" of option \"--where\" matches no %s",
			    w->where[i].table, what);
}

/* --- pages */

/* A number of a page, and what is behind it. -1: it is none. */
static int
parse_page(uint32_t *page, const char **p)
{
	unsigned long long number;
	char *end;

	if (**p < '0' || **p > '9')
		return -1;
	number = strtoull(*p, &end, 10);
	*p = end;
	*page = (uint32_t)number;
	return number < PLAN_END ? 0 : -1;
}

/* The part behind the colon: "first-last", or "first-" for all that is behind. */
static int
parse_numbers(struct pages *pages, const char *p)
{
	if (parse_page(&pages->first, &p) != 0 || *p++ != '-')
		return -1;
	if (*p == '\0')
		return 0;
	if (parse_page(&pages->end, &p) != 0 || *p != '\0' || pages->end < pages->first)
		return -1;
	pages->end++;
	return 0;
}

/* The text stays, and is changed. */
static int
add_pages(struct wanted *w, char *item)
{
	struct pages *grown = reallocarray(w->pages, w->n_pages + 1, sizeof(*grown)), *pages;
	char *colon = strchr(item, ':');

	if (grown == NULL)
		return out_of_memory();
	w->pages = grown;
	pages = &grown[w->n_pages++];
	*pages = (struct pages){ .table = item, .end = PLAN_END };
	if (strchr(item, '*') != NULL || strchr(item, '.') == NULL ||
	    (colon != NULL && parse_numbers(pages, colon + 1) != 0))
		return log_permanent("invalid pages \"%s\"; expected schema.table:first-last, or "
				     "schema.table:first- to its end",
		    item);
	if (colon != NULL)
		*colon = '\0';
	return 0;
}

static int
read_pages(struct wanted *w)
{
	size_t cap = 0;
	char *line = NULL;
	int err = 0;

	while (err == 0 && getline(&line, &cap, stdin) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line == '\0')
			continue;
		err = add_pages(w, line);
		line = NULL;
		cap = 0;
	}
	if (err == 0 && ferror(stdin))
		err = log_temporary("could not read standard input: %s", strerror(errno));
	if (err == 0 && w->n_pages == 0)
		err = log_permanent("standard input names no pages");
	free(line);
	return err;
}

static int
parse_pages(struct wanted *w, const struct opt_list *list)
{
	int err = 0;

	if (list->n == 1 && strcmp(list->item[0], "-") == 0)
		return read_pages(w);
	for (size_t i = 0; err == 0 && i < list->n; i++)
		err = add_pages(w, list->item[i]);
	return err;
}

const struct pages *
wanted_pages(const struct wanted *w, size_t *i, const char *schema, const char *table)
{
	while (*i < w->n_pages) {
		const struct pages *pages = &w->pages[(*i)++];

		if (filter_matches(pages->table, schema, table))
			return pages;
	}
	return NULL;
}

int
wanted_parse(struct wanted *w, const struct wanted_options *o)
{
	int err;

	*w = (struct wanted){ .n_where = 0 };
	if ((err = selections_parse(&w->columns, &o->columns, "columns")) != 0 ||
	    (err = selections_parse(&w->exclude_columns, &o->exclude_columns, "exclude-columns")) !=
		0 ||
	    (err = parse_where(w, &o->where)) != 0)
		return err;
	return parse_pages(w, &o->pages);
}
