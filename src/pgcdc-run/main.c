/*
 * pgcdc-run: the supervisor.  One configuration file names the source, the stages and
 * the sinks of a pipeline; they are started, joined by pipes, and end together.
 */
#include "check.h"
#include "log.h"
#include "loop.h"
#include "pipeline.h"
#include "print.h"
#include "runtime.h"
#include "settings.h"
#include "supervise.h"

static struct pipeline pipeline;

static int
print(const struct settings *s)
{
	int err;

	if ((err = pipeline_make(&pipeline, s, "$dir")) != 0)
		return err;
	return print_pipeline(&pipeline, runtime_wanted(s->runtime_dir));
}

/* Nothing is made, so the folder has a name only. */
static int
check(const struct settings *s)
{
	int err;

	if ((err = pipeline_make(&pipeline, s, "$dir")) != 0)
		return err;
	return check_pipeline(&pipeline, s->json);
}

int
main(int argc, char **argv)
{
	const struct settings *settings;
	struct runtime runtime;
	int err;

	log_init("pgcdc-run");
	loop_init();
	if ((err = settings_parse(&settings, argc, argv)) != 0)
		return err;
	if (settings->print)
		return print(settings);

	/* From here on a signal must not leave the folder behind, nor be taken for an answer. */
	loop_start();
	if (settings->check)
		return check(settings);
	if ((err = runtime_open(&runtime, settings)) == 0 &&
	    (err = pipeline_make(&pipeline, settings, runtime.path)) == 0)
		err = supervise(&pipeline, settings);

	runtime_close(&runtime);
	return err;
}
