#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "replica.h"
#include "tables.h"

static void *
grow(void *p, size_t size)
{
	p = realloc(p, size > 0 ? size : 1);
	if (p == NULL)
		errx(111, "out of memory");
	return p;
}

static char *
copy(const char *s)
{
	return s == NULL ? NULL : strcpy(grow(NULL, strlen(s) + 1), s);
}

struct table *
replica_add_table(
    struct replica *r, const char *schema, const char *name, const char *root, char identity)
{
	struct table *t;

	r->tables = grow(r->tables, (r->n + 1) * sizeof(*r->tables));
	t = &r->tables[r->n++];
	memset(t, 0, sizeof(*t));
	t->schema = copy(schema);
	t->name = copy(name);
	t->root = copy(root);
	t->identity = identity;
	t->fluid = strcmp(schema, "fault") == 0 && strcmp(name, tables_name[TABLE_DDL]) == 0;
	return t;
}

struct column *
replica_add_column(struct table *t, const char *name, const char *type)
{
	struct column *c;

	t->columns = grow(t->columns, (t->ncolumns + 1) * sizeof(*t->columns));
	c = &t->columns[t->ncolumns++];
	*c = (struct column){ .name = copy(name), .type = copy(type) };
	return c;
}

static int
column_named(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i].name, name) == 0)
			return (int)i;
	return -1;
}

void
replica_finish_table(struct table *t)
{
	t->whole = 1;
	for (size_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].in_key)
			t->whole = 0;
	t->n = column_named(t, "n");
	t->v = column_named(t, "v");
	t->stamp = column_named(t, "stamp");
	t->big = column_named(t, "big");
}

struct table *
replica_table(const struct replica *r, const char *schema, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->tables[i].name, name) == 0 &&
		    strcmp(r->tables[i].schema, schema) == 0)
			return &r->tables[i];
	return NULL;
}

char *
replica_key(const struct table *t, char *const *values, size_t *len)
{
	size_t size = 1, used = 0;
	char *key;

	for (size_t i = 0; i < t->ncolumns; i++)
		if ((t->whole || t->columns[i].in_key) && values[i] != NULL)
			size += strlen(values[i]);
	key = grow(NULL, size + t->ncolumns * 24);
	for (size_t i = 0; i < t->ncolumns; i++) {
		if (!t->whole && !t->columns[i].in_key)
			continue;
		if (values[i] == NULL)
			used += (size_t)sprintf(key + used, "-");
		else
			used += (size_t)sprintf(key + used, "%zu:%s", strlen(values[i]), values[i]);
	}
	*len = used;
	return key;
}

static void
rehash(struct table *t)
{
	size_t n = t->nbuckets == 0 ? 256 : t->nbuckets * 4;
	struct row **buckets = calloc(n, sizeof(*buckets)), *row, *next;

	if (buckets == NULL)
		errx(111, "out of memory");
	for (size_t i = 0; i < t->nbuckets; i++)
		for (row = t->buckets[i]; row != NULL; row = next) {
			struct row **to = &buckets[tables_checksum(row->key, row->key_len) % n];

			next = row->next;
			row->next = *to;
			*to = row;
		}
	free(t->buckets);
	t->buckets = buckets;
	t->nbuckets = n;
}

/* The row, made when it was never there. */
static struct row *
find_row(struct table *t, char *const *values)
{
	size_t len;
	char *key = replica_key(t, values, &len);
	struct row *row, **bucket;

	if (t->nrows >= t->nbuckets)
		rehash(t);
	bucket = &t->buckets[tables_checksum(key, len) % t->nbuckets];
	for (row = *bucket; row != NULL; row = row->next)
		if (row->key_len == len && memcmp(row->key, key, len) == 0)
			break;
	if (row != NULL) {
		free(key);
		return row;
	}
	row = grow(NULL, sizeof(*row));
	*row = (struct row){ .next = *bucket, .key = key, .key_len = len };
	*bucket = row;
	t->nrows++;
	return row;
}

static void
empty_row(struct row *row)
{
	for (size_t i = 0; i < row->nvalues; i++)
		free(row->values[i]);
	free(row->values);
	row->values = NULL;
	row->nvalues = 0;
	row->copies = 0;
}

/* A whole row that is gone tells nothing any more, but its key may be the table's largest part. */
static void
drop_copy(struct table *t, struct row *row)
{
	struct row **at;

	if (--row->copies > 0)
		return;
	empty_row(row);
	if (!t->whole)
		return;
	at = &t->buckets[tables_checksum(row->key, row->key_len) % t->nbuckets];
	while (*at != row)
		at = &(*at)->next;
	*at = row->next;
	free(row->key);
	free(row);
	t->nrows--;
}

static void
check_version(const struct table *t, struct row *row, const struct change *c)
{
	const char *text = t->n >= 0 ? row->values[t->n] : NULL;
	long long n = text != NULL ? atoll(text) : 0;

	if (t->whole)
		return;
	if (c->lsn <= row->lsn)
		problem("%s: key %s: version %s after %s", t->name, row->key, line_lsn_text(c->lsn),
		    line_lsn_text(row->lsn));
	if (t->n >= 0 && n <= row->n)
		problem("%s: key %s: counter goes back from %lld to %lld", t->name, row->key,
		    row->n, n);
	row->lsn = c->lsn;
	row->n = n;
}

/* What a value says of itself. */
static void
check_values(const struct table *t, const struct row *row)
{
	const char *v = t->v >= 0 ? row->values[t->v] : NULL;
	const char *stamp = t->stamp >= 0 ? row->values[t->stamp] : NULL;
	const char *big = t->big >= 0 ? row->values[t->big] : NULL;
	char checksum[10];

	if (v != NULL) {
		snprintf(checksum, sizeof(checksum),
		    "%08x:", strlen(v) < 9 ? 0 : tables_checksum(v + 9, strlen(v + 9)));
		if (strncmp(v, checksum, 9) != 0)
			problem("%s: key %.60s: the value of \"v\" is damaged: \"%.60s\"", t->name,
			    row->key, v);
	}
	if (t->big < 0 || (big == NULL && t->whole))
		return;
	if (big == NULL || stamp == NULL)
		problem("%s: key %.60s: the value of \"big\" is lost", t->name, row->key);
	else if (strncmp(big, stamp, strlen(stamp)) != 0 || big[strlen(stamp)] != ':')
		problem("%s: key %.60s: the value of \"big\" is another one", t->name, row->key);
}

/* The row takes over the values of the change; unchanged ones come from old, which may be it. */
static void
set_row(struct table *t, struct row *row, struct row *old, struct change *c)
{
	char **values = calloc(t->ncolumns, sizeof(*values));

	if (values == NULL)
		errx(111, "out of memory");
	for (size_t i = 0; i < c->ncolumns; i++) {
		if (c->given[i] == '+') {
			values[i] = c->new[i];
			c->new[i] = NULL;
		} else if (c->given[i] == '=' && old != NULL && i < old->nvalues) {
			values[i] = old->values[i];
			old->values[i] = NULL;
			if (values[i] == NULL)
				problem("%s: key %.60s: unchanged value of \"%s\" was null",
				    t->name, row->key, t->columns[i].name);
		}
	}
	empty_row(row);
	row->values = values;
	row->nvalues = t->ncolumns;
}

static void
apply_delete(struct table *t, struct change *c)
{
	struct row *row = find_row(t, c->old);

	if (row->copies == 0) {
		problem("%s: key %.60s: deleted, and is not there", t->name, row->key);
		row->copies = 1;
	}
	if (!t->whole && c->lsn <= row->lsn)
		problem("%s: key %.60s: deleted at %s, changed at %s", t->name, row->key,
		    line_lsn_text(c->lsn), line_lsn_text(row->lsn));
	row->lsn = c->lsn;
	drop_copy(t, row);
}

static void
apply_insert(struct table *t, struct change *c)
{
	struct row *row = find_row(t, c->new);
	long copies = row->copies;

	if (copies > 0 && !t->whole)
		problem("%s: key %.60s: inserted, and is there", t->name, row->key);
	set_row(t, row, NULL, c);
	row->copies = t->whole ? copies + 1 : 1;
	check_version(t, row, c);
	check_values(t, row);
}

static void
apply_update(struct table *t, struct change *c)
{
	struct row *old = find_row(t, c->old), *row;

	if (old->copies == 0) {
		problem("%s: key %.60s: updated, and is not there", t->name, old->key);
		old->copies = 1;
	}
	if (t->whole) {
		drop_copy(t, old);
		apply_insert(t, c);
		return;
	}
	row = find_row(t, c->new);
	if (row != old && row->copies > 0)
		problem("%s: key %.60s: the new key is there", t->name, row->key);
	set_row(t, row, old, c);
	if (row != old) {
		old->lsn = c->lsn;
		drop_copy(t, old);
	}
	row->copies = 1;
	check_version(t, row, c);
	check_values(t, row);
}

static void
apply_truncate(struct table *t)
{
	for (size_t i = 0; i < t->nbuckets; i++)
		for (struct row *row = t->buckets[i], *next; row != NULL; row = next) {
			next = row->next;
			if (row->copies > 0) {
				row->copies = 1;
				drop_copy(t, row);
			}
		}
}

void
replica_apply(struct change *c)
{
	struct table *t = c->table;

	switch (c->action) {
	case 'I':
		t->inserted++;
		apply_insert(t, c);
		break;
	case 'U':
		t->updated++;
		apply_update(t, c);
		break;
	case 'D':
		t->deleted++;
		apply_delete(t, c);
		break;
	default:
		t->truncated++;
		apply_truncate(t);
		break;
	}
}

static void
compare_row(const struct table *t, const struct row *row, char *const *values)
{
	for (size_t i = 0; i < t->ncolumns; i++) {
		const char *have = i < row->nvalues ? row->values[i] : NULL;

		if (!t->columns[i].in_source || (have == NULL && values[i] == NULL))
			continue;
		if (have == NULL || values[i] == NULL || strcmp(have, values[i]) != 0)
			problem("%s: key %.60s: \"%s\" is \"%.60s\", and \"%.60s\" at the source",
			    t->name, row->key, t->columns[i].name, have == NULL ? "(null)" : have,
			    values[i] == NULL ? "(null)" : values[i]);
	}
}

void
replica_take(struct table *t, char *const *values)
{
	struct row *row = find_row(t, values);

	if (++row->seen > row->copies)
		problem("%s: key %.60s is missing", t->name, row->key);
	else
		compare_row(t, row, values);
}

void
replica_finish(const struct table *t)
{
	for (size_t i = 0; i < t->nbuckets; i++)
		for (const struct row *row = t->buckets[i]; row != NULL; row = row->next)
			if (row->copies > row->seen)
				problem("%s: key %.60s is not at the source", t->name, row->key);
}

static void
free_table(struct table *t)
{
	for (size_t i = 0; i < t->nbuckets; i++)
		for (struct row *row = t->buckets[i], *next; row != NULL; row = next) {
			next = row->next;
			empty_row(row);
			free(row->key);
			free(row);
		}
	for (size_t i = 0; i < t->ncolumns; i++) {
		free(t->columns[i].name);
		free(t->columns[i].type);
	}
	free(t->buckets);
	free(t->columns);
	free(t->schema);
	free(t->name);
	free(t->root);
}

void
replica_free(struct replica *r)
{
	for (size_t i = 0; i < r->n; i++)
		free_table(&r->tables[i]);
	free(r->tables);
}
