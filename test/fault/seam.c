/*
 * The seam between a dump and a stream: a sink that holds versions takes both, in several orders,
 * and must end with what the source has each time (versions.h).  The source is the server of the
 * environment (PGHOST and so on) after the workload has ended.
 *
 * The orders: as they were recorded, after the samples, lines "SIZE OF STREAM, SIZE OF DUMP"; the
 * stream first; the dump first; and some at random.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "prng.h"
#include "problem.h"
#include "shape.h"
#include "source.h"
#include "versions.h"

#define RANDOM_ORDERS 4

/* Lines of one recording that follow each other, at most, in a random order: small and large. */
static const int chunks[RANDOM_ORDERS] = { 2, 20, 200, 2000 };

static const struct option options[] = {
	{ "publication", required_argument, NULL, 'p' },
	{ "before", required_argument, NULL, 'b' },
	{ "seed", required_argument, NULL, 'r' },
	{ "samples", required_argument, NULL, 's' },
	{ NULL, 0, NULL, 0 },
};

/* A row of the source. */
struct row_at_source {
	struct table *table;
	char **values;
};

struct seam {
	struct replica replica;
	struct source source;
	struct row_at_source *rows;
	size_t n;
	struct lines stream, dump;
	long long before;
	uint64_t seed;
	const char *samples;
	struct versions versions; /* of the order in hand */
	size_t streamed, dumped;  /* lines that it has taken */
	long back, unknown;       /* of all orders, the largest */
};

static void
usage(void)
{
	fputs("usage: seam --publication=NAME[,NAME] --before=COUNTER [--seed=N] [--samples=FILE]\n"
	      "\tSTREAM DUMP\n",
	    stderr);
	exit(100);
}

/* --- the source */

static void
keep_row(void *context, struct table *t, char *const *values)
{
	struct seam *s = context;
	struct row_at_source *row;

	if (t->whole)
		return;
	if ((s->n & (s->n - 1)) == 0)
		s->rows = realloc(s->rows, (s->n == 0 ? 1 : s->n * 2) * sizeof(*s->rows));
	if (s->rows == NULL)
		errx(111, "out of memory");
	row = &s->rows[s->n++];
	*row = (struct row_at_source){ t, calloc(t->ncolumns, sizeof(*row->values)) };
	if (row->values == NULL)
		errx(111, "out of memory");
	for (size_t i = 0; i < t->ncolumns; i++)
		if (values[i] != NULL && (row->values[i] = strdup(values[i])) == NULL)
			errx(111, "out of memory");
}

static void
read_source(struct seam *s)
{
	for (size_t i = 0; i < s->replica.n; i++)
		source_read(&s->source, &s->replica.tables[i], keep_row, s);
}

static void
free_source(struct seam *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < s->rows[i].table->ncolumns; k++)
			free(s->rows[i].values[k]);
		free(s->rows[i].values);
	}
	free(s->rows);
}

/* --- orders */

static void
take_streamed(struct seam *s, size_t to)
{
	for (; s->streamed < to && s->streamed < s->stream.n; s->streamed++)
		versions_apply(&s->versions, &s->stream.change[s->streamed]);
}

static void
take_dumped(struct seam *s, size_t to)
{
	for (; s->dumped < to && s->dumped < s->dump.n; s->dumped++)
		versions_apply(&s->versions, &s->dump.change[s->dumped]);
}

static void
begin(struct seam *s, const char *order, int last_wins)
{
	/* what is found in it is named after it */
	problem_at(order, 1);
	s->versions = (struct versions){
		.replica = &s->replica, .before = s->before, .last_wins = last_wins
	};
	s->streamed = s->dumped = 0;
}

static void
finish(struct seam *s)
{
	struct versions *v = &s->versions;

	take_streamed(s, s->stream.n);
	take_dumped(s, s->dump.n);
	for (size_t i = 0; i < s->n; i++)
		versions_compare(v, s->rows[i].table, s->rows[i].values);
	versions_finish(v);
	if (v->back > s->back)
		s->back = v->back;
	if (v->unknown > s->unknown)
		s->unknown = v->unknown;
	versions_free(v);
}

static void
stream_first(struct seam *s)
{
	begin(s, "the stream first", 0);
	take_streamed(s, s->stream.n);
	finish(s);
}

static void
dump_first(struct seam *s, int last_wins)
{
	begin(s, "the dump first", last_wins);
	take_dumped(s, s->dump.n);
	finish(s);
}

static void
as_recorded(struct seam *s)
{
	FILE *f = fopen(s->samples, "r");
	long streamed, dumped;

	if (f == NULL)
		err(100, "could not open \"%s\"", s->samples);
	begin(s, "as recorded", 1);
	while (fscanf(f, "%ld %ld", &streamed, &dumped) == 2) {
		while (s->streamed < s->stream.n && s->stream.end[s->streamed] <= streamed)
			take_streamed(s, s->streamed + 1);
		while (s->dumped < s->dump.n && s->dump.end[s->dumped] <= dumped)
			take_dumped(s, s->dumped + 1);
	}
	fclose(f);
	finish(s);
}

static void
at_random(struct seam *s, int i)
{
	struct prng prng = prng_stream(s->seed, (uint64_t)i);

	begin(s, "at random", i % 2);
	while (s->streamed < s->stream.n && s->dumped < s->dump.n) {
		take_streamed(s, s->streamed + (size_t)prng_between(&prng, 1, chunks[i]));
		take_dumped(s, s->dumped + (size_t)prng_between(&prng, 1, chunks[i]));
	}
	finish(s);
}

static void
report(const struct seam *s)
{
	printf(
	    "seam: %zu changes; %zu rows in %ld runs, %ld ranges; %zu rows at the source; "
	    "%ld older than the dump and taken, %ld values not compared; %ld rows of tables that "
	    "change their shape: ",
	    s->stream.n, s->dump.n, s->dump.runs, s->dump.marks, s->n, s->back, s->unknown,
	    shape_rows());
	if (problem_count() == 0)
		puts("equal to the source in each order");
	else
		printf("%ld problems\n", problem_count());
}

int
main(int argc, char **argv)
{
	struct seam s = { .before = -1 };
	const char *publications = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			publications = optarg;
		else if (c == 'b')
			s.before = atoll(optarg);
		else if (c == 'r')
			s.seed = strtoull(optarg, NULL, 10);
		else if (c == 's')
			s.samples = optarg;
		else
			usage();
	}
	if (publications == NULL || s.before < 0 || optind + 2 != argc)
		usage();
	source_open(&s.source, &s.replica, publications);
	lines_read_stream(&s.stream, &s.replica, argv[optind]);
	lines_read_dump(&s.dump, &s.replica, argv[optind + 1]);
	read_source(&s);
	stream_first(&s);
	dump_first(&s, 0);
	dump_first(&s, 1);
	if (s.samples != NULL)
		as_recorded(&s);
	for (int i = 0; i < RANDOM_ORDERS; i++)
		at_random(&s, i);
	problem_at(NULL, 0);
	report(&s);
	free_source(&s);
	lines_free(&s.stream);
	lines_free(&s.dump);
	source_close(&s.source);
	replica_free(&s.replica);
	return problem_count() == 0 ? 0 : 1;
}
