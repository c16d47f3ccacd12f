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
#include "snapshot.h"
#include "supervise.h"

static struct pipeline snapshot, stream;

/* The lines that the settings ask for. */
static int
make(const struct settings *s, const char *folder)
{
	int err = 0;

	if (s->snapshot != SNAPSHOT_NONE)
		err = pipeline_make(&snapshot, s, PROGRAM_SNAPSHOT, folder);
	if (err == 0 && s->snapshot != SNAPSHOT_ONLY)
		err = pipeline_make(&stream, s, PROGRAM_SOURCE, folder);
	return err;
}

static int
print(const struct settings *s)
{
	const char *folder = runtime_wanted(s->runtime_dir);
	int err;

	if ((err = make(s, "$dir")) != 0)
		return err;
	if (s->snapshot != SNAPSHOT_NONE)
		err = print_pipeline(&snapshot, folder, s->snapshot == SNAPSHOT_ONLY);
	if (err == 0 && s->snapshot != SNAPSHOT_ONLY)
		err = print_pipeline(&stream, folder, 1);
	return err;
}

/* Nothing is made, so the folder has a name only.  The ends of a snapshot are the stream's. */
static int
check(const struct settings *s)
{
	int err;

	if ((err = make(s, "$dir")) != 0 ||
	    (s->snapshot == SNAPSHOT_ONLY &&
		(err = pipeline_make(&stream, s, PROGRAM_SOURCE, "$dir")) != 0))
		return err;
	return check_pipeline(&stream, s->json);
}

static int
run(const struct settings *s)
{
	int err;

	if (s->snapshot != SNAPSHOT_NONE && (err = snapshot_take(&snapshot, s)) != 0)
		return err;
	return s->snapshot == SNAPSHOT_ONLY || loop_ending() ? EXIT_DONE : supervise(&stream, s);
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
	    (err = make(settings, runtime.path)) == 0)
		err = run(settings);

	runtime_close(&runtime);
	return err;
}
