#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expected.h"
#include "line.h"
#include "problem.h"
#include "shape.h"

int
expected_keys(enum expected_keys *keys, const char *name)
{
	static const char *const names[] = { "schema", "table", "identity", "none" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0) {
			*keys = (enum expected_keys)i;
			return 0;
		}
	return -1;
}

static void *
or_die(void *memory)
{
	if (memory == NULL)
		errx(111, "out of memory");
	return memory;
}

/* --- keys */

static char *
dump(const json_t *json)
{
	return or_die(json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS));
}

char *
expected_key(enum expected_keys keys, const char *key, size_t n)
{
	json_t *json;
	char *text;

	if (keys != EXPECTED_IDENTITY || n == 0 || *key != '{')
		return or_die(strndup(key, n));
	if ((json = line_json(key, n)) == NULL)
		return or_die(strdup("?"));
	text = dump(json);
	json_decref(json);
	return text;
}

static const json_t *
entry_with(const json_t *entries, const char *id)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		const char *text = json_string_value(json_object_get(entry, "id"));

		if (text != NULL && strcmp(text, id) == 0)
			return entry;
	}
	return NULL;
}

/* A value that an update has left where it was is only among the old ones. */
static char *
identity_key(const struct line *l, int is_old)
{
	const json_t *metadata = json_object_get(l->json, "metadata"), *id, *entry;
	json_t *identity = json_object();
	json_t *key = json_pack("{ss ss}", "schema", l->schema, "table", l->table);
	char *text;
	size_t i;

	json_array_foreach(json_object_get(metadata, "identity_ids"), i, id)
	{
		entry = is_old ? NULL : entry_with(l->columns, json_string_value(id));
		if (entry == NULL)
			entry = entry_with(l->identity, json_string_value(id));
		json_object_set(identity, json_string_value(json_object_get(entry, "name")),
		    json_object_get(entry, "value"));
	}
	if (json_object_size(identity) > 0)
		json_object_set(key, "identity", identity);
	text = dump(key);
	json_decref(identity);
	json_decref(key);
	return text;
}

static int
is_schema_row(const struct line *l)
{
	return l->action == 'I' && strcmp(l->schema, "pgcdc") == 0 &&
	       strcmp(l->table, "schema_log") == 0;
}

static char *
schema_row_key(const struct line *l)
{
	const json_t *column;
	size_t i;

	json_array_foreach(l->columns, i, column)
	{
		const char *name = json_string_value(json_object_get(column, "name"));
		const char *value = json_string_value(json_object_get(column, "value"));

		if (name != NULL && value != NULL && strcmp(name, "schema_name") == 0)
			return or_die(strdup(value));
	}
	return or_die(strdup("pgcdc"));
}

static char *
row_key(enum expected_keys keys, const struct line *l, int is_old)
{
	char *key = NULL;

	if (keys == EXPECTED_NONE)
		return NULL;
	if (is_schema_row(l))
		return schema_row_key(l);
	if (keys == EXPECTED_SCHEMA)
		return or_die(strdup(l->schema));
	if (keys == EXPECTED_IDENTITY)
		return identity_key(l, is_old);
	if (asprintf(&key, "%s.%s", l->schema, l->table) < 0)
		errx(111, "out of memory");
	return key;
}

/* --- rows */

static void
add(struct expected *e, const struct expected_row *row)
{
	if ((e->n & (e->n - 1)) == 0)
		e->rows = or_die(realloc(e->rows, (e->n == 0 ? 1 : e->n * 2) * sizeof(*e->rows)));
	e->rows[e->n] = *row;
	for (int i = 0; i < PARTITIONS_MAX; i++)
		e->rows[e->n].first[i] = -1;
	e->n++;
}

static void
add_row(struct expected *e, const struct line *l, const char *s, size_t n, uint64_t commit)
{
	struct expected_row row = {
		.lsn = l->lsn,
		.commit = commit,
		.seq = l->seq,
		.transaction = e->transactions,
		.everywhere = is_schema_row(l) ? e->keys != EXPECTED_SCHEMA
		                               : l->action == 'T' && e->keys == EXPECTED_IDENTITY,
		.is_shape = strncmp(l->schema, "shape", 5) == 0,
		.key = row_key(e->keys, l, l->action == 'D'),
		.text = or_die(strndup(s, n)),
		.len = n,
	};
	struct expected_row deleted;
	char *old;

	if (l->action != 'U' || e->keys != EXPECTED_IDENTITY) {
		add(e, &row);
		return;
	}
	old = row_key(e->keys, l, 1);
	if (strcmp(old, row.key) == 0) {
		free(old);
		add(e, &row);
		return;
	}
	deleted = row;
	deleted.part = 'D';
	deleted.key = old;
	deleted.text = or_die(strndup(s, n));
	add(e, &deleted);
	row.part = 'I';
	add(e, &row);
}

static void
take(struct expected *e, const char *s, size_t n, uint64_t *commit)
{
	struct line l;

	if (line_read(&l, s, n) == 0 && !shape_is_baseline(&l)) {
		if (l.action == 'B')
			*commit = l.lsn;
		else if (l.action == 'C')
			e->transactions++;
		else if (strchr("IUDT", l.action) != NULL)
			add_row(e, &l, s, n, *commit);
	}
	line_free(&l);
}

static int
compare(const void *a, const void *b, void *rows)
{
	const struct expected_row *x = (struct expected_row *)rows + *(const size_t *)a;
	const struct expected_row *y = (struct expected_row *)rows + *(const size_t *)b;

	if (x->lsn != y->lsn)
		return x->lsn < y->lsn ? -1 : 1;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->part - y->part;
}

static void
sort(struct expected *e)
{
	e->sorted = or_die(malloc((e->n + 1) * sizeof(*e->sorted)));
	for (size_t i = 0; i < e->n; i++)
		e->sorted[i] = i;
	qsort_r(e->sorted, e->n, sizeof(*e->sorted), compare, e->rows);
	for (size_t i = 1; i < e->n; i++)
		if (compare(&e->sorted[i - 1], &e->sorted[i], e->rows) == 0)
			problem("two rows have the position %s %lld",
			    line_lsn_text(e->rows[e->sorted[i]].lsn),
			    (long long)e->rows[e->sorted[i]].seq);
}

void
expected_read(struct expected *e, const char *path)
{
	FILE *f = fopen(path, "r");
	char *s = NULL;
	size_t size = 0;
	ssize_t n;
	long number = 0;
	uint64_t commit = 0;

	if (f == NULL)
		err(100, "could not open \"%s\"", path);
	while ((n = getline(&s, &size, f)) > 0) {
		problem_at(path, ++number);
		take(e, s, (size_t)n - (s[n - 1] == '\n'), &commit);
	}
	if (ferror(f))
		err(111, "could not read \"%s\"", path);
	problem_at(NULL, 0);
	free(s);
	fclose(f);
	sort(e);
}

struct expected_row *
expected_find(const struct expected *e, uint64_t lsn, int64_t seq, const char *action)
{
	size_t low = 0, high = e->n;
	struct expected_row *row;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		row = &e->rows[e->sorted[middle]];
		if (row->lsn < lsn || (row->lsn == lsn && row->seq < seq))
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < e->n; low++) {
		row = &e->rows[e->sorted[low]];
		if (row->lsn != lsn || row->seq != seq)
			break;
		if (row->part == 0 || row->part == *action)
			return row;
	}
	return NULL;
}

int
expected_is(const struct expected_row *row, const char *value, size_t len, const json_t *json)
{
	json_t *part;
	int is_equal;

	if (row->part == 0)
		return len == row->len && memcmp(value, row->text, len) == 0;
	part = line_json(row->text, row->len);
	json_object_set_new(part, "action", json_string(row->part == 'D' ? "D" : "I"));
	if (row->part == 'D') {
		json_object_del(part, "columns");
		json_object_del(part, "unchanged");
	} else {
		json_object_del(part, "identity");
	}
	is_equal = json_equal(part, json);
	json_decref(part);
	return is_equal;
}

void
expected_free(struct expected *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->rows[i].key);
		free(e->rows[i].text);
	}
	free(e->rows);
	free(e->sorted);
}
