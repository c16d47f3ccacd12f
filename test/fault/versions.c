#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "tables.h"
#include "versions.h"

/* What is known of a value, by column. */
enum {
	ABSENT,   /* there was no such column */
	CHANGED,  /* a change has given it */
	READ,     /* a row of a dump has */
	MISSING,  /* it is older than the stream */
	ELSEWHERE /* only another key had it */
};

struct version {
	struct version *next;
	char *key;
	size_t key_len;
	uint64_t lsn;
	int is_read; /* a row of a dump */
	int is_live;
	int is_compared;
	uint64_t change;   /* lsn of the key's newest change in the stream, 0: none yet */
	long long changed; /* its counter */
	long long now, most;
	const char **values;
	char *known;
};

static void *
must(void *p)
{
	if (p == NULL)
		errx(111, "out of memory");
	return p;
}

/* --- finding */

static struct version_table *
table_of(struct versions *v, const struct table *t)
{
	if (v->tables == NULL)
		v->tables = must(calloc(v->replica->n, sizeof(*v->tables)));
	return &v->tables[t - v->replica->tables];
}

static void
rehash(struct version_table *vt)
{
	size_t n = vt->nbuckets == 0 ? 256 : vt->nbuckets * 4;
	struct version **buckets = must(calloc(n, sizeof(*buckets))), *one, *next;

	for (size_t i = 0; i < vt->nbuckets; i++)
		for (one = vt->buckets[i]; one != NULL; one = next) {
			struct version **to = &buckets[tables_checksum(one->key, one->key_len) % n];

			next = one->next;
			one->next = *to;
			*to = one;
		}
	free(vt->buckets);
	vt->buckets = buckets;
	vt->nbuckets = n;
}

/* The version of the key, made when there was none. */
static struct version *
find(struct versions *v, const struct table *t, char *const *values)
{
	struct version_table *vt = table_of(v, t);
	struct version *one, **bucket;
	size_t len;
	char *key = replica_key(t, values, &len);

	if (vt->n >= vt->nbuckets)
		rehash(vt);
	bucket = &vt->buckets[tables_checksum(key, len) % vt->nbuckets];
	for (one = *bucket; one != NULL; one = one->next)
		if (one->key_len == len && memcmp(one->key, key, len) == 0) {
			free(key);
			return one;
		}
	one = must(calloc(1, sizeof(*one)));
	*one = (struct version){ .next = *bucket,
		.key = key,
		.key_len = len,
		.lsn = vt->emptied,
		.change = vt->emptied,
		.changed = v->before };
	one->values = must(calloc(t->ncolumns, sizeof(*one->values)));
	one->known = must(calloc(t->ncolumns, 1));
	*bucket = one;
	vt->n++;
	return one;
}

/* --- counters */

static long long
counter(const struct change *c)
{
	const char *text = c->table->n >= 0 ? c->new[c->table->n] : NULL;

	return text != NULL ? atoll(text) : 0;
}

static void
show(struct version *one, long long n)
{
	one->now = n;
	if (n > one->most)
		one->most = n;
}

static void
went_back(const struct change *c, const struct version *one, long long from, long long to)
{
	problem("%s: key %.60s: goes back from %lld to %lld by %c at %s", c->table->name, one->key,
	    from, to, c->action, line_lsn_text(c->lsn));
}

/* A change has lost against a row of a dump, which must be a later version of the key. */
static void
check_contained(const struct change *c, const struct version *one, long long n)
{
	if (c->table->n >= 0 && one->most < n)
		problem("%s: key %.60s: the row %lld that was read at %s does not have the change "
			"%c at %s, and beats it",
		    c->table->name, one->key, one->most, line_lsn_text(one->lsn), c->action,
		    line_lsn_text(c->lsn));
}

/* --- rows of a dump */

/* What the version lacks, as the row is older than the stream. */
static void
fill(struct version *one, const struct change *c)
{
	if (!one->is_live)
		return;
	for (size_t i = 0; i < c->table->ncolumns && i < c->ncolumns; i++)
		if (one->known[i] == MISSING && c->given[i] == '+') {
			one->values[i] = c->new[i];
			one->known[i] = READ;
		}
}

static void
check_read(const struct change *c, const struct version *one)
{
	long long n = counter(c);

	if (c->table->n < 0)
		return;
	if (n < one->most)
		went_back(c, one, one->most, n);
	else if (one->change > 0 && (one->is_live ? n < one->changed : n <= one->changed))
		problem("%s: key %.60s: the row %lld comes back that was deleted at %s, read at %s",
		    c->table->name, one->key, n, line_lsn_text(one->change), line_lsn_text(c->lsn));
}

static void
apply_read(struct versions *v, const struct change *c)
{
	const struct table *t = c->table;
	struct version *one = find(v, t, c->new);

	if (c->lsn < one->lsn ||
	    (c->lsn == one->lsn && !(one->is_read && one->is_live && v->last_wins))) {
		fill(one, c);
		return;
	}
	check_read(c, one);
	for (size_t i = 0; i < t->ncolumns; i++) {
		int given = i < c->ncolumns && c->given[i] == '+';

		one->values[i] = given ? c->new[i] : NULL;
		one->known[i] = given ? READ : ABSENT;
	}
	one->lsn = c->lsn;
	one->is_live = one->is_read = 1;
	show(one, counter(c));
}

/* --- changes */

/*
 * A change of the key, which is version n from now on, or has ended version n.  1: it is to be
 * applied.  0: a run has sent it before, or a row of a dump is newer.
 */
static int
wins(const struct change *c, struct version *one, long long n)
{
	if (c->lsn <= one->change)
		return 0;
	one->change = c->lsn;
	if (c->lsn > one->lsn || (c->lsn == one->lsn && one->is_read))
		return 1;
	check_contained(c, one, n);
	return 0;
}

static void
end(const struct change *c, struct version *one)
{
	/* What it ends is older than the row that wins. */
	if (!wins(c, one, one->changed + 1))
		return;
	one->lsn = c->lsn;
	one->is_live = one->is_read = 0;
}

/* A value that the change has not changed, of the row that had the old key. */
static void
keep_value(struct version *one, const struct version *old, int is_old_known, size_t i)
{
	if (old == one) {
		if (!one->is_live || one->known[i] == ABSENT) {
			one->values[i] = NULL;
			one->known[i] = MISSING;
		}
		return;
	}
	is_old_known = is_old_known && old->known[i] == CHANGED;
	one->values[i] = is_old_known ? old->values[i] : NULL;
	one->known[i] = is_old_known ? CHANGED : ELSEWHERE;
}

static void
set(struct version *one, const struct version *old, const struct change *c)
{
	int is_old_known = old != NULL && old->is_live && old->lsn < c->lsn;

	for (size_t i = 0; i < c->table->ncolumns; i++) {
		char given = i < c->ncolumns ? c->given[i] : ' ';

		if (given == '=') {
			keep_value(one, old, is_old_known, i);
			continue;
		}
		one->values[i] = given == '+' ? c->new[i] : NULL;
		one->known[i] = given == '+' ? CHANGED : ABSENT;
	}
}

static void
apply_new(struct versions *v, const struct change *c, const struct version *old)
{
	struct version *one = find(v, c->table, c->new);
	long long n = counter(c), before = one->change > 0 ? one->changed : 0;

	if (c->lsn > one->change && c->table->n >= 0) {
		if (n <= before)
			went_back(c, one, before, n);
		one->changed = n;
	}
	if (!wins(c, one, n))
		return;
	if (c->table->n >= 0 && n < one->most)
		v->back++;
	set(one, old, c);
	one->lsn = c->lsn;
	one->is_live = 1;
	one->is_read = 0;
	show(one, n);
}

static void
apply_truncate(struct versions *v, const struct change *c)
{
	struct version_table *vt = table_of(v, c->table);

	if (c->lsn <= vt->emptied)
		return;
	for (size_t i = 0; i < vt->nbuckets; i++)
		for (struct version *one = vt->buckets[i]; one != NULL; one = one->next)
			end(c, one);
	vt->emptied = c->lsn;
}

void
versions_apply(struct versions *v, const struct change *c)
{
	struct version *old;

	switch (c->action) {
	case 'R':
		apply_read(v, c);
		break;
	case 'I':
		apply_new(v, c, NULL);
		break;
	case 'U':
		old = find(v, c->table, c->old);
		apply_new(v, c, old);
		if (old != find(v, c->table, c->new))
			end(c, old);
		break;
	case 'D':
		end(c, find(v, c->table, c->old));
		break;
	default:
		apply_truncate(v, c);
		break;
	}
}

/* --- the source */

static void
compare_value(struct versions *v, const struct table *t, const struct version *one, size_t i,
    const char *value)
{
	const char *have = one->values[i];

	if (one->known[i] == MISSING)
		problem("%s: key %.60s: the value of \"%s\" is missing", t->name, one->key,
		    t->columns[i].name);
	else if (one->known[i] == ELSEWHERE)
		v->unknown++;
	else if ((have == NULL) != (value == NULL) || (have != NULL && strcmp(have, value) != 0))
		problem("%s: key %.60s: \"%s\" is \"%.60s\", and \"%.60s\" at the source", t->name,
		    one->key, t->columns[i].name, have == NULL ? "(null)" : have,
		    value == NULL ? "(null)" : value);
}

void
versions_compare(struct versions *v, const struct table *t, char *const *values)
{
	struct version *one = find(v, t, values);

	if (!one->is_live) {
		problem("%s: key %.60s is missing", t->name, one->key);
		return;
	}
	one->is_compared = 1;
	if (one->now < one->most)
		problem(
		    "%s: key %.60s: is %lld, and was %lld", t->name, one->key, one->now, one->most);
	for (size_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].in_source)
			compare_value(v, t, one, i, values[i]);
}

void
versions_finish(struct versions *v)
{
	for (size_t i = 0; i < v->replica->n; i++) {
		const struct table *t = &v->replica->tables[i];
		const struct version_table *vt = table_of(v, t);

		for (size_t k = 0; k < vt->nbuckets; k++)
			for (const struct version *one = vt->buckets[k]; one != NULL;
			     one = one->next)
				if (one->is_live && !one->is_compared)
					problem("%s: key %.60s is not at the source", t->name,
					    one->key);
	}
}

static void
free_table(struct version_table *vt)
{
	for (size_t i = 0; i < vt->nbuckets; i++)
		for (struct version *one = vt->buckets[i], *next; one != NULL; one = next) {
			next = one->next;
			free(one->key);
			free(one->values);
			free(one->known);
			free(one);
		}
	free(vt->buckets);
}

void
versions_free(struct versions *v)
{
	for (size_t i = 0; v->tables != NULL && i < v->replica->n; i++)
		free_table(&v->tables[i]);
	free(v->tables);
	v->tables = NULL;
}
