/*
 * pgcdc-kafka: event lines to Kafka, and back.  Each half is a program of its own, named by the
 * first argument.
 */
#include <stdio.h>
#include <string.h>

#include "consume.h"
#include "log.h"
#include "loop.h"
#include "produce.h"

static const char usage[] = "pgcdc-kafka: event lines to Kafka, and back\n\n"
			    "Usage: pgcdc-kafka produce [OPTION]...\n"
			    "       pgcdc-kafka consume [OPTION]...\n\n"
			    "Each of them lists its options with --help.\n";

int
main(int argc, char **argv)
{
	log_init("pgcdc-kafka");
	loop_init();
	if (argc < 2)
		return log_permanent("no command is given; see --help");
	if (strcmp(argv[1], "produce") == 0)
		return produce_main(argc - 1, argv + 1);
	if (strcmp(argv[1], "consume") == 0)
		return consume_main(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0)
		return fputs(usage, stdout) >= 0 && fflush(stdout) == 0 ? 0 : EXIT_TEMPORARY;
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return printf("pgcdc-kafka (pgcdc) %s\n", PGCDC_VERSION) >= 0 && fflush(stdout) == 0
		           ? 0
		           : EXIT_TEMPORARY;
	return log_permanent("unknown command \"%s\"; see --help", argv[1]);
}
