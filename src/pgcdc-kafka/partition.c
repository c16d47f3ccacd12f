#include <stdlib.h>
#include <string.h>

#include "partition.h"

struct partition *
partition_find(const struct partitions *ps, const char *topic, int32_t number)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->item[i]->number == number && strcmp(ps->item[i]->topic, topic) == 0)
			return ps->item[i];
	return NULL;
}

struct partition *
partition_add(struct partitions *ps, const char *topic, int32_t number, int64_t start)
{
	struct partition **grown = realloc(ps->item, (ps->n + 1) * sizeof(*grown)), *p;

	if (grown == NULL)
		return NULL;
	ps->item = grown;
	if ((p = calloc(1, sizeof(*p))) == NULL || (p->topic = strdup(topic)) == NULL) {
		free(p);
		return NULL;
	}
	p->number = number;
	p->next = p->acked = start;
	p->committed = -1;
	ps->item[ps->n] = p;
	ps->n++;
	return p;
}

void
partition_remove(struct partitions *ps, struct partition *p)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->item[i] == p)
			ps->item[i--] = ps->item[--ps->n];
	if (ps->last == p)
		ps->last = NULL;
	free(p->topic);
	free(p);
}

void
partition_free(struct partitions *ps)
{
	while (ps->n > 0)
		partition_remove(ps, ps->item[0]);
	free(ps->item);
}
