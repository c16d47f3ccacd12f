#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "log.h"
#include "selection.h"

static int
invalid(const char *item, const char *option)
{
	return log_permanent("invalid value \"%s\" for option \"--%s\"; expected "
			     "schema.table:column,...",
	    item, option);
}

/* opt.h has cut the list at its commas: an item with a colon begins the next table. */
int
selections_parse(struct selections *s, const struct opt_list *list, const char *option)
{
	struct selection *last = NULL;
	int *is_seen;

	*s = (struct selections){ .n = 0 };
	if (list->n == 0)
		return 0;
	/* Each table has an item of the list, at least. */
	is_seen = s->is_seen = calloc(2 * list->n, sizeof(*is_seen));
	if (is_seen == NULL || (s->item = calloc(list->n, sizeof(*s->item))) == NULL)
		return log_temporary("out of memory");
	for (size_t i = 0; i < list->n; i++) {
		char *item = list->item[i], *colon = strchr(item, ':');

		if (colon != NULL) {
			if (memchr(item, '.', (size_t)(colon - item)) == NULL)
				return invalid(item, option);
			*colon = '\0';
			last = &s->item[s->n++];
			*last = (struct selection){
				.table = item, .column = &list->item[i], .is_seen = is_seen
			};
			is_seen++;
			item = list->item[i] = colon + 1;
		}
		if (last == NULL || *item == '\0')
			return invalid(item, option);
		last->n++;
		is_seen++;
	}
	return 0;
}

const struct selection *
selections_find(const struct selections *s, const char *schema, const char *table)
{
	for (size_t i = 0; i < s->n; i++)
		if (filter_matches(s->item[i].table, schema, table))
			return &s->item[i];
	return NULL;
}

int
selection_has(const struct selection *s, const char *column)
{
	for (size_t i = 0; i < s->n; i++)
		if (filter_matches(s->column[i], column, NULL))
			return 1;
	return 0;
}

void
selections_see(
    const struct selections *s, const char *schema, const char *table, const char *column)
{
	const struct selection *one = selections_find(s, schema, table);

	if (one == NULL)
		return;
	one->is_seen[0] = 1;
	for (size_t i = 0; column != NULL && i < one->n; i++)
		one->is_seen[1 + i] |= filter_matches(one->column[i], column, NULL);
}

void
selections_warn_unseen(const struct selections *s, const char *option, const char *what)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct selection *one = &s->item[i];

		if (!one->is_seen[0])
			log_warn("pattern \"%s\" of option \"--%s\" matches no %s", one->table,
			    option, what);
		for (size_t c = 0; one->is_seen[0] && c < one->n; c++)
			if (!one->is_seen[1 + c])
				log_warn("column \"%s\" of option \"--%s\" is in no %s that "
					 "\"%s\" matches",
				    one->column[c], option, what, one->table);
	}
}
