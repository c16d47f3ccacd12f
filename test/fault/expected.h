/*
 * What a topic must have: the rows of a recording behind pgcdc-translate, in their order, each
 * with the key that it has in Kafka.  Lines marked "baseline" are not among them: they may come
 * at any time.  Keys and splits are told by jansson, not by the code under test.
 */
#ifndef EXPECTED_H
#define EXPECTED_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { PARTITIONS_MAX = 8 };

enum expected_keys { EXPECTED_SCHEMA, EXPECTED_TABLE, EXPECTED_IDENTITY, EXPECTED_NONE };

struct expected_row {
	uint64_t lsn, commit; /* its own, and where the commit of its transaction begins */
	int64_t seq;
	size_t transaction; /* counts from 0 */
	char part;          /* 'D' or 'I' of an update that changes the key, else 0 */
	int everywhere;     /* it goes to every partition */
	int is_shape;       /* of a table of shape.sql */
	char *key;          /* as expected_key() writes it; NULL: none */
	char *text;         /* the whole line */
	size_t len;

	/* What delivered.c finds. */
	int64_t first[PARTITIONS_MAX]; /* the first offset that it has there; -1: none */
};

struct expected {
	enum expected_keys keys;
	struct expected_row *rows;
	size_t n;
	size_t transactions;
	size_t *sorted; /* by lsn, seq and part */
};

/* "schema", "table", "identity" or "none". 0, or -1. */
int expected_keys(enum expected_keys *keys, const char *name);

/* Read a recording; problems are reported. */
void expected_read(struct expected *e, const char *path);

/* The row with this position, for a message of this action; NULL: there is none. */
struct expected_row *
expected_find(const struct expected *e, uint64_t lsn, int64_t seq, const char *action);

/* Is this message's value the row, byte for byte, or as a part of an update? */
int expected_is(const struct expected_row *row, const char *value, size_t len, const json_t *json);

/* A key of n bytes in a form that can be compared. Allocated. */
char *expected_key(enum expected_keys keys, const char *key, size_t n);

void expected_free(struct expected *e);

#endif
