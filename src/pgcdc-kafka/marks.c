#include <stdlib.h>

#include "marks.h"

#define FIRST_MARKS ((size_t)64)

struct mark {
	uint64_t token;
	struct partition *partition; /* NULL: given up */
	int64_t next;
	uint64_t messages;
};

static struct mark *
at(const struct marks *m, size_t i)
{
	return &m->ring[(m->first + i) & (m->cap - 1)];
}

static int
grow(struct marks *m)
{
	struct marks grown = {
		.n = m->n, .cap = m->cap == 0 ? FIRST_MARKS : 2 * m->cap, .messages = m->messages
	};

	if ((grown.ring = malloc(grown.cap * sizeof(*grown.ring))) == NULL)
		return -1;
	for (size_t i = 0; i < m->n; i++)
		grown.ring[i] = *at(m, i);
	free(m->ring);
	*m = grown;
	return 0;
}

int
marks_add(struct marks *m, uint64_t token, struct partition *p)
{
	if (m->n == m->cap && grow(m) != 0)
		return -1;
	*at(m, m->n++) = (struct mark){ token, p, p->next, p->unmarked };
	m->messages += p->unmarked;
	p->unmarked = 0;
	p->is_dirty = 0;
	return 0;
}

void
marks_acked(struct marks *m, uint64_t token)
{
	while (m->n > 0 && at(m, 0)->token <= token) {
		const struct mark *oldest = at(m, 0);

		if (oldest->partition != NULL)
			oldest->partition->acked = oldest->next;
		m->messages -= oldest->messages;
		m->first = (m->first + 1) & (m->cap - 1);
		m->n--;
	}
}

void
marks_forget(struct marks *m, const struct partition *p)
{
	for (size_t i = 0; i < m->n; i++)
		if (at(m, i)->partition == p)
			at(m, i)->partition = NULL;
}

void
marks_free(struct marks *m)
{
	free(m->ring);
}
