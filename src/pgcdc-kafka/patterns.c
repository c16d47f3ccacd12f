#include <stdlib.h>
#include <string.h>

#include "patterns.h"

int
patterns_open(struct patterns *p, const struct opt_list *topics)
{
	*p = (struct patterns){ .topics = topics, .is_unmatched = calloc(topics->n, 1) };
	return p->is_unmatched != NULL ? 0 : -1;
}

/* "Subscribed topic not available: ^a.*: Broker: Unknown topic or partition" */
static int
names(const char *text, const char *topic)
{
	const char *reason = text;
	size_t len = strlen(topic);

	while ((reason = strstr(reason, topic)) != NULL) {
		if (reason > text && reason[-1] == ' ' &&
		    (reason[len] == ':' || reason[len] == '\0'))
			return 1;
		reason++;
	}
	return 0;
}

const char *
patterns_take(struct patterns *p, const char *reason)
{
	for (size_t i = 0; i < p->topics->n; i++) {
		const char *topic = p->topics->item[i];

		if (topic[0] == '^' && names(reason, topic)) {
			p->n_unmatched += !p->is_unmatched[i];
			p->is_unmatched[i] = 1;
			return topic;
		}
	}
	return NULL;
}

int
patterns_match_nothing(const struct patterns *p)
{
	return p->n_unmatched == p->topics->n;
}

void
patterns_free(struct patterns *p)
{
	free(p->is_unmatched);
}
