#include <stdio.h>
#include <unistd.h>

#include "display.h"
#include "log.h"
#include "loop.h"

#define SECOND INT64_C(1000000)
#define DRAWING_PAUSE (SECOND / 4)
#define MESSAGE_PAUSE (60 * SECOND)

/* "3.4 MB"; valid until the next call. */
static const char *
amount(uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	static char text[32];
	double value = (double)bytes;
	size_t i = 0;

	for (; value >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		value /= 1000;
	snprintf(text, sizeof(text), "%.*f %s", i > 0 && value < 100, value, units[i]);
	return text;
}

/* ", 1:02:03 left"; empty when nobody knows yet; valid until the next call. */
static const char *
time_left(const struct display *d, uint64_t done, uint64_t all)
{
	static char text[48];
	double seconds;

	if (done <= d->before || loop_now() - d->begun < 2 * SECOND)
		return "";
	seconds = (double)(loop_now() - d->begun) / SECOND * (double)(all - done) /
	          (double)(done - d->before);
	snprintf(text, sizeof(text), ", %.0f:%02d:%02d left", (double)(uint64_t)(seconds / 3600),
	    (int)((uint64_t)seconds / 60 % 60), (int)((uint64_t)seconds % 60));
	return text;
}

void
display_begin(struct display *d, const struct plan *p)
{
	uint64_t all;

	d->is_terminal = isatty(STDERR_FILENO) && log_used_format() == LOG_AS_TEXT;
	d->begun = loop_now();
	d->next = log_wants(LOG_AT_INFO) ? d->begun + (d->is_terminal ? 0 : MESSAGE_PAUSE)
	                                 : LOOP_NEVER;
	plan_count(p, &d->before, &all);
}

void
display_tell(struct display *d, const struct plan *p, uint64_t rows, uint64_t bytes)
{
	uint64_t done, all;
	char text[160];

	if (loop_now() < d->next)
		return;
	plan_count(p, &done, &all);
	snprintf(text, sizeof(text), "%llu of %llu pages, %llu rows, %s%s",
	    (unsigned long long)done, (unsigned long long)all, (unsigned long long)rows,
	    amount(bytes), time_left(d, done, all));
	if (d->is_terminal)
		fprintf(stderr, "%s\033[K\r", text);
	else
		log_info("%s", text);
	d->next = loop_now() + (d->is_terminal ? DRAWING_PAUSE : MESSAGE_PAUSE);
}

void
display_end(struct display *d)
{
	if (d->is_terminal && d->next != LOOP_NEVER)
		fprintf(stderr, "\033[K");
	d->next = LOOP_NEVER;
}
