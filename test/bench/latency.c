/*
 * latency: event lines on standard input; at its end prints how long after its
 * commit each transaction's C line was here, in microseconds: the number of
 * transactions, p50, p99, p99.9 and the maximum.  Source and reader share a clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event.h"
#include "line.h"

static int64_t
wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Microseconds since 1970 of "2026-11-20 23:34:49.387783+00", quotes included. */
static int64_t
parse_timestamp(struct event_span s)
{
	struct tm tm = { .tm_isdst = 0 };
	long usec;

	if (s.len < 2 || sscanf(s.p, "\"%d-%d-%d %d:%d:%d.%6ld", &tm.tm_year, &tm.tm_mon,
			     &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &usec) != 7)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return (int64_t)timegm(&tm) * 1000000 + usec;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int
main(void)
{
	static int64_t took[4 * 1000 * 1000];
	struct event event = { .code = 0 };
	struct line_reader reader;
	enum line_status status;
	const char *line;
	size_t len, n = 0;

	line_open(&reader, 0, 1 << 30);
	for (;;) {
		int64_t here = wall_clock();

		while ((status = line_next(&reader, &line, &len)) == LINE_READY) {
			if (event_scan(&event, line, len) != 0)
				return 100;
			if (event.code == 'C' && n < sizeof(took) / sizeof(took[0]))
				took[n++] = here - parse_timestamp(event.timestamp);
		}
		if (status != LINE_MORE || line_fill(&reader) != 0)
			break;
	}
	if (n == 0)
		return 1;
	qsort(took, n, sizeof(took[0]), compare);
	printf("%zu %lld %lld %lld %lld\n", n, (long long)took[n / 2],
	    (long long)took[n * 99 / 100], (long long)took[n * 999 / 1000], (long long)took[n - 1]);
	return 0;
}
