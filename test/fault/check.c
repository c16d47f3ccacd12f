/*
 * The checker of the fault tests: is a recording all that was committed at the
 * source, and nothing else?  See recording.h, transaction.h and replica.h for what
 * is held against what.  The source is the server of the environment (PGHOST and
 * so on) after the workload has ended.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "recording.h"
#include "shape.h"

static const struct option options[] = {
	{ "publication", required_argument, NULL, 'p' },
	{ "samples", required_argument, NULL, 's' },
	{ "translated", no_argument, NULL, 't' },
	{ NULL, 0, NULL, 0 },
};

static void
usage(void)
{
	fputs("usage: check --publication=NAME[,NAME] [--samples=FILE] [--translated] FILE...\n",
	    stderr);
	exit(100);
}

static void
report(const struct recording *r)
{
	long inserted = 0, updated = 0, deleted = 0, truncated = 0;

	for (size_t i = 0; i < r->replica->n; i++) {
		inserted += r->replica->tables[i].inserted;
		updated += r->replica->tables[i].updated;
		deleted += r->replica->tables[i].deleted;
		truncated += r->replica->tables[i].truncated;
	}
	printf("check: %ld lines, %ld runs, %zu transactions and messages, %ld of them again, "
	       "%ld cut; applied %ld inserted, %ld updated, %ld deleted, %ld truncated: ",
	    r->lines, r->runs, r->n, r->duplicates, r->cut, inserted, updated, deleted, truncated);
	if (r->translated)
		printf("%ld rows of tables that change their shape, %ld definitions again: ",
		    shape_rows(), r->baselines);
	if (problem_count() == 0)
		puts("equal to the source");
	else
		printf("%ld problems\n", problem_count());
}

int
main(int argc, char **argv)
{
	const char *publications = NULL, *samples = NULL;
	struct replica replica = { 0 };
	struct source source;
	struct recording recording = { .replica = &replica, .source = &source };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			publications = optarg;
		else if (c == 's')
			samples = optarg;
		else if (c == 't')
			recording.translated = 1;
		else
			usage();
	}
	if (publications == NULL || optind == argc)
		usage();
	source_open(&source, &replica, publications);
	for (int i = optind; i < argc; i++)
		recording_read(&recording, argv[i]);
	recording_finish(&recording);
	if (samples != NULL)
		recording_check_samples(&recording, samples);
	source_compare(&source, &replica);
	report(&recording);
	source_close(&source);
	recording_free(&recording);
	replica_free(&replica);
	return problem_count() == 0 ? 0 : 1;
}
