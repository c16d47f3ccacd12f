/*
 * What the code under test says on standard error: call said_start() once, then
 * said() gives what came since the last call.
 */
#ifndef SAID_H
#define SAID_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

/* Reports of the sanitizers go on to the real standard error. */
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

__attribute__((unused)) static void
said_start(void)
{
	int real = dup(STDERR_FILENO), file = memfd_create("said", MFD_CLOEXEC);

	if (real < 0 || file < 0 || dup2(file, STDERR_FILENO) < 0)
		abort();
	close(file);
	if (__sanitizer_set_report_fd != NULL)
		__sanitizer_set_report_fd((void *)(intptr_t)real);
}

/* It lives until the next call. */
__attribute__((unused)) static const char *
said(void)
{
	static char text[32768];
	ssize_t n = pread(STDERR_FILENO, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (ftruncate(STDERR_FILENO, 0) != 0 || lseek(STDERR_FILENO, 0, SEEK_SET) != 0)
		abort();
	return text;
}

/* Has it said just one line, and is there such a text in it? */
#define said_line(text) said_line_(__FILE__, __LINE__, text)

__attribute__((unused)) static void
said_line_(const char *file, int line, const char *want)
{
	const char *got = said(), *lf = strchr(got, '\n');

	if (!tap_ok(file, line, lf != NULL && lf[1] == '\0' && strstr(got, want) != NULL,
		"... and one line says: %s", want))
		printf("#   got %s\n", got);
}

#endif
