/*
 * Commands of a pipeline, as a shell would split them: "translate | jq -c '.a | .b'".
 * Blanks separate words, '|' separates commands; '...', "..." and \ quote as in sh(1).
 * Nothing is expanded; what a shell would do something else with is refused.
 */
#ifndef WORDS_H
#define WORDS_H

#include "buf.h"

struct words_command {
	char **argv; /* n words and a NULL */
	size_t n;
};

/* Start with all zero. */
struct words {
	struct words_command *command;
	size_t n;
	const char *error; /* for a message; NULL: out of memory */

	struct buf text; /* each word with '|' (a command's first) or ' ' before and a NUL behind */
	char **word;     /* what the commands point into */
};

/* Blanks alone are no command. 0, or -1 with w->error. */
int words_parse(struct words *w, const char *text);

void words_free(struct words *w);

#endif
