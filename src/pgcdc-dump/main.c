/*
 * pgcdc-dump: the rows of tables, as they are in one snapshot, as event lines on standard output.
 */
#include "dump.h"
#include "log.h"
#include "loop.h"

int
main(int argc, char **argv)
{
	static struct dump dump; /* for the life of the program */
	int err;

	log_init("pgcdc-dump");
	loop_init();
	if ((err = options_parse(&dump.options, argc, argv)) != 0)
		return err;
	loop_start();
	return dump_run(&dump);
}
