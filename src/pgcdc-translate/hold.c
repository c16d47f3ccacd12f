#include <string.h>

#include "hold.h"

void
hold_begin(struct hold *h, struct table *table, uint64_t lsn, uint64_t number, const char *line,
    size_t len)
{
	h->table = table;
	h->lsn = lsn;
	h->number = number;
	if (h->lines.len == 0) {
		hold_add(h, line, len);
	} else {
		buf_drop(&h->lines, h->at - (len + 1));
		h->at = 0;
	}
}

void
hold_add(struct hold *h, const char *line, size_t len)
{
	buf_add(&h->lines, line, len + 1);
}

int
hold_next(struct hold *h, const char **line, size_t *len, uint64_t *number)
{
	if (h->table != NULL)
		return 0;
	if (hold_size(h) == 0) {
		hold_free(h);
		return 0;
	}
	*line = h->lines.data + h->at;
	*len = (size_t)((const char *)memchr(*line, '\n', hold_size(h)) - *line);
	*number = h->number++;
	h->at += *len + 1;
	return 1;
}

void
hold_free(struct hold *h)
{
	buf_free(&h->lines);
	*h = (struct hold){ .at = 0 };
}
