#include <stdlib.h>
#include <string.h>

#include "opt_list.h"

/* A copy of s for the life of the program, and room in the list for all that can be in it. */
static char *
prepare(struct opt_list *list, const char *s)
{
	char **grown = reallocarray(list->item, list->n + strlen(s) + 1, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	list->item = grown;
	return strdup(s);
}

int
opt_list_add(struct opt_list *list, const char *s, const char *between)
{
	char *item = prepare(list, s);

	if (item == NULL)
		return -1;
	for (;;) {
		size_t len = strcspn(item, between);
		int is_last = item[len] == '\0';

		list->item[list->n] = item;
		if (len == 0)
			return -1;
		list->n++;
		if (is_last)
			return 0;
		item[len] = '\0';
		item += len + 1;
	}
}

int
opt_list_add_pairs(struct opt_list *list, const char *s, int in_environment)
{
	const char *blanks = in_environment ? " \t" : "";
	char *item = prepare(list, s);

	list->in_environment = in_environment;
	if (item == NULL)
		return -1;
	for (;;) {
		size_t len = strcspn(item, blanks), next = len + strspn(item + len, blanks);
		int is_last = item[next] == '\0';

		list->item[list->n] = item;
		item[len] = '\0';
		if (*item == '=' || strchr(item, '=') == NULL)
			return -1;
		list->n++;
		if (is_last)
			return 0;
		item += next;
	}
}
