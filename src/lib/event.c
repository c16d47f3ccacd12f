#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "scan.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define COLD __attribute__((cold, noinline))

/* What a known key holds. */
enum type { ANY, STRING, NUMBER, BOOLEAN, ARRAY, OBJECT, ENTRIES };

static const char *const types[] = {
	[STRING] = "is not a string",
	[NUMBER] = "is not a number",
	[BOOLEAN] = "is not true or false",
	[ARRAY] = "is not an array",
	[OBJECT] = "is not an object",
	[ENTRIES] = "is not an array of objects",
};

struct key {
	char text[24];     /* as it stands in a line, with quotes and colon */
	unsigned char len; /* of text */
	unsigned char type;
	unsigned short offset; /* of its span in struct event or event_entry */
};

#define KEY(owner, name, member, type)                                                             \
	{                                                                                          \
		"\"" name "\":", sizeof("\"" name "\":") - 1, type, offsetof(struct owner, member) \
	}
#define EVENT(name, type) KEY(event, #name, name, type)
#define ENTRY(name, type) KEY(event_entry, #name, name, type)

/* The key between its quotes, for "%.*s". */
#define NAME(key) (int)(key)->len - 3, (key)->text + 1

/* In the order in which they are written: a key is looked for behind the one before. */
static const struct key event_keys[] = {
	EVENT(action, STRING),
	EVENT(lsn, STRING),
	EVENT(seq, NUMBER),
	EVENT(xid, NUMBER),
	EVENT(timestamp, STRING),
	EVENT(origin, STRING),
	EVENT(schema, STRING),
	EVENT(table, STRING),
	KEY(event, "columns", columns.whole, ENTRIES),
	EVENT(unchanged, ARRAY),
	KEY(event, "identity", identity.whole, ENTRIES),
	EVENT(metadata, OBJECT),
	EVENT(baseline, BOOLEAN),
	EVENT(transactional, BOOLEAN),
	EVENT(prefix, STRING),
	EVENT(content, STRING),
	EVENT(content_hex, STRING),
	EVENT(format, NUMBER),
	EVENT(system_identifier, STRING),
	EVENT(timeline, NUMBER),
	EVENT(slot, STRING),
	EVENT(start, STRING),
	EVENT(prev, STRING),
	EVENT(ack, STRING),
};

static const struct key entry_keys[] = {
	ENTRY(name, STRING),
	ENTRY(type, STRING),
	ENTRY(value, ANY),
	ENTRY(id, STRING),
};

/* The known keys of one kind of object. */
struct keys {
	const struct key *key;
	size_t n;
};

static const struct keys of_event = { event_keys, sizeof(event_keys) / sizeof(event_keys[0]) };
static const struct keys of_entry = { entry_keys, sizeof(entry_keys) / sizeof(entry_keys[0]) };

/* A line in the course of being indexed.  The functions follow the rules of scan.h. */
struct index {
	struct scan s;
	struct event *e;
	const struct key *array; /* the array in whose entry we are, or NULL */
	int reason;              /* errno of a failure */
};

static const char *entries(struct index *x, const char *p, int depth, const struct key *k);

COLD static const char *
fail_key(struct index *x, const char *p, const struct key *k, const char *what)
{
	if (x->array == NULL)
		return scan_fail(&x->s, p, "key \"%.*s\" %s", NAME(k), what);
	return scan_fail(&x->s, p, "key \"%.*s\" in \"%.*s\" %s", NAME(k), NAME(x->array), what);
}

/* Which of the keys the string at p is, escaped or not; keys.n if none. */
COLD static size_t
find_key(struct keys keys, const char *p, size_t len)
{
	char plain[sizeof(keys.key->text)];
	size_t i;

	p++;
	len -= 2;
	if (memchr(p, '\\', len) != NULL) {
		len = scan_unescape(plain, sizeof(plain), p, len);
		p = plain;
	}
	for (i = 0; i < keys.n; i++)
		if (keys.key[i].len - 3u == len && memcmp(keys.key[i].text + 1, p, len) == 0)
			break;
	return i;
}

/* Do the 16 bytes at p begin with a key whose text is no longer than that? */
static ALWAYS_INLINE int
begins_with(const char *p, const struct key *k)
{
	static const char
	    ones[32] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	uint64_t have[2], want[2], care[2];

	memcpy(have, p, 16);
	memcpy(want, k->text, 16);
	memcpy(care, ones + 16 - k->len, 16);
	return (((have[0] ^ want[0]) & care[0]) | ((have[1] ^ want[1]) & care[1])) == 0;
}

/*
 * A key and its colon.  *which says where in keys to look first, as most lines
 * are written in that order; it becomes which of them this is, keys.n if none.
 */
static ALWAYS_INLINE const char *
key(struct scan *s, const char *p, struct keys keys, size_t *which)
{
	const char *from = p;

	if (s->end - p >= 16)
		for (size_t i = *which; i < keys.n; i++)
			if (keys.key[i].len <= 16 && begins_with(p, &keys.key[i])) {
				*which = i;
				return scan_space(s, p + keys.key[i].len);
			}
	if (!scan_at(s, p, '"'))
		return scan_unexpected(s, p);
	if ((p = scan_string(s, p)) == NULL)
		return NULL;
	*which = find_key(keys, from, (size_t)(p - from));
	return scan_colon(s, p);
}

static ALWAYS_INLINE int
may_begin(enum type type, char c)
{
	switch (type) {
	case STRING:
		return c == '"';
	case NUMBER:
		return c == '-' || (c >= '0' && c <= '9');
	case BOOLEAN:
		return c == 't' || c == 'f';
	case ARRAY:
	case ENTRIES:
		return c == '[';
	case OBJECT:
		return c == '{';
	case ANY:
		break;
	}
	return 1;
}

/* The value of key k, into span. */
static ALWAYS_INLINE const char *
known_value(struct index *x, const char *p, int depth, const struct key *k, struct event_span *span)
{
	const char *from = p;

	if (p == x->s.end)
		return scan_unexpected(&x->s, p);
	if (!may_begin(k->type, *p))
		return fail_key(x, p, k, types[k->type]);
	if (*p == '"')
		p = scan_string(&x->s, p);
	else if (k->type == ENTRIES)
		p = entries(x, p, depth, k);
	else
		p = scan_value(&x->s, p, depth);
	if (p != NULL)
		*span = (struct event_span){ from, (size_t)(p - from) };
	return p;
}

/* An object with known keys, the spans of which are in the struct at base. */
static ALWAYS_INLINE const char *
object(struct index *x, const char *p, int depth, struct keys keys, void *base)
{
	struct scan *s = &x->s;
	size_t next = 0;
	int last;

	p = scan_space(s, p + 1);
	if (scan_at(s, p, '}'))
		return p + 1;
	do {
		const char *from = p;
		size_t which = next;

		if ((p = key(s, p, keys, &which)) == NULL)
			return NULL;
		if (which < keys.n) {
			const struct key *k = &keys.key[which];
			struct event_span *span = (void *)((char *)base + k->offset);

			if (span->p != NULL)
				return fail_key(x, from, k, "appears twice");
			p = known_value(x, p, depth + 1, k, span);
			next = which + 1;
		} else {
			p = scan_value(s, p, depth + 1);
		}
		if (p == NULL || (p = scan_next(s, p, '}', &last)) == NULL)
			return NULL;
	} while (!last);
	return p;
}

/* A new entry at the end of the array of key k, or NULL after scan_fail(). */
static ALWAYS_INLINE struct event_entry *
new_entry(struct index *x, const char *p, struct event_array *array, const struct key *k)
{
	size_t cap;
	struct event_entry *entry;

	if (array->n < array->cap)
		return &array->entry[array->n++];
	if (array->n == EVENT_ENTRIES) {
		scan_fail(&x->s, p, "more than %d entries in \"%.*s\"", EVENT_ENTRIES, NAME(k));
		return NULL;
	}
	cap = array->cap < 16 ? 16 : 2 * array->cap;
	if (cap > EVENT_ENTRIES)
		cap = EVENT_ENTRIES;
	if ((entry = realloc(array->entry, cap * sizeof(*entry))) == NULL) {
		scan_fail(&x->s, p, "out of memory");
		x->reason = ENOMEM;
		return NULL;
	}
	array->entry = entry;
	array->cap = cap;
	return &array->entry[array->n++];
}

/* The array of key k. */
static __attribute__((noinline)) const char *
entries(struct index *x, const char *p, int depth, const struct key *k)
{
	struct event_array *array = (void *)((char *)x->e + k->offset);
	int last;

	p = scan_space(&x->s, p + 1);
	if (scan_at(&x->s, p, ']'))
		return p + 1;
	x->array = k;
	do {
		const char *from = p;
		struct event_entry *entry;

		if (p == x->s.end)
			return scan_unexpected(&x->s, p);
		if (*p != '{')
			return scan_fail(&x->s, p, "key \"%.*s\" %s", NAME(k), types[ENTRIES]);
		if ((entry = new_entry(x, p, array, k)) == NULL)
			return NULL;
		*entry = (struct event_entry){ .whole.p = from };
		if ((p = object(x, p, depth + 1, of_entry, entry)) == NULL)
			return NULL;
		entry->whole.len = (size_t)(p - from);
		if ((p = scan_next(&x->s, p, ']', &last)) == NULL)
			return NULL;
	} while (!last);
	x->array = NULL;
	return p;
}

static const char *
whole_line(struct index *x)
{
	struct scan *s = &x->s;
	const char *p = scan_space(s, s->start);

	if (!scan_at(s, p, '{'))
		return scan_fail(s, p, "not a JSON object");
	if ((p = object(x, p, 0, of_event, x->e)) == NULL)
		return NULL;
	if ((p = scan_space(s, p)) != s->end)
		return scan_fail(s, p, "more than one JSON value");
	if (x->e->action.p == NULL)
		return scan_fail(s, s->start, "not an event line: no key \"action\"");
	return p;
}

static char
action_code(struct event_span action)
{
	char c;

	if (scan_unescape(&c, 1, action.p + 1, action.len - 2) != 1)
		return 0;
	return memchr("HBCIUDTMR", c, 9) != NULL ? c : 0;
}

int
event_scan(struct event *e, const char *line, size_t len)
{
	struct index x = {
		.s.start = line,
		.s.end = line + len,
		.s.depth = EVENT_DEPTH,
		.s.error = e->error,
		.s.error_size = sizeof(e->error),
		.e = e,
		.reason = EBADMSG,
	};

	*e = (struct event){
		.columns = { .entry = e->columns.entry, .cap = e->columns.cap },
		.identity = { .entry = e->identity.entry, .cap = e->identity.cap },
	};
	if (whole_line(&x) == NULL) {
		e->error_at = x.s.error_at;
		errno = x.reason;
		return -1;
	}
	e->code = action_code(e->action);
	return 0;
}

void
event_free(struct event *e)
{
	free(e->columns.entry);
	free(e->identity.entry);
	*e = (struct event){ .code = 0 };
}

static int
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct event_span
event_member(struct event_span value)
{
	const char *begin = value.p, *end = value.p + value.len, *before;

	/* The key's quotation marks: inside of it none stands, as it was compared. */
	while (*--begin != '"')
		;
	while (*--begin != '"')
		;
	for (before = begin - 1; is_blank(*before);)
		before--;
	if (*before == ',') {
		begin = before;
	} else {
		while (is_blank(*end))
			end++;
		if (*end == ',')
			end++;
	}
	return (struct event_span){ begin, (size_t)(end - begin) };
}

int
event_text(struct event_span *text, struct event_span string)
{
	if (string.p == NULL || string.p[0] != '"' || memchr(string.p, '\\', string.len) != NULL)
		return -1;
	*text = (struct event_span){ string.p + 1, string.len - 2 };
	return 0;
}

int
event_is_text(struct event_span span, const char *text)
{
	size_t len = strlen(text);

	return span.len == len + 2 && *span.p == '"' && memcmp(span.p + 1, text, len) == 0;
}

int
event_is_schema_row(const struct event *e)
{
	return e->code == 'I' && event_is_text(e->schema, "pgcdc") &&
	       event_is_text(e->table, "schema_log");
}
