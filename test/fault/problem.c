#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "problem.h"

#define PRINTED_MAX 20

static const char *at_file;
static long at_line, found;

void
problem_at(const char *file, long line)
{
	at_file = file;
	at_line = line;
}

void
problem(const char *format, ...)
{
	char text[512];
	va_list ap;

	if (++found > PRINTED_MAX)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = '?';
	if (at_line > 0)
		printf("%s: %s:%ld: %s\n", program_invocation_short_name, at_file, at_line, text);
	else
		printf("%s: %s\n", program_invocation_short_name, text);
	if (found == PRINTED_MAX)
		printf("%s: more is counted, not printed\n", program_invocation_short_name);
}

long
problem_count(void)
{
	return found;
}
