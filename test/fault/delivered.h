/*
 * What a topic has, held against what it must have.
 *
 * Exactly once: each partition has exactly the rows that are for it, in their order.  At least
 * once: it has them all, and goes back only to where a transaction begins there, and from there
 * on it has everything again.
 */
#ifndef DELIVERED_H
#define DELIVERED_H

#include "expected.h"
#include "messages.h"

struct delivered {
	struct expected *expected;
	int partitions;
	int exactly_once;
	int other_names; /* of tables of shape.sql only the rows' positions are compared */

	/* Of each partition, in the order of offsets, without the baseline. */
	struct delivery {
		int64_t offset;
		struct expected_row *row;
	} * of[PARTITIONS_MAX];
	size_t n[PARTITIONS_MAX];
	long baselines, again;
};

/* Take the messages, and check each by itself. */
void delivered_take(struct delivered *d, const struct messages *m);

/* Check that all are there, and their order. */
void delivered_check(struct delivered *d);

/*
 * Check samples "CONFIRMED END..." of the slot and of the offsets that were next in each partition
 * right behind: what the slot had confirmed was there.
 */
void delivered_check_samples(const struct delivered *d, const char *path);

/*
 * Check samples "PARTITION OFFSET" of the ends that a reader of what is committed has come to:
 * none is within a transaction.
 */
void delivered_check_ends(const struct delivered *d, const char *path);

void delivered_free(struct delivered *d);

#endif
