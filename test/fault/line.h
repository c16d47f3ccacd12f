/*
 * One event line (man page pgcdc-events) by jansson, on purpose not by the
 * scanner of the programs under test.
 *
 * jansson would put numbers through a double, so each number is first made an
 * object with its text, {"#":"1.10"}; no event line has an object there.
 */
#ifndef LINE_H
#define LINE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct line {
	char action;
	uint64_t lsn, start, prev, ack;
	int has_prev, has_ack;
	int64_t seq, xid;  /* -1: not there */
	int transactional; /* of M */
	/* NULL: not there; all point into json */
	const char *timestamp, *origin, *schema, *table, *prefix, *content, *content_hex;
	const char *system_identifier, *slot;
	const json_t *columns, *identity, *unchanged;
	json_t *json;
};

/*
 * Read the n bytes at s, without the line feed, and check that all that its
 * action asks for is there, in its form. 0, or -1 after reporting.
 */
int line_read(struct line *l, const char *s, size_t n);
void line_free(struct line *l);

/* A hash of the line without its prev, which is not the same on a replay. */
uint64_t line_hash(const struct line *l, uint64_t hash, const char *s, size_t n);
#define LINE_HASH 14695981039346656037u

/* "16/B374D848" as Postgres prints it. 0, or -1. */
int line_lsn(uint64_t *lsn, const char *s);

/* The text of an LSN in one of four static buffers. */
const char *line_lsn_text(uint64_t lsn);

/* The object that is the n bytes at s, with marked numbers; the caller's. NULL after reporting. */
json_t *line_json(const char *s, size_t n);

/* The text of a marked number, or NULL. */
const char *line_number(const json_t *value);

#endif
