/*
 * Which pages are read, and in which snapshot: pure.
 *
 * A dump may need several snapshots, one after the other: when one is lost, or a table was altered.
 * Snapshots are numbered from 1.  The pages of a table are intervals that were read in one, or in
 * none yet (0).  All is done when every page that is wanted was read in the newest: pages that were read in an
 * older one are read again, but only for the rows that one may not have seen.  So rows that have
 * moved between pages meanwhile are not missed.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stddef.h>
#include <stdint.h>

#define PLAN_END UINT32_MAX  /* of a table, however far it has grown */
#define PLAN_SKIP UINT32_MAX /* instead of a snapshot: the pages are not wanted */

struct interval {
	uint32_t first, end; /* pages; end is behind the last one */
	uint32_t read;       /* in this snapshot; 0: in none; or PLAN_SKIP */
	int is_taken;        /* somebody reads it now */
};

struct plan_table {
	struct interval *interval; /* n of them, which cover all pages, in their order */
	size_t n, cap;
	uint32_t pages; /* as far as is known: what is behind is read with the last of them */
};

struct plan {
	struct plan_table *table; /* n of them */
	size_t n;
	uint32_t step;   /* pages that are taken at a time */
	uint32_t newest; /* snapshot */
	size_t at;       /* before this table all is done or taken */
};

/* Pages of one table that are to be read, those that "read" has not seen. */
struct range {
	size_t table;
	uint32_t first, end;
	uint32_t read;
};

/* So many tables, whose pages plan_restart() tells. 0, or -1: no memory. */
int plan_begin(struct plan *p, size_t tables, uint32_t step);

/* Nothing of this table is read: it is new, or was rewritten. 0, or -1: no memory. */
int plan_restart(struct plan *p, size_t table, uint32_t pages);

/* Of this table only the pages are wanted that plan_want() tells. 0, or -1: no memory. */
int plan_skip(struct plan *p, size_t table);
int plan_want(struct plan *p, size_t table, uint32_t first, uint32_t end);

/* An earlier run has read these pages, in one of its snapshots. 0, or -1: no memory. */
int plan_mark(struct plan *p, size_t table, uint32_t first, uint32_t end, uint32_t read);

/* There is a newer snapshot. */
void plan_renew(struct plan *p);

/* The next range, which is taken: 1; 0 when there is none to take; -1: no memory. */
int plan_next(struct plan *p, struct range *r);

/* A taken range was read in the newest snapshot; or for all of them; or is given back. */
void plan_done(struct plan *p, const struct range *r);
void plan_drop(struct plan *p, const struct range *r);
void plan_give_back(struct plan *p, const struct range *r);

/* All pages of all tables are read in the newest snapshot. */
int plan_is_done(const struct plan *p);

/* Of how many pages, as far as is known, are how many read in the newest snapshot or skipped? */
void plan_count(const struct plan *p, uint64_t *done, uint64_t *all);

void plan_free(struct plan *p);

#endif
