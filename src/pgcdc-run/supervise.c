#include "supervise.h"
#include "backoff.h"
#include "log.h"
#include "loop.h"
#include "run.h"

/* 1 when the line is to be started again. */
static int
rest(struct backoff *backoff, const struct run_result *result, int64_t run)
{
	int64_t wait = backoff_wait(backoff, run), end = loop_now() + wait;

	log_warn("\"%s\" %s; the line is started again in %lld.%03lld s", result->label,
	    result->how, (long long)wait / 1000000, (long long)wait / 1000 % 1000);
	while (!loop_ending() && loop_now() < end)
		loop_wait(NULL, 0, end);
	return !loop_ending();
}

int
supervise(const struct pipeline *p, const struct settings *s)
{
	struct backoff backoff = { .min = s->restart_min, .max = s->restart_max };
	struct run_result result;
	int64_t start;

	do {
		start = loop_now();
		run_once(&result, p, s->shutdown_timeout);
		if (result.code == EXIT_DONE)
			return EXIT_DONE;
		if (result.code == EXIT_PERMANENT)
			return log_permanent("\"%s\" %s; the line is not started again: see its "
					     "message above for what to do",
			    result.label, result.how);
		if (s->once || loop_ending())
			return log_temporary("\"%s\" %s; what was not acknowledged comes again at "
					     "the next start",
			    result.label, result.how);
	} while (rest(&backoff, &result, loop_now() - start));
	return EXIT_DONE;
}
