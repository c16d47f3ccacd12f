/*
 * What the workload and its checker agree on: the tables, what a transaction
 * says of itself in the control table, and texts that prove themselves.
 *
 * All tables are in the schema "fault".  Their column n rises with each version
 * of a key, also over deletes, key changes and truncations.  Each
 * transaction that changes anything else inserts one row in "control":
 *
 *	client, seq	who and which; never used twice
 *	xid		of the top transaction
 *	origin		name of the replication origin, or NULL
 *	changes		"kv=1/0/2/0 part=0/1/0/0": rows inserted, updated and deleted,
 *			and how often it was truncated, of each table that was
 *			changed; a row that moves to another partition is
 *			deleted and inserted
 *	messages	logical messages in the transaction
 *	loose		logical messages outside it, emitted while it ran; the
 *			content of both begins with "client/seq/"
 *
 * A column v is eight hexadecimal digits, a colon and a text whose checksum
 * they are.  A column big begins with the decimal form of the column stamp and a
 * colon.  The columns of "ddl" change at run time, those of the others never do.
 */
#ifndef TABLES_H
#define TABLES_H

#include <stddef.h>
#include <stdint.h>

enum table_id {
	TABLE_KV,      /* plain */
	TABLE_WIDE,    /* many types, filled by a trigger */
	TABLE_TOAST,   /* values out of line */
	TABLE_NOKEY,   /* REPLICA IDENTITY FULL, no key, equal rows */
	TABLE_BYINDEX, /* REPLICA IDENTITY USING INDEX */
	TABLE_PART,    /* partitioned; one partition has another column order */
	TABLE_TRUNC_A,
	TABLE_TRUNC_B,
	TABLE_BULK, /* COPY */
	TABLE_DDL,  /* columns come and go */
	TABLES
};

#define TABLES_ORIGIN "fault_origin"

extern const char *const tables_name[TABLES];

/* Makes everything, after dropping what was there; for one PQexec(). */
extern const char tables_setup[];

/* Rows of "part" with ids below this many times k + 1 are in the partition k. */
#define TABLES_PARTITION 100

/* FNV-1a, 32 bits. */
static inline uint32_t
tables_checksum(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h;
}

#endif
