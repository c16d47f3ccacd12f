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

	*s = (struct selections){ .n = 0 };
	if (list->n == 0)
		return 0;
	if ((s->item = calloc(list->n, sizeof(*s->item))) == NULL)
		return log_temporary("out of memory");
	for (size_t i = 0; i < list->n; i++) {
		char *item = list->item[i], *colon = strchr(item, ':');

		if (colon != NULL) {
			if (memchr(item, '.', (size_t)(colon - item)) == NULL)
				return invalid(item, option);
			*colon = '\0';
			last = &s->item[s->n++];
			*last = (struct selection){ .table = item, .column = &list->item[i] };
			item = list->item[i] = colon + 1;
		}
		if (last == NULL || *item == '\0')
			return invalid(item, option);
		last->n++;
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
