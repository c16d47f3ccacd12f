/* The page ranges that are still to be read, in the order of the tables. */
#ifndef PLAN_H
#define PLAN_H

#include <stdint.h>

#include "tables.h"

/* Pages of one table, last included; the last range of a table has no end, as it may have grown. */
struct range {
	const struct table *table;
	uint32_t first, last;
	int is_last;
};

struct plan {
	const struct tables *tables;
	uint32_t step; /* pages a range */
	size_t at;     /* the table in hand ... */
	uint32_t page; /* ... and its next page */
};

/* Begin with the first table. */
void plan_begin(struct plan *p, const struct tables *tables, uint32_t step);

/* The next range: 1, or 0 when there is none. */
int plan_next(struct plan *p, struct range *r);

#endif
