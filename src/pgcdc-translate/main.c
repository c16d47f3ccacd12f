/*
 * pgcdc-translate: event lines with the identity of their tables.  Rows get stable ids and a
 * version from the schema log, which comes in the same stream and is asked for what came before.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "options.h"
#include "translate.h"

int
main(int argc, char **argv)
{
	static struct options options; /* for the life of the program */
	struct store store = { .options = NULL };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	struct translate t = { .options = &options, .tables.filter = &options.filter };
	int err;

	log_init("pgcdc-translate");
	loop_init();
	if ((err = options_parse(&options, argc, argv)) != 0)
		return err;
	if (out_open(&t.out, STDOUT_FILENO) != 0)
		return log_permanent("standard output is closed");
	if (!options_stream_only(&options)) {
		/* Before us may be what makes the schema log: "pgcdc init --snapshot". */
		loop_wait(&input, 1, LOOP_NEVER);
		t.store = &store;
		if ((err = store_open(&store, &options)) != 0) {
			store_close(&store);
			return err;
		}
	}
	line_open(&t.reader, STDIN_FILENO, options.max_line);

	loop_start();
	err = translate_run(&t);

	line_close(&t.reader);
	event_free(&t.event);
	hold_free(&t.hold);
	tables_free(&t.tables);
	buf_free(&t.moved);
	store_close(&store);
	if (out_close(&t.out) != 0 && err == 0)
		err = log_temporary("could not close standard output: %s", strerror(errno));
	return err;
}
