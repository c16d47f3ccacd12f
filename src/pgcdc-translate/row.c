#include <string.h>

#include "row.h"

/* Room for a version and what is around it: 20 digits, "}}" and a line feed. */
#define TAIL_SIZE 32

/* What is at from comes next, and goes to to. */
struct splice {
	const struct definition *d;
	struct event_span *unknown;
	const char *from;
	char *to;
};

static inline void
put(struct splice *s, const char *p, size_t len)
{
	memcpy(s->to, p, len);
	s->to += len;
}

static inline void
copy_up_to(struct splice *s, const char *p)
{
	put(s, s->from, (size_t)(p - s->from));
	s->from = p;
}

/* *c is the column of an entry, NULL where that cannot be known. */
static inline int
find(struct splice *s, const struct event_entry *entry, size_t *hint, const struct column **c)
{
	*c = NULL;
	if (entry->name.p != NULL)
		*c = definition_column(s->d, entry->name.p, entry->name.len, hint);
	if (*c != NULL || s->d->is_partial)
		return 0;
	*s->unknown = entry->name;
	return -1;
}

/* An entry up to its closing brace, and the id before that. */
static inline void
put_entry(struct splice *s, const struct event_entry *entry, const struct column *c)
{
	copy_up_to(s, entry->whole.p + entry->whole.len - 1);
	if (c != NULL && entry->id.p == NULL)
		put(s, c->suffix, c->suffix_len);
}

static int
put_all(struct splice *s, const struct event_array *array)
{
	const struct column *c;
	size_t hint = 0;

	for (size_t i = 0; i < array->n; i++) {
		if (find(s, &array->entry[i], &hint, &c) != 0)
			return -1;
		put_entry(s, &array->entry[i], c);
	}
	return 0;
}

/* The same without the columns that are not kept. */
static int
put_kept(struct splice *s, const struct event_array *array)
{
	const struct column *c;
	size_t hint = 0, kept = 0;

	copy_up_to(s, array->whole.p + 1);
	for (size_t i = 0; i < array->n; i++) {
		const struct event_entry *entry = &array->entry[i];

		if (find(s, entry, &hint, &c) != 0)
			return -1;
		if (c != NULL && !c->is_kept)
			continue;
		if (kept++ > 0)
			put(s, ",", 1);
		s->from = entry->whole.p;
		put_entry(s, entry, c);
		copy_up_to(s, entry->whole.p + entry->whole.len);
	}
	s->from = array->whole.p + array->whole.len - 1;
	return 0;
}

/* Behind the string that begins at p, which was checked. */
static const char *
behind_string(const char *p)
{
	for (p++; *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p + 1;
}

/* "unchanged", names only; one that is no column stays.  The key goes with the last of them. */
static void
put_kept_names(struct splice *s, struct event_span array)
{
	const char *end = array.p + array.len - 1, *p = array.p + 1;
	size_t hint = 0, kept = 0;

	copy_up_to(s, array.p);
	put(s, "[", 1);
	while ((p = memchr(p, '"', (size_t)(end - p))) != NULL) {
		const char *behind = behind_string(p);
		const struct column *c = definition_column(s->d, p, (size_t)(behind - p), &hint);

		if (c == NULL || c->is_kept) {
			if (kept++ > 0)
				put(s, ",", 1);
			put(s, p, (size_t)(behind - p));
		}
		p = behind;
	}
	s->from = end;
	if (kept == 0) {
		struct event_span member = event_member(array);

		s->to -= array.p + 1 - member.p;
		s->from = member.p + member.len;
	}
}

/* The parts that change, in the order in which they stand on the line. */
static int
put_parts(struct splice *s, const struct event *e)
{
	struct event_span part[] = { e->columns.whole, e->unchanged, e->identity.whole };
	const size_t n = sizeof(part) / sizeof(part[0]);

	for (;;) {
		struct event_span *next = NULL;

		for (size_t i = 0; i < n; i++)
			if (part[i].p != NULL && part[i].p >= s->from &&
			    (next == NULL || part[i].p < next->p))
				next = &part[i];
		if (next == NULL)
			return 0;
		if (next == &part[1]) {
			if (s->d->is_selective)
				put_kept_names(s, *next);
		} else {
			const struct event_array *array = next == &part[0] ? &e->columns
			                                                   : &e->identity;

			/* Under REPLICA IDENTITY FULL "identity" is the whole old row. */
			if ((s->d->is_selective ? put_kept(s, array) : put_all(s, array)) != 0)
				return -1;
		}
		next->p = NULL;
	}
}

static void
put_number(struct splice *s, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	put(s, digits + at, sizeof(digits) - at);
}

int
row_write(struct buf *out, const char *line, size_t len, const struct event *e,
    const struct definition *d, uint64_t lsn, struct event_span *unknown)
{
	size_t entries = e->columns.n + e->identity.n;
	struct splice s = { .d = d, .unknown = unknown, .from = line };
	const char *end = line + len;

	s.to = buf_reserve(out, len + entries * d->longest_suffix + d->metadata_len + TAIL_SIZE);
	if (s.to == NULL)
		return 0;
	if (put_parts(&s, e) != 0)
		return -1;
	while (*--end != '}')
		; /* JSON whitespace may stand behind the object */
	copy_up_to(&s, end);
	put(&s, d->metadata, d->metadata_len);
	put_number(&s, lsn);
	put(&s, "}}\n", 3);
	buf_advance(out, (size_t)(s.to - (out->data + out->len)));
	return 0;
}
