/*
 * A sink that holds a version of each key, beside which a stream and a dump may come in any order.
 *
 * A line is taken when its lsn is above that of the key's version.  Of a change and a row of a dump
 * with the same lsn the change wins: the row was read before it.  A delete is a version as well,
 * and stays.
 *
 * A TRUNCATE is a delete of every key of the table, also of those that only come later: no row with
 * a lower lsn comes back.  The lsn alone is enough for that.  Who truncates has the table for himself,
 * so each change below it was made before, and each one above it after.  A row of a dump above it was
 * read behind it.  One below it was not, or was inserted behind it while the snapshot was being taken:
 * then the insert is in the stream.
 *
 * A value that an update names as unchanged is the version's before.  When there is none yet, as the
 * row is older than the stream, the row of the dump has it, whatever its lsn.  But when the update
 * changes the key, too, the value was the old key's, and the lsn does not say whether a row of the
 * dump was read before the update or after it, nor whether it is of the same row or of another one
 * that had the key: such a value is not known until a line gives it.
 *
 * Its key's counter (tables.h) tells which version a row is.  A row of a dump must have all changes that
 * lose against it.  It may have changes that win, too, those that ended while its snapshot was
 * being taken: if it comes before them, its key goes back, until the stream is past the snapshot.
 */
#ifndef VERSIONS_H
#define VERSIONS_H

#include "replica.h"

struct version;

struct version_table {
	struct version **buckets;
	size_t nbuckets, n;
	uint64_t emptied; /* by the newest TRUNCATE */
};

/* Start with all zero but these. */
struct versions {
	const struct replica *replica; /* its tables */
	long long before;              /* counters up to this one are older than the stream */
	int last_wins;                 /* of two rows of dumps with the same lsn: else the first */
	struct version_table *tables;  /* by the replica's */
	long back;                     /* changes that were older than the row of a dump, and won */
	long unknown;                  /* values that versions_finish() could not compare */
};

/* Take a line. The model has its values only as long as the change. */
void versions_apply(struct versions *v, const struct change *c);

/* This row is at the source: so it must be here, unless a problem is reported. */
void versions_compare(struct versions *v, const struct table *t, char *const *values);

/* What was not compared is too much. */
void versions_finish(struct versions *v);

void versions_free(struct versions *v);

#endif
