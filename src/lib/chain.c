#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "lsn.h"

#define FAIL(c, ...) (snprintf((c)->error, sizeof((c)->error), __VA_ARGS__), -1)

/* Copy the text of a string that has to be there. */
static int
copy(struct chain *c, char *dst, size_t size, struct event_span string, const char *key)
{
	struct event_span text;

	if (event_text(&text, string) != 0 || text.len == 0 || text.len >= size)
		return FAIL(c, "a line of action \"H\" or with \"ack\" has no usable \"%s\"", key);
	memcpy(dst, text.p, text.len);
	dst[text.len] = '\0';
	return 0;
}

/* Is token a not above b?  Tokens that are no LSNs compare only as equal. */
static int
not_above(const char *a, const char *b)
{
	uint64_t x, y;

	if (lsn_parse(&x, a, strlen(a)) != 0 || lsn_parse(&y, b, strlen(b)) != 0)
		return strcmp(a, b) == 0;
	return x <= y;
}

/*
 * A further H comes from a source that was started again: nothing is missing if
 * it starts where we have been, or names with "prev" a token that we have seen.
 */
static int
take_head(struct chain *c, const struct event *e)
{
	char system[sizeof(c->system_identifier)], start[ACK_TOKEN_SIZE], from[ACK_TOKEN_SIZE];

	if (e->format.len != 1 || *e->format.p != '1')
		return FAIL(c, "the stream has format %.*s, and this program knows format 1",
		    e->format.p != NULL ? (int)e->format.len : 7,
		    e->format.p != NULL ? e->format.p : "unknown");
	if (copy(c, system, sizeof(system), e->system_identifier, "system_identifier") != 0 ||
	    copy(c, start, sizeof(start), e->start, "start") != 0 ||
	    copy(c, from, sizeof(from), e->prev.p != NULL ? e->prev : e->start, "prev") != 0)
		return -1;
	if (c->begun && strcmp(system, c->system_identifier) != 0)
		return FAIL(c, "the stream goes on with another cluster, %s after %s", system,
		    c->system_identifier);
	if (c->begun && !not_above(from, c->last))
		return FAIL(c,
		    "the stream goes on at %s, but the last token was %s: what is between "
		    "is missing",
		    from, c->last);
	c->begun = 1;
	c->in_transaction = c->brackets = 0;
	strcpy(c->system_identifier, system);
	strcpy(c->last, start);
	return 0;
}

static int
take_token(struct chain *c, const struct event *e)
{
	char prev[ACK_TOKEN_SIZE];

	if (copy(c, prev, sizeof(prev), e->prev, "prev") != 0)
		return -1;
	if (strcmp(prev, c->last) != 0)
		return FAIL(c,
		    "the line follows token %s, but the last one was %s: what is between "
		    "is missing",
		    prev, c->last);
	return copy(c, c->last, sizeof(c->last), e->ack, "ack");
}

/* What is told of the schema log stands in front of R, too, outside of a transaction. */
static int
is_change(const struct event *e)
{
	switch (e->code) {
	case 'I':
		return e->baseline.p == NULL || *e->baseline.p == 'f';
	case 'U':
	case 'D':
	case 'T':
		return 1;
	default:
		return 0;
	}
}

int
chain_take(struct chain *c, const struct event *e)
{
	if (e->code == 'H')
		return take_head(c, e);
	if (!c->begun)
		return FAIL(c, "the stream does not begin with a line of action \"H\"");
	if (e->code == 'B') {
		if (c->in_transaction)
			return FAIL(c, "a transaction begins inside another: a commit is missing");
		c->in_transaction = c->brackets = 1;
	}
	if (e->code == 'C') {
		if (c->brackets && !c->in_transaction)
			return FAIL(c, "a transaction ends that has not begun: a line is missing");
		c->in_transaction = 0;
	}
	if (is_change(e) && !c->in_transaction) {
		if (c->brackets)
			return FAIL(c, "a change is in no transaction: a line is missing");
		c->in_transaction = 1;
	}
	return e->ack.p != NULL ? take_token(c, e) : 0;
}
