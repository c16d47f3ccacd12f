/*
 * Messages of pgoutput, byte for byte as "Logical Replication Message Formats" has
 * them.  Each message_*() begins a new one in the buffer "message".
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <endian.h>
#include <stddef.h>

#include "buf.h"

#define MESSAGES_UNUSED __attribute__((unused))

static struct buf message;

/* A value of a row that is not sent: it stays in its TOAST table. */
static const char unchanged[] MESSAGES_UNUSED = "unchanged";

struct message_column {
	int in_identity;
	const char *name;
	uint32_t type;
	int32_t modifier;
};

MESSAGES_UNUSED static void
put_8(int v)
{
	char c = (char)v;

	buf_add(&message, &c, 1);
}

MESSAGES_UNUSED static void
put_16(int v)
{
	uint16_t be = htobe16((uint16_t)v);

	buf_add(&message, &be, sizeof(be));
}

MESSAGES_UNUSED static void
put_32(uint32_t v)
{
	v = htobe32(v);
	buf_add(&message, &v, sizeof(v));
}

MESSAGES_UNUSED static void
put_64(uint64_t v)
{
	v = htobe64(v);
	buf_add(&message, &v, sizeof(v));
}

MESSAGES_UNUSED static void
put_string(const char *s)
{
	buf_add(&message, s, strlen(s) + 1);
}

MESSAGES_UNUSED static void
put_counted(const void *s, size_t len)
{
	put_32((uint32_t)len);
	buf_add(&message, s, len);
}

MESSAGES_UNUSED static void
put_value(const char *s)
{
	if (s == NULL) {
		put_8('n');
	} else if (s == unchanged) {
		put_8('u');
	} else {
		put_8('t');
		put_counted(s, strlen(s));
	}
}

/* The kind is K, O or N. */
MESSAGES_UNUSED static void
put_row(int kind, int n, const char *const *values)
{
	put_8(kind);
	put_16(n);
	for (int i = 0; i < n; i++)
		put_value(values[i]);
}

MESSAGES_UNUSED static void
message_start(int type)
{
	message.len = 0;
	put_8(type);
}

MESSAGES_UNUSED static void
message_begin(uint64_t lsn, int64_t time, uint32_t xid)
{
	message_start('B');
	put_64(lsn);
	put_64((uint64_t)time);
	put_32(xid);
}

MESSAGES_UNUSED static void
message_commit(uint64_t lsn, uint64_t end, int64_t time)
{
	message_start('C');
	put_8(0);
	put_64(lsn);
	put_64(end);
	put_64((uint64_t)time);
}

MESSAGES_UNUSED static void
message_origin(uint64_t lsn, const char *name)
{
	message_start('O');
	put_64(lsn);
	put_string(name);
}

MESSAGES_UNUSED static void
message_relation(uint32_t id, const char *schema, const char *table, int identity, int n,
    const struct message_column *c)
{
	message_start('R');
	put_32(id);
	put_string(schema);
	put_string(table);
	put_8(identity);
	put_16(n);
	for (int i = 0; i < n; i++) {
		put_8(c[i].in_identity);
		put_string(c[i].name);
		put_32(c[i].type);
		put_32((uint32_t)c[i].modifier);
	}
}

MESSAGES_UNUSED static void
message_type(uint32_t id, const char *schema, const char *name)
{
	message_start('Y');
	put_32(id);
	put_string(schema);
	put_string(name);
}

/* I, U or D: rows follow with put_row(). */
MESSAGES_UNUSED static void
message_change(int type, uint32_t relation)
{
	message_start(type);
	put_32(relation);
}

MESSAGES_UNUSED static void
message_truncate(int flags, int n, const uint32_t *relations)
{
	message_start('T');
	put_32((uint32_t)n);
	put_8(flags);
	for (int i = 0; i < n; i++)
		put_32(relations[i]);
}

MESSAGES_UNUSED static void
message_logical(
    int transactional, uint64_t lsn, const char *prefix, const void *content, size_t len)
{
	message_start('M');
	put_8(transactional);
	put_64(lsn);
	put_string(prefix);
	put_counted(content, len);
}

#endif
