/*
 * A second opinion on event lines, the plain way: is the line an event line,
 * and are these the spans that event_scan() should have found?
 */
#ifndef EVENT_ORACLE_H
#define EVENT_ORACLE_H

#include "event.h"
#include "rfc8259.h"

struct oracle_key {
	const char *name;
	const char *first; /* the bytes that its value may begin with; NULL: any */
	size_t offset;     /* of its span */
};

#define ORACLE_STRING "\""
#define ORACLE_NUMBER "-0123456789"
#define ORACLE_BOOLEAN "tf"

static const struct oracle_key oracle_keys[] = {
	{ "ack", ORACLE_STRING, offsetof(struct event, ack) },
	{ "action", ORACLE_STRING, offsetof(struct event, action) },
	{ "baseline", ORACLE_BOOLEAN, offsetof(struct event, baseline) },
	{ "columns", "[", offsetof(struct event, columns.whole) },
	{ "content", ORACLE_STRING, offsetof(struct event, content) },
	{ "content_hex", ORACLE_STRING, offsetof(struct event, content_hex) },
	{ "format", ORACLE_NUMBER, offsetof(struct event, format) },
	{ "identity", "[", offsetof(struct event, identity.whole) },
	{ "lsn", ORACLE_STRING, offsetof(struct event, lsn) },
	{ "metadata", "{", offsetof(struct event, metadata) },
	{ "origin", ORACLE_STRING, offsetof(struct event, origin) },
	{ "prefix", ORACLE_STRING, offsetof(struct event, prefix) },
	{ "prev", ORACLE_STRING, offsetof(struct event, prev) },
	{ "schema", ORACLE_STRING, offsetof(struct event, schema) },
	{ "seq", ORACLE_NUMBER, offsetof(struct event, seq) },
	{ "slot", ORACLE_STRING, offsetof(struct event, slot) },
	{ "start", ORACLE_STRING, offsetof(struct event, start) },
	{ "system_identifier", ORACLE_STRING, offsetof(struct event, system_identifier) },
	{ "table", ORACLE_STRING, offsetof(struct event, table) },
	{ "timeline", ORACLE_NUMBER, offsetof(struct event, timeline) },
	{ "timestamp", ORACLE_STRING, offsetof(struct event, timestamp) },
	{ "transactional", ORACLE_BOOLEAN, offsetof(struct event, transactional) },
	{ "unchanged", "[", offsetof(struct event, unchanged) },
	{ "xid", ORACLE_NUMBER, offsetof(struct event, xid) },
	{ NULL, NULL, 0 },
};

static const struct oracle_key oracle_entry_keys[] = {
	{ "id", ORACLE_STRING, offsetof(struct event_entry, id) },
	{ "name", ORACLE_STRING, offsetof(struct event_entry, name) },
	{ "type", ORACLE_STRING, offsetof(struct event_entry, type) },
	{ "value", NULL, offsetof(struct event_entry, value) },
	{ NULL, NULL, 0 },
};

/* Is the checked string from p this name, when it is unescaped? */
static int
oracle_is(const unsigned char *p, const unsigned char *end, const char *name)
{
	for (p++; p < end - 1; name++) {
		unsigned code = *p++;

		if (code == '\\') {
			switch (code = *p++) {
			case 'b':
				code = '\b';
				break;
			case 'f':
				code = '\f';
				break;
			case 'n':
				code = '\n';
				break;
			case 'r':
				code = '\r';
				break;
			case 't':
				code = '\t';
				break;
			case 'u':
				code = 0;
				for (const unsigned char *last = p + 4; p < last; p++)
					code = code << 4 | ((*p & 15) + (*p > '9' ? 9 : 0));
				break;
			}
		}
		if (*name == '\0' || code != (unsigned char)*name)
			return 0;
	}
	return *name == '\0';
}

/*
 * Follow the rules for known keys in a checked object, with its spans in out, the
 * struct of the keys.  The first violation, or NULL.
 */
static const char *
oracle_object(struct rfc8259 *t, const struct oracle_key *keys, void *out)
{
	rfc8259_take(t, '{');
	rfc8259_ws(t);
	if (rfc8259_take(t, '}'))
		return NULL;
	do {
		struct rfc8259 name, value;
		const struct oracle_key *k;
		struct event_span *span;

		rfc8259_ws(t);
		name.p = t->p;
		rfc8259_string(t);
		name.end = t->p;
		rfc8259_ws(t);
		rfc8259_take(t, ':');
		rfc8259_ws(t);
		value.p = t->p;
		rfc8259_value(t, EVENT_DEPTH);
		value.end = t->p;
		rfc8259_ws(t);
		for (k = keys; k->name != NULL && !oracle_is(name.p, name.end, k->name); k++)
			;
		if (k->name == NULL)
			continue;
		span = (void *)((char *)out + k->offset);
		if (span->p != NULL)
			return "twice";
		if (k->first != NULL && strchr(k->first, *value.p) == NULL)
			return "type";
		span->p = (const char *)value.p;
		span->len = (size_t)(value.end - value.p);
	} while (rfc8259_take(t, ','));
	rfc8259_take(t, '}');
	return NULL;
}

static int
oracle_same(const void *a, const void *b, const struct oracle_key *keys)
{
	for (const struct oracle_key *k = keys; k->name != NULL; k++) {
		const struct event_span *x = (const void *)((const char *)a + k->offset);
		const struct event_span *y = (const void *)((const char *)b + k->offset);

		if (x->p != y->p || x->len != y->len)
			return 0;
	}
	return 1;
}

/*
 * The same for the entries of "columns" or "identity".  Without found this is about
 * the rules alone, else found must be the same.
 */
static const char *
oracle_entries(struct event_span whole, const struct event_array *found)
{
	struct rfc8259 t;
	size_t n = 0;

	if (whole.p == NULL)
		return found == NULL || found->n == 0 ? NULL : "entries of nothing";
	t.p = (const unsigned char *)whole.p;
	t.end = t.p + whole.len;
	rfc8259_take(&t, '[');
	rfc8259_ws(&t);
	if (!rfc8259_take(&t, ']'))
		do {
			struct event_entry want = { .name.p = NULL };
			const char *wrong;

			rfc8259_ws(&t);
			want.whole.p = (const char *)t.p;
			if (rfc8259_peek(&t) != '{')
				return "not an object";
			if (n++ == EVENT_ENTRIES)
				return "too many";
			if ((wrong = oracle_object(&t, oracle_entry_keys, &want)) != NULL)
				return wrong;
			want.whole.len = (size_t)((const char *)t.p - want.whole.p);
			if (found != NULL &&
			    (n > found->n || found->entry[n - 1].whole.p != want.whole.p ||
				found->entry[n - 1].whole.len != want.whole.len ||
				!oracle_same(&found->entry[n - 1], &want, oracle_entry_keys)))
				return "another entry";
			rfc8259_ws(&t);
		} while (rfc8259_take(&t, ','));
	return found == NULL || found->n == n ? NULL : "more entries";
}

static char
oracle_code(struct event_span action)
{
	const unsigned char *p = (const unsigned char *)action.p;

	for (const char *known = "H\0B\0C\0I\0U\0D\0T\0M\0R\0"; *known != '\0'; known += 2)
		if (oracle_is(p, p + action.len, known))
			return *known;
	return '\0';
}

/* What is wrong with this outcome of event_scan() on the line; NULL if nothing is. */
static const char *
oracle_judge(const struct event *e, int outcome, const char *line, size_t len)
{
	struct rfc8259 t = { (const unsigned char *)line, (const unsigned char *)line + len };
	struct event want = { .code = '\0' };
	const char *refused = "invalid";

	if (rfc8259_valid(line, len, EVENT_DEPTH)) {
		rfc8259_ws(&t);
		refused = rfc8259_peek(&t) != '{' ? "no object" : NULL;
		if (refused == NULL)
			refused = oracle_object(&t, oracle_keys, &want);
		if (refused == NULL)
			refused = oracle_entries(want.columns.whole, NULL);
		if (refused == NULL)
			refused = oracle_entries(want.identity.whole, NULL);
		if (refused == NULL && want.action.p == NULL)
			refused = "no action";
	}
	if (outcome != 0)
		return refused == NULL       ? "a good line was refused"
		       : e->error[0] == '\0' ? "no reason is given"
		       : e->error_at > len   ? "the error is not in the line"
		                             : NULL;
	if (refused != NULL)
		return "a bad line was accepted";
	if (e->code != oracle_code(want.action))
		return "wrong code";
	if (!oracle_same(e, &want, oracle_keys))
		return "wrong spans";
	if (oracle_entries(want.columns.whole, &e->columns) != NULL)
		return "wrong columns";
	if (oracle_entries(want.identity.whole, &e->identity) != NULL)
		return "wrong identity";
	return NULL;
}

#endif
