#include "supervise.h"
#include "backoff.h"
#include "buf.h"
#include "log.h"
#include "loop.h"
#include "run.h"

/* The programs in the order of the stream; tee(1), which nobody asked for, is a comma. */
static void
say_start(const struct pipeline *p)
{
	struct buf line = BUF_INIT;

	for (size_t i = 0; i < p->n; i++) {
		if (p->tee > 0 && i == p->tee)
			continue;
		buf_str(&line, i == 0 ? "" : i < p->n_chain ? " | " : ", ");
		buf_str(&line, p->stage[i].label);
	}
	buf_add(&line, "", 1);
	if (!line.failed)
		log_info("starting %s", line.data);
	buf_free(&line);
}

static int
ended_cleanly(void)
{
	log_info("the line has ended, and all that it read is acknowledged");
	return EXIT_DONE;
}

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
		say_start(p);
		run_once(&result, p, s->shutdown_timeout);
		if (result.code == EXIT_DONE)
			return ended_cleanly();
		if (result.code == EXIT_PERMANENT)
			return log_permanent("\"%s\" %s; the line is not started again: see its "
					     "message above for what to do",
			    result.label, result.how);
		if (s->once || loop_ending())
			return log_temporary("\"%s\" %s; what was not acknowledged comes again at "
					     "the next start",
			    result.label, result.how);
	} while (rest(&backoff, &result, loop_now() - start));
	log_info("ended before the line was started again");
	return EXIT_DONE;
}
