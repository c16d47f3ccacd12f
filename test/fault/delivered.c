#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivered.h"
#include "line.h"
#include "problem.h"

/* --- each message */

static void
check_key(const struct delivered *d, const struct message *m, const struct expected_row *row)
{
	char *key;

	if (row->key == NULL && m->key_len >= 0)
		problem("partition %d, offset %lld: a key, and none is expected", m->partition,
		    (long long)m->offset);
	/* An empty key is as good as none. */
	else if (row->key != NULL && *row->key != '\0' && m->key_len < 0)
		problem("partition %d, offset %lld: no key", m->partition, (long long)m->offset);
	if (row->key == NULL || m->key_len < 0)
		return;
	key = expected_key(d->expected->keys, m->key, (size_t)m->key_len);
	if (strcmp(key, row->key) != 0)
		problem("partition %d, offset %lld: key %s, and %s is expected", m->partition,
		    (long long)m->offset, key, row->key);
	free(key);
}

/* Only its position says what it is. */
static int
is_named_otherwise(const struct delivered *d, const struct expected_row *row)
{
	return d->other_names && row->is_shape;
}

/* The row that the message is; NULL: none, and *baseline says if that may be. */
static struct expected_row *
row_of(const struct delivered *d, const struct message *m, int *baseline)
{
	json_t *json = line_json(m->value, m->len > 0 ? (size_t)m->len : 0);
	const char *lsn_text = json_string_value(json_object_get(json, "lsn"));
	const char *seq = line_number(json_object_get(json, "seq"));
	const char *action = json_string_value(json_object_get(json, "action"));
	struct expected_row *row = NULL;
	uint64_t lsn;

	*baseline = json_is_true(json_object_get(json, "baseline"));
	if (!*baseline && lsn_text != NULL && seq != NULL && action != NULL &&
	    line_lsn(&lsn, lsn_text) == 0)
		row = expected_find(d->expected, lsn, atoll(seq), action);
	if (row != NULL && !is_named_otherwise(d, row)) {
		if (!expected_is(row, m->value, (size_t)m->len, json))
			problem("partition %d, offset %lld: row %s %s is another one", m->partition,
			    (long long)m->offset, lsn_text, seq);
		check_key(d, m, row);
	}
	json_decref(json);
	return row;
}

static void
append(struct delivered *d, int partition, int64_t offset, struct expected_row *row)
{
	size_t n = d->n[partition]++;

	if ((n & (n - 1)) == 0) {
		d->of[partition] = realloc(
		    d->of[partition], (n == 0 ? 1 : n * 2) * sizeof(*d->of[partition]));
		if (d->of[partition] == NULL)
			errx(111, "out of memory");
	}
	d->of[partition][n] = (struct delivery){ offset, row };
	if (row->first[partition] < 0)
		row->first[partition] = offset;
}

void
delivered_take(struct delivered *d, const struct messages *m)
{
	int64_t last[PARTITIONS_MAX];

	memset(last, -1, sizeof(last));
	for (size_t i = 0; i < m->n; i++) {
		const struct message *one = &m->all[i];
		struct expected_row *row;
		int baseline;

		if (one->partition >= d->partitions)
			errx(100, "there is a partition %d", one->partition);
		if (one->offset <= last[one->partition])
			problem("partition %d: offset %lld after %lld", one->partition,
			    (long long)one->offset, (long long)last[one->partition]);
		last[one->partition] = one->offset;
		row = row_of(d, one, &baseline);
		d->baselines += baseline;
		if (row != NULL)
			append(d, one->partition, one->offset, row);
		else if (!baseline)
			problem("partition %d, offset %lld: a message that is no row of the source",
			    one->partition, (long long)one->offset);
	}
}

/* --- all of them */

static int
is_for(const struct expected_row *row, int partition)
{
	return row->everywhere || row->first[partition] >= 0;
}

/* In how many partitions? */
static int
is_there(const struct delivered *d, const struct expected_row *row)
{
	int there = 0;

	for (int p = 0; p < d->partitions; p++)
		there += row->first[p] >= 0;
	return there;
}

static void
check_there(const struct delivered *d, const struct expected_row *row)
{
	int there = is_there(d, row);

	if (there == 0 || (row->everywhere && there < d->partitions))
		problem("row %s %lld is missing%s", line_lsn_text(row->lsn), (long long)row->seq,
		    there > 0 ? " in a partition" : "");
	else if (!row->everywhere && there > 1)
		problem("row %s %lld is in %d partitions", line_lsn_text(row->lsn),
		    (long long)row->seq, there);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct expected_row *x = *(struct expected_row *const *)a;
	const struct expected_row *y = *(struct expected_row *const *)b;

	return strcmp(x->key, y->key);
}

/* Rows with the same key must be in the same partition, else they have no order. */
static void
check_partitions(const struct delivered *d)
{
	const struct expected *e = d->expected;
	const struct expected_row **rows = malloc((e->n + 1) * sizeof(*rows));
	size_t n = 0;

	if (rows == NULL)
		errx(111, "out of memory");
	for (size_t i = 0; i < e->n; i++)
		if (!e->rows[i].everywhere && e->rows[i].key != NULL &&
		    !is_named_otherwise(d, &e->rows[i]) && is_there(d, &e->rows[i]))
			rows[n++] = &e->rows[i];
	qsort(rows, n, sizeof(*rows), compare_keys);
	for (size_t i = 1; i < n; i++)
		for (int p = 0; p < d->partitions && compare_keys(&rows[i - 1], &rows[i]) == 0; p++)
			if ((rows[i - 1]->first[p] >= 0) != (rows[i]->first[p] >= 0))
				problem("key %s is in several partitions", rows[i]->key);
	free(rows);
}

/* The rows that a partition must have, in their order. Allocated. */
static struct expected_row **
rows_for(const struct delivered *d, int partition, size_t *n)
{
	const struct expected *e = d->expected;
	struct expected_row **rows = malloc((e->n + 1) * sizeof(*rows));

	if (rows == NULL)
		errx(111, "out of memory");
	*n = 0;
	for (size_t i = 0; i < e->n; i++)
		if (is_for(&e->rows[i], partition))
			rows[(*n)++] = &e->rows[i];
	return rows;
}

static size_t
place_of(struct expected_row **rows, size_t n, const struct expected_row *row)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rows[middle] < row)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
check_order(struct delivered *d, int partition)
{
	size_t n, next = 0, most = 0;
	struct expected_row **rows = rows_for(d, partition, &n);

	for (size_t i = 0; i < d->n[partition]; i++) {
		const struct delivery *got = &d->of[partition][i];
		size_t place = place_of(rows, n, got->row);
		int begins = place == 0 || rows[place - 1]->transaction != rows[place]->transaction;

		if (place > next)
			problem("partition %d, offset %lld: row %s %lld comes before %s %lld",
			    partition, (long long)got->offset, line_lsn_text(got->row->lsn),
			    (long long)got->row->seq, line_lsn_text(rows[next]->lsn),
			    (long long)rows[next]->seq);
		else if (place < next && d->exactly_once)
			problem("partition %d, offset %lld: row %s %lld comes again, or too late",
			    partition, (long long)got->offset, line_lsn_text(got->row->lsn),
			    (long long)got->row->seq);
		else if (place < next && !begins)
			problem("partition %d, offset %lld: row %s %lld comes again, which is not "
				"the first of its transaction",
			    partition, (long long)got->offset, line_lsn_text(got->row->lsn),
			    (long long)got->row->seq);
		d->again += place < most;
		next = place + 1;
		if (next > most)
			most = next;
	}
	if (next < n && d->n[partition] > 0)
		problem("partition %d ends before row %s %lld", partition,
		    line_lsn_text(rows[next]->lsn), (long long)rows[next]->seq);
	free(rows);
}

void
delivered_check(struct delivered *d)
{
	for (size_t i = 0; i < d->expected->n; i++)
		check_there(d, &d->expected->rows[i]);
	check_partitions(d);
	for (int p = 0; p < d->partitions; p++)
		check_order(d, p);
}

/* --- samples */

static FILE *
open_samples(const char *path)
{
	FILE *f = fopen(path, "r");

	if (f == NULL)
		err(100, "could not open \"%s\"", path);
	return f;
}

static void
check_sample(const struct delivered *d, uint64_t confirmed, const int64_t *end)
{
	const struct expected *e = d->expected;

	for (size_t i = 0; i < e->n && e->rows[i].commit < confirmed; i++)
		for (int p = 0; p < d->partitions; p++)
			if (is_for(&e->rows[i], p) && e->rows[i].first[p] >= end[p]) {
				problem("the slot had confirmed %s, and row %s %lld was not in "
					"partition %d, which ended at %lld",
				    line_lsn_text(confirmed), line_lsn_text(e->rows[i].lsn),
				    (long long)e->rows[i].seq, p, (long long)end[p]);
				return;
			}
}

void
delivered_check_samples(const struct delivered *d, const char *path)
{
	FILE *f = open_samples(path);
	char text[64];
	uint64_t confirmed;
	long number = 0;

	while (fscanf(f, "%63s", text) == 1) {
		int64_t end[PARTITIONS_MAX];

		problem_at(path, ++number);
		if (line_lsn(&confirmed, text) != 0)
			errx(100, "%s: line %ld: \"%s\" is no LSN", path, number, text);
		for (int p = 0; p < d->partitions; p++) {
			long long offset;

			if (fscanf(f, "%lld", &offset) != 1)
				errx(100, "%s: line %ld: no offset", path, number);
			end[p] = offset;
		}
		check_sample(d, confirmed, end);
	}
	problem_at(NULL, 0);
	fclose(f);
}

static void
check_end(const struct delivered *d, int partition, int64_t offset)
{
	size_t low = 0, high = d->n[partition];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (d->of[partition][middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0 && low < d->n[partition] &&
	    d->of[partition][low - 1].row->transaction == d->of[partition][low].row->transaction)
		problem("a reader saw partition %d end at offset %lld, inside of the transaction "
			"that commits at %s",
		    partition, (long long)offset, line_lsn_text(d->of[partition][low].row->commit));
}

void
delivered_check_ends(const struct delivered *d, const char *path)
{
	FILE *f = open_samples(path);
	int partition;
	long long offset;
	long number = 0;

	while (fscanf(f, "%d %lld", &partition, &offset) == 2) {
		problem_at(path, ++number);
		if (partition < 0 || partition >= d->partitions)
			errx(100, "%s: line %ld: partition %d", path, number, partition);
		check_end(d, partition, offset);
	}
	problem_at(NULL, 0);
	fclose(f);
}

void
delivered_free(struct delivered *d)
{
	for (int p = 0; p < PARTITIONS_MAX; p++)
		free(d->of[p]);
}
