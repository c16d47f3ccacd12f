#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "instant.h"

static int
parse_milliseconds(int64_t *ms, const char *s)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return -1;
	errno = 0;
	*ms = strtoll(s, &end, 10);
	return errno == 0 && *end == '\0' ? 0 : -1;
}

/* ".123": the milliseconds of it. */
static const char *
parse_fraction(int64_t *ms, const char *s)
{
	int64_t weight = 100;

	*ms = 0;
	if (*s != '.')
		return s;
	if (!isdigit((unsigned char)*++s))
		return NULL;
	for (; isdigit((unsigned char)*s); s++, weight /= 10)
		*ms += weight * (*s - '0');
	return s;
}

/* "Z" or "+02:00": the minutes of it. */
static int
parse_offset(int *minutes, const char *s)
{
	unsigned h, m;
	int end = 0;

	*minutes = 0;
	if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0)
		return 0;
	if ((*s != '+' && *s != '-') || !isdigit((unsigned char)s[1]) ||
	    sscanf(s + 1, "%2u:%2u%n", &h, &m, &end) != 2 || s[1 + end] != '\0' || h > 23 || m > 59)
		return -1;
	*minutes = (int)(60 * h + m) * (*s == '-' ? -1 : 1);
	return 0;
}

int
instant_parse(int64_t *ms, const char *s)
{
	struct tm tm = { 0 };
	const char *rest;
	int minutes;

	if (*s == '@')
		return parse_milliseconds(ms, s + 1);
	if (!isdigit((unsigned char)*s) || (rest = strptime(s, "%Y-%m-%d", &tm)) == NULL ||
	    rest - s != 10 || strchr("Tt ", *rest) == NULL || *rest == '\0' ||
	    (rest = strptime(rest + 1, "%H:%M:%S", &tm)) == NULL || rest - s != 19 ||
	    (rest = parse_fraction(ms, rest)) == NULL || parse_offset(&minutes, rest) != 0)
		return -1;
	*ms += ((int64_t)timegm(&tm) - 60 * minutes) * 1000;
	return *ms >= 0 ? 0 : -1;
}

void
instant_format(char dst[INSTANT_SIZE], int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm = { 0 };
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(dst, INSTANT_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(dst + len, INSTANT_SIZE - len, ".%03d000+00", (int)(ms % 1000));
}
