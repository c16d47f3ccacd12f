#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "document.h"
#include "tables.h"

static uint64_t
hash(const char *p, size_t len, uint64_t h)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	return h;
}

static int
is_table(const struct table *t, struct event_span schema, struct event_span name)
{
	return t->schema_len == schema.len && t->key_len == schema.len + name.len &&
	       memcmp(t->key, schema.p, schema.len) == 0 &&
	       memcmp(t->key + schema.len, name.p, name.len) == 0;
}

/* Where the table is, or would be. */
static struct table **
place(const struct tables *ts, struct event_span schema, struct event_span name)
{
	uint64_t h = hash(
	    name.p, name.len, hash(schema.p, schema.len, UINT64_C(0xcbf29ce484222325)));

	for (size_t i = h & (ts->cap - 1);; i = (i + 1) & (ts->cap - 1))
		if (ts->slot[i] == NULL || is_table(ts->slot[i], schema, name))
			return &ts->slot[i];
}

static int
grow(struct tables *ts)
{
	struct tables larger = { .cap = ts->cap == 0 ? 64 : 2 * ts->cap };

	if ((larger.slot = calloc(larger.cap, sizeof(struct table *))) == NULL)
		return -1;
	for (size_t i = 0; i < ts->cap; i++) {
		struct table *t = ts->slot[i];

		if (t != NULL)
			*place(&larger, (struct event_span){ t->key, t->schema_len },
			    (struct event_span){
				t->key + t->schema_len, t->key_len - t->schema_len }) = t;
	}
	free(ts->slot);
	ts->slot = larger.slot;
	ts->cap = larger.cap;
	return 0;
}

static void
free_table(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->definition[i]);
	free(t->definition);
	free(t->schema);
	free(t->name);
	free(t->key);
	free(t);
}

static char *
plain(struct event_span string)
{
	json_error_t why;
	json_t *json = document_load(string.p, string.len, &why);
	char *s = json != NULL ? strdup(json_string_value(json)) : NULL;

	json_decref(json);
	return s;
}

static struct table *
new_table(const struct tables *ts, struct event_span schema, struct event_span name)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->schema_len = schema.len;
	t->key_len = schema.len + name.len;
	if ((t->key = malloc(t->key_len)) == NULL || (t->schema = plain(schema)) == NULL ||
	    (t->name = plain(name)) == NULL) {
		free_table(t);
		return NULL;
	}
	memcpy(t->key, schema.p, schema.len);
	memcpy(t->key + schema.len, name.p, name.len);
	t->passes = filter_passes(
	    ts->filter, t->schema, strlen(t->schema), t->name, strlen(t->name));
	return t;
}

struct table *
tables_get_plain(struct tables *ts, const char *schema, const char *name)
{
	struct buf text = BUF_INIT;
	struct table *t = NULL;
	size_t schema_len;

	if (buf_json(&text, schema, strlen(schema)) == 0) {
		schema_len = text.len;
		if (buf_json(&text, name, strlen(name)) == 0 && !text.failed)
			t = tables_get(ts, (struct event_span){ text.data, schema_len },
			    (struct event_span){ text.data + schema_len, text.len - schema_len });
	}
	buf_free(&text);
	return t;
}

/* Is this how pgcdc-read writes the table's names?  Others may escape more. */
static int
is_canonical(const struct table *t)
{
	struct buf text = BUF_INIT;
	int same;

	if (memchr(t->key, '\\', t->key_len) == NULL)
		return 1;
	same = buf_json(&text, t->schema, strlen(t->schema)) == 0 &&
	       buf_json(&text, t->name, strlen(t->name)) == 0 && text.len == t->key_len &&
	       memcmp(text.data, t->key, text.len) == 0;
	buf_free(&text);
	return same;
}

struct table *
tables_get(struct tables *ts, struct event_span schema, struct event_span name)
{
	struct table **where, *t;

	if (ts->last != NULL && is_table(ts->last, schema, name))
		return ts->last;
	if (2 * (ts->n + 1) > ts->cap && grow(ts) != 0)
		return NULL;
	where = place(ts, schema, name);
	if (*where != NULL)
		return ts->last = *where;
	if ((t = new_table(ts, schema, name)) == NULL)
		return NULL;
	if (!is_canonical(t)) {
		struct table *same = tables_get_plain(ts, t->schema, t->name);

		free_table(t);
		return same;
	}
	ts->n++;
	return ts->last = *where = t;
}

struct definition *
table_at(const struct table *t, uint64_t lsn)
{
	/* Mostly the newest. */
	for (size_t i = t->n; i-- > 0;)
		if (lsn >= t->definition[i]->from)
			return lsn < t->definition[i]->until ? t->definition[i] : NULL;
	return NULL;
}

struct definition *
table_at_dumped(const struct table *t, uint64_t lsn)
{
	struct definition *d = table_at(t, lsn);

	return d != NULL && (d->until != UINT64_MAX || lsn <= d->known) ? d : NULL;
}

uint64_t
table_unknown(const struct table *t, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < t->n && t->definition[i]->from < to; i++)
		if (t->definition[i]->until > from)
			from = t->definition[i]->until;
	return from < to ? from : to;
}

int
table_knows(const struct table *t, uint64_t schema_id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->definition[i]->schema_id == schema_id)
			return 1;
	return 0;
}

static void
forget(struct table *t, size_t at)
{
	free(t->definition[at]);
	t->n--;
	memmove(t->definition + at, t->definition + at + 1, (t->n - at) * sizeof(*t->definition));
}

int
table_add(struct table *t, struct definition *d, size_t most)
{
	size_t at;

	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 1 : 2 * t->cap;
		struct definition **more = realloc(t->definition, cap * sizeof(*more));

		if (more == NULL) {
			free(d);
			return -1;
		}
		t->definition = more;
		t->cap = cap;
	}
	for (at = t->n; at > 0 && t->definition[at - 1]->from > d->from && !d->is_uncommitted;)
		at--;
	memmove(t->definition + at + 1, t->definition + at, (t->n - at) * sizeof(*t->definition));
	t->definition[at] = d;
	t->n++;
	if (at > 0 && t->definition[at - 1]->until > d->from &&
	    t->definition[at - 1]->is_uncommitted == d->is_uncommitted)
		t->definition[at - 1]->until = d->from;
	if (at + 1 < t->n && d->until > t->definition[at + 1]->from)
		d->until = t->definition[at + 1]->from;
	if (most > 0 && t->n > most)
		forget(t, at == 0 ? 1 : 0);
	return 0;
}

static void
commit(struct table *t, uint64_t lsn)
{
	for (size_t i = 0; i < t->n; i++) {
		struct definition *d = t->definition[i];

		if (!d->is_uncommitted)
			continue;
		if (i > 0 && t->definition[i - 1]->until > lsn)
			t->definition[i - 1]->until = lsn;
		d->from = lsn;
		d->is_uncommitted = 0;
	}
}

void
tables_commit(struct tables *ts, uint64_t lsn)
{
	for (size_t i = 0; i < ts->cap; i++)
		if (ts->slot[i] != NULL)
			commit(ts->slot[i], lsn);
}

void
table_end(struct table *t, uint64_t lsn)
{
	struct definition *d = table_at(t, lsn);

	/* One that begins here came with what ended the name, or later: the stream is read again. */
	if (d != NULL && d->from < lsn)
		d->until = lsn;
}

void
table_forget_row(struct table *t, uint64_t schema_id)
{
	for (size_t i = t->n; i-- > 0;)
		if (t->definition[i]->schema_id == schema_id)
			forget(t, i);
}

void
table_forget(struct table *t)
{
	while (t->n > 0)
		forget(t, t->n - 1);
}

void
tables_forget(struct tables *ts)
{
	for (size_t i = 0; i < ts->cap; i++)
		if (ts->slot[i] != NULL)
			table_forget(ts->slot[i]);
}

void
tables_free(struct tables *ts)
{
	for (size_t i = 0; i < ts->cap; i++)
		free_table(ts->slot[i]);
	free(ts->slot);
	*ts = (struct tables){ .n = 0 };
}
