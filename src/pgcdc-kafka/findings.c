#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "log.h"

static const char *const words[] = {
	[FINDING_OK] = "ok",
	[FINDING_NOTE] = "note",
	[FINDING_BAD] = "bad",
};

/* A broker's name for something may not forge a line. */
static void
mask(char *text)
{
	for (; *text != '\0'; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

static void
keep(
    struct findings *f, const char *status, const char *about, const char *text, const char *remedy)
{
	json_t *one = json_pack("{s:s, s:s, s:s, s:s?}", "name", about, "status", status, "message",
	    text, "remedy", remedy);

	if (f->all == NULL)
		f->all = json_array();
	if (json_array_append_new(f->all, one) != 0)
		f->failed = 1;
}

void
findings_add(struct findings *f, enum finding status, const char *about, const char *remedy,
    const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	f->is_negative |= status == FINDING_BAD;
	if (status != FINDING_BAD && !log_wants(LOG_AT_WARNING))
		return;
	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		f->failed = 1;
		return;
	}
	mask(text);
	if (f->as_json)
		keep(f, words[status], about, text, remedy);
	else
		printf("%-5s%s%s%s\n", words[status], text, remedy != NULL ? "; " : "",
		    remedy != NULL ? remedy : "");
	free(text);
}

const char *
findings_remedy(const char *fmt, ...)
{
	static char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	mask(text);
	return text;
}

int
findings_end(struct findings *f, int err)
{
	if (f->as_json && err == 0) {
		if (f->all == NULL)
			f->all = json_array();
		f->failed |= json_dumpf(f->all, stdout, JSON_ENSURE_ASCII | JSON_COMPACT) != 0;
		putchar('\n');
	}
	json_decref(f->all);
	if (fflush(stdout) != 0 || ferror(stdout))
		return log_temporary("could not write to standard output: %s", strerror(errno));
	if (f->failed)
		return log_temporary("out of memory for what was found");
	if (err != 0)
		return err;
	return f->is_negative ? EXIT_NEGATIVE : EXIT_DONE;
}
