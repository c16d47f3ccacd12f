/*
 * The Test Anything Protocol, for unit tests: call ok(), is_int() and is_str() as
 * often as there are checks, with a printf format for their description, and
 * end main() with return tap_done().
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TAP_UNUSED __attribute__((unused))
static int tap_run, tap_failed;

__attribute__((format(printf, 4, 0))) TAP_UNUSED static int
tap_result(int good, const char *file, int line, const char *fmt, va_list ap)
{
	printf("%sok %d - ", good ? "" : "not ", ++tap_run);
	vprintf(fmt, ap);
	printf("\n");
	if (!good) {
		tap_failed++;
		printf("#   at %s line %d\n", file, line);
	}
	fflush(stdout);
	return good;
}

__attribute__((format(printf, 4, 5))) TAP_UNUSED static int
tap_ok(const char *file, int line, int good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	return good;
}

__attribute__((format(printf, 5, 6))) TAP_UNUSED static int
tap_is_int(const char *file, int line, long long got, long long want, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!tap_result(got == want, file, line, fmt, ap))
		printf("#   got %lld, want %lld\n", got, want);
	va_end(ap);
	return got == want;
}

__attribute__((format(printf, 5, 6))) TAP_UNUSED static int
tap_is_str(const char *file, int line, const char *got, const char *want, const char *fmt, ...)
{
	int good = got != NULL && want != NULL ? strcmp(got, want) == 0 : got == want;
	va_list ap;

	va_start(ap, fmt);
	if (!tap_result(good, file, line, fmt, ap))
		printf("#   got  %s\n#   want %s\n", got != NULL ? got : "NULL",
		    want != NULL ? want : "NULL");
	va_end(ap);
	return good;
}

#define ok(good, ...) tap_ok(__FILE__, __LINE__, (good) != 0, __VA_ARGS__)
#define is_int(got, want, ...) tap_is_int(__FILE__, __LINE__, (got), (want), __VA_ARGS__)
#define is_str(got, want, ...) tap_is_str(__FILE__, __LINE__, (got), (want), __VA_ARGS__)

/* The plan, and the exit status. */
TAP_UNUSED static int
tap_done(void)
{
	printf("1..%d\n", tap_run);
	return fflush(stdout) != 0 || tap_run == 0 || tap_failed != 0;
}

#endif
