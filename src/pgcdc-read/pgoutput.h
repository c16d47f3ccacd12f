/*
 * The messages of the pgoutput plugin: bytes in, struct out, no I/O.
 *
 * Source of the format: PostgreSQL documentation, "Logical Replication Message
 * Formats" (protocol-logicalrep-message-formats), as versions 13 to 18 send it
 * when neither streaming, two_phase nor binary was asked for.
 *
 * Every read is checked against the end of the message.  All pointers in a
 * decoded message point into the bytes that were given and live as long.
 */
#ifndef PGOUTPUT_H
#define PGOUTPUT_H

#include <stddef.h>
#include <stdint.h>

/* A run of bytes that is not NUL-terminated. */
struct pgoutput_bytes {
	const char *p;
	size_t len;
};

/* Reads a message front to back; stops for good at the first read beyond its end. */
struct pgoutput_cursor {
	const unsigned char *p, *end;
	int failed;
};

/* The columns of one row; pgoutput_value() hands them out. */
struct pgoutput_tuple {
	int n; /* columns; -1: no such tuple in the message */
	struct pgoutput_cursor values;
};

struct pgoutput_relation {
	uint32_t id;
	struct pgoutput_bytes schema, table;
	char replica_identity; /* d, n, f or i, as pg_class.relreplident */
	int n;                 /* columns; pgoutput_column() hands them out */
	struct pgoutput_cursor columns;
};

struct pgoutput_message {
	/*
	 * B C O R Y I U D T M: the message's own type byte.  And A, Stream Abort, which
	 * 18 sends also of a transaction that it has not streamed: it means nothing.
	 */
	char type;
	union {
		struct {
			uint64_t final_lsn; /* of the commit record */
			int64_t time;       /* microseconds since 2000-01-01 UTC */
			uint32_t xid;
		} begin;
		struct {
			uint64_t lsn; /* of the commit record */
			uint64_t end_lsn;
			int64_t time;
		} commit;
		struct {
			uint64_t lsn;
			struct pgoutput_bytes name;
		} origin;
		struct pgoutput_relation relation;
		struct {
			uint32_t id;
			struct pgoutput_bytes schema, name;
		} type;
		struct {
			uint32_t relation;
			char old_kind; /* 'K' key, 'O' whole row, 0: no old tuple */
			struct pgoutput_tuple old, new;
		} change; /* I, U, D */
		struct {
			int n; /* relations; pgoutput_truncated() hands them out */
			struct pgoutput_cursor relations;
		} truncate;
		struct {
			int transactional;
			uint64_t lsn;
			struct pgoutput_bytes prefix, content;
		} message;
	} u;
};

struct pgoutput_column {
	int in_identity;
	struct pgoutput_bytes name;
	uint32_t type;
	int32_t modifier;
};

struct pgoutput_value {
	char kind; /* 't' text, 'n' null, 'u' unchanged TOAST */
	struct pgoutput_bytes text;
};

/*
 * Decode the len bytes of one message, whole: its tuples and columns are checked
 * too.  0, or -1 with *why a constant text that says what is wrong.
 */
int pgoutput_decode(struct pgoutput_message *m, const void *bytes, size_t len, const char **why);

/*
 * The next of the n columns, values or relations.  Call each at most n times;
 * what pgoutput_decode() has accepted cannot fail.
 */
struct pgoutput_column pgoutput_column(struct pgoutput_cursor *columns);
struct pgoutput_value pgoutput_value(struct pgoutput_cursor *values);
uint32_t pgoutput_truncated(struct pgoutput_cursor *relations);

#endif
