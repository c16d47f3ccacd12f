/*
 * What the fault tests hold a topic against: is it what a recording of the same slot's stream,
 * made without faults, says that must be there?  See expected.h, messages.h and delivered.h.
 *
 * --other-names looks only at lsn and seq of a row of shape.sql: servers 13 and 14 can give rows of
 * a partitioned table that is renamed in their transaction the old name or the new one.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "delivered.h"
#include "expected.h"
#include "messages.h"
#include "problem.h"

static const struct option options[] = {
	{ "key", required_argument, NULL, 'k' },
	{ "partitions", required_argument, NULL, 'p' },
	{ "exactly-once", no_argument, NULL, 'x' },
	{ "other-names", no_argument, NULL, 'o' },
	{ "samples", required_argument, NULL, 's' },
	{ "ends", required_argument, NULL, 'e' },
	{ NULL, 0, NULL, 0 },
};

static void
usage(void)
{
	fputs("usage: compare --key=schema|table|identity|none --partitions=N [--exactly-once]\n"
	      "\t[--other-names] [--samples=FILE] [--ends=FILE] RECORDING MESSAGES\n",
	    stderr);
	exit(100);
}

static void
report(const struct delivered *d, const struct messages *m)
{
	printf("compare: %zu rows of %zu transactions; %zu messages, %ld of them again, %ld "
	       "definitions again: ",
	    d->expected->n, d->expected->transactions, m->n, d->again, d->baselines);
	if (problem_count() == 0)
		puts("as they must be");
	else
		printf("%ld problems\n", problem_count());
}

int
main(int argc, char **argv)
{
	const char *samples = NULL, *ends = NULL;
	struct expected expected = { .keys = EXPECTED_SCHEMA };
	struct messages messages = { .n = 0 };
	struct delivered delivered = { .expected = &expected };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'k' && expected_keys(&expected.keys, optarg) == 0)
			continue;
		if (c == 'p')
			delivered.partitions = atoi(optarg);
		else if (c == 'x')
			delivered.exactly_once = 1;
		else if (c == 'o')
			delivered.other_names = 1;
		else if (c == 's')
			samples = optarg;
		else if (c == 'e')
			ends = optarg;
		else
			usage();
	}
	if (optind + 2 != argc || delivered.partitions < 1 || delivered.partitions > PARTITIONS_MAX)
		usage();
	expected_read(&expected, argv[optind]);
	messages_read(&messages, argv[optind + 1]);
	delivered_take(&delivered, &messages);
	delivered_check(&delivered);
	if (samples != NULL)
		delivered_check_samples(&delivered, samples);
	if (ends != NULL)
		delivered_check_ends(&delivered, ends);
	report(&delivered, &messages);
	delivered_free(&delivered);
	messages_free(&messages);
	expected_free(&expected);
	return problem_count() == 0 ? 0 : 1;
}
