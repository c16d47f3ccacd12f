/*
 * Rows with ids and metadata: whatever the line and the definition, what comes out is an event
 * line again, and the line that came in when ids and metadata are taken away.  The first
 * byte chooses which columns the definition has and keeps.  The rest is tried as a line, and as
 * what stands in places of one; it lies in a block of its own size, so that ASan sees
 * a read beyond it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "row.h"

static const char *const around[][2] = {
	{ "", "" },
	{ "{\"action\":\"I\",\"columns\":[", "]}" },
	{ "{\"action\":\"D\",\"identity\":[", "],\"lsn\":\"0/1\"}" },
	{ "{\"action\":\"U\",", "}" },
	{ "{\"unchanged\":[\"a\"],\"identity\":[{\"name\":\"a\"}],", ",\"action\":\"U\"}" },
	{ "{\"action\":\"U\",\"columns\":[{\"name\":\"a\",\"value\":", "},{\"name\":\"b\"}]}" },
	{ "{\"action\":\"U\",\"columns\":[{\"name\":\"", "\"},{\"name\":\"b\"}],\"identity\":[]}" },
	{ "{\"action\":\"U\",\"unchanged\":[\"", "\"]}" },
};

#define METADATA ",\"metadata\":"
#define ID ",\"id\":"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fail(const char *why, const char *line, size_t len, const struct buf *out)
{
	fprintf(
	    stderr, "%s\nin:  %.*s\nout: %.*s\n", why, (int)len, line, (int)out->len, out->data);
	abort();
}

/* Add the columns of the array to the definition's, each name once; some are left out. */
static void
add_columns(json_t *columns, json_t *seen, const struct event_array *array, unsigned choice)
{
	for (size_t i = 0; i < array->n; i++) {
		struct event_span name = array->entry[i].name;
		json_t *text = name.p != NULL ? json_loadb(name.p, name.len, JSON_DECODE_ANY, NULL)
		                              : NULL;
		size_t n = json_array_size(columns);

		if (text != NULL && json_object_get(seen, json_string_value(text)) == NULL &&
		    (choice & 0x80 || n != (choice & 7))) {
			json_object_set_new(seen, json_string_value(text), json_true());
			json_array_append_new(
			    columns, json_pack("{s:o,s:O}", "id", json_sprintf("7-%zu", n + 1),
					 "name", text));
		}
		json_decref(text);
	}
}

static struct definition *
definition_for(const struct event *e, unsigned choice)
{
	json_t *columns = json_array(), *seen = json_object(), *table;
	struct definition *d;
	char why[64];

	add_columns(columns, seen, &e->columns, choice);
	add_columns(columns, seen, &e->identity, choice);
	table = json_pack("{s:s,s:s,s:s,s:[s],s:O}", "id", "7", "schema", "s", "name", "t",
	    "identity", "7-1", "columns", columns);
	d = definition_make(table, &(struct definition){ .schema_id = choice },
	    &(struct definition_choice){ .columns.n = 0 }, why, sizeof(why));
	if (d == NULL)
		abort();
	d->is_partial = (choice & 0x80) != 0;
	for (size_t i = 1; choice & 0x40 && i < d->n; i++)
		if ((choice + i) % 3 == 0) {
			d->column[i].is_kept = 0;
			d->is_selective = 1;
		}
	json_decref(table);
	json_decref(columns);
	json_decref(seen);
	return d;
}

/* Take the bytes from p to end out of the text, which ends at *all. */
static void
take_out(char *p, const char *end, char **all)
{
	memmove(p, end, (size_t)(*all - end));
	*all -= end - p;
}

/* Take away each id that the entry before did not have, from the last one to the first. */
static void
take_out_ids(const struct event_array *before, const struct event_array *after, char **all)
{
	for (size_t i = after->n; i-- > 0;) {
		struct event_span id = after->entry[i].id;

		if (id.p != NULL && before->entry[i].id.p == NULL)
			take_out((char *)(uintptr_t)id.p - strlen(ID), id.p + id.len, all);
	}
}

/* Of all columns: byte for byte what came in. */
static void
judge_all(const struct event *e, const char *line, size_t len, const struct buf *out)
{
	static struct event after;
	char *copy = malloc(out->len), *all = copy + out->len - 1;
	int columns_first;

	if (copy == NULL)
		abort();
	memcpy(copy, out->data, out->len);
	if (*all != '\n' || event_scan(&after, copy, out->len - 1) != 0) {
		/* A line that has metadata gets it twice: that is for the caller to see. */
		if (e->metadata.p == NULL)
			fail("what comes out is no event line", line, len, out);
		free(copy);
		return;
	}
	if (after.metadata.p == NULL || after.columns.n != e->columns.n ||
	    after.identity.n != e->identity.n)
		fail("something is missing", line, len, out);
	/* From the end to the beginning, so that the other spans stay true. */
	take_out((char *)(uintptr_t)after.metadata.p - strlen(METADATA),
	    after.metadata.p + after.metadata.len, &all);
	columns_first = after.columns.whole.p != NULL &&
	                (after.identity.whole.p == NULL ||
			    after.columns.whole.p < after.identity.whole.p);
	take_out_ids(columns_first ? &e->identity : &e->columns,
	    columns_first ? &after.identity : &after.columns, &all);
	take_out_ids(columns_first ? &e->columns : &e->identity,
	    columns_first ? &after.columns : &after.identity, &all);
	while (len > 0 && line[len - 1] != '}')
		len--;
	if ((size_t)(all - copy) != len || memcmp(copy, line, len) != 0)
		fail("another line comes out", line, len, out);
	free(copy);
}

/* Of some columns: these, in their order, each as it was. */
static void
judge_kept(const struct event_array *before, const struct event_array *after,
    const struct definition *d, const char *line, size_t len, const struct buf *out)
{
	size_t k = 0, hint = 0;

	for (size_t i = 0; i < before->n; i++) {
		const struct event_entry *b = &before->entry[i], *a = &after->entry[k];
		const struct column *c = NULL;

		if (b->name.p != NULL)
			c = definition_column(d, b->name.p, b->name.len, &hint);
		if (c != NULL && !c->is_kept)
			continue;
		if (k++ >= after->n || memcmp(a->whole.p, b->whole.p, b->whole.len - 1) != 0 ||
		    (c != NULL && a->id.p == NULL))
			fail("another entry comes out", line, len, out);
	}
	if (k != after->n)
		fail("an entry is not left out", line, len, out);
}

/* The same of "unchanged", as far as there are names in it. */
static void
judge_names(struct event_span before, struct event_span after, const struct definition *d,
    const char *line, size_t len, const struct buf *out)
{
	json_t *was = before.p != NULL ? json_loadb(before.p, before.len, 0, NULL) : NULL;
	json_t *is = after.p != NULL ? json_loadb(after.p, after.len, 0, NULL) : NULL;
	size_t i = 0, hint = 0;
	int are_names = was != NULL;

	while (are_names && i < json_array_size(was)) {
		const json_t *name = json_array_get(was, i);
		char *text = json_dumps(name, JSON_ENCODE_ANY);
		const struct column *c = definition_column(d, text, strlen(text), &hint);

		are_names = json_is_string(name);
		if (c != NULL && !c->is_kept)
			json_array_remove(was, i);
		else
			i++;
		free(text);
	}
	if (are_names && !json_equal(was, is))
		fail("other names are unchanged", line, len, out);
	json_decref(was);
	json_decref(is);
}

static void
judge_some(const struct event *e, const struct definition *d, const char *line, size_t len,
    const struct buf *out)
{
	static struct event after;

	if (e->metadata.p != NULL)
		return;
	if (event_scan(&after, out->data, out->len - 1) != 0 || after.metadata.p == NULL)
		fail("what comes out is no event line", line, len, out);
	judge_kept(&e->columns, &after.columns, d, line, len, out);
	judge_kept(&e->identity, &after.identity, d, line, len, out);
	judge_names(e->unchanged, after.unchanged, d, line, len, out);
}

static void
try(const char *line, size_t len, unsigned choice)
{
	static struct event e;
	struct event_span unknown;
	struct buf out = BUF_INIT;
	struct definition *d;

	if (event_scan(&e, line, len) != 0)
		return;
	d = definition_for(&e, choice);
	if (row_write(&out, line, len, &e, d, choice, &unknown) != 0) {
		if (d->is_partial || out.len != 0)
			fail("refused", line, len, &out);
	} else if (d->is_selective) {
		judge_some(&e, d, line, len, &out);
	} else {
		judge_all(&e, line, len, &out);
	}
	buf_free(&out);
	free(d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		size_t front = strlen(around[i][0]), back = strlen(around[i][1]);
		size_t len = front + size - 1 + back;
		char *line = malloc(len > 0 ? len : 1);

		if (line == NULL)
			abort();
		memcpy(line, around[i][0], front);
		memcpy(line + front, data + 1, size - 1);
		memcpy(line + front + size - 1, around[i][1], back);
		try(line, len, data[0]);
		free(line);
	}
	return 0;
}
