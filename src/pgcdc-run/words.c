#include <stdlib.h>
#include <string.h>

#include "words.h"

static int
fail(struct words *w, const char *error)
{
	w->error = error;
	return -1;
}

static int
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* A quoted piece at *p, which is its quote. */
static int
quoted(struct words *w, const char **p)
{
	char quote = *(*p)++;

	for (; **p != quote; ++*p) {
		if (**p == '\0')
			return fail(w, "a quote is not closed");
		if (quote == '"' && **p == '\\' && strchr("\"\\`$", (*p)[1]) != NULL &&
		    (*p)[1] != '\0')
			++*p;
		buf_add(&w->text, *p, 1);
	}
	++*p;
	return 0;
}

/* The word at *p, which is neither a blank nor '|' nor the end. */
static int
parse_word(struct words *w, const char **p)
{
	while (**p != '\0' && **p != '|' && !is_blank(**p)) {
		if (**p == '\'' || **p == '"') {
			if (quoted(w, p) != 0)
				return -1;
			continue;
		}
		if (strchr("<>&;()$`", **p) != NULL)
			return fail(w, "no shell reads it: quote < > & ; ( ) $ and `");
		if (**p == '\\' && *++*p == '\0')
			return fail(w, "a backslash stands at the end");
		buf_add(&w->text, (*p)++, 1);
	}
	buf_add(&w->text, "", 1);
	return 0;
}

/* Split text into w->text; count words and commands. */
static int
split(struct words *w, const char *text, size_t *words)
{
	int begins = 1; /* a command is to begin here */

	for (const char *p = text;;) {
		while (is_blank(*p))
			p++;
		if (*p == '\0' && w->n == 0)
			return 0;
		if (*p == '|' || *p == '\0') {
			if (begins)
				return fail(w, "a program is missing before or after \"|\"");
			if (*p++ == '\0')
				return 0;
			begins = 1;
			continue;
		}
		buf_add(&w->text, begins ? "|" : " ", 1);
		if (parse_word(w, &p) != 0)
			return -1;
		w->n += begins;
		++*words;
		begins = 0;
	}
}

/* Let the commands point at their words in w->text. */
static int
point(struct words *w, size_t words)
{
	struct words_command *c = NULL;
	char *text = w->text.data, **word;

	w->command = calloc(w->n, sizeof(*w->command));
	w->word = word = calloc(words + w->n, sizeof(*w->word));
	if (w->text.failed || w->command == NULL || w->word == NULL)
		return fail(w, NULL);
	for (size_t i = 0; i < words; i++) {
		if (*text++ == '|') {
			c = c == NULL ? w->command : c + 1;
			c->argv = i == 0 ? word : ++word; /* behind a NULL */
		}
		*word++ = text;
		c->n++;
		text += strlen(text) + 1;
	}
	return 0;
}

int
words_parse(struct words *w, const char *text)
{
	size_t words = 0;

	if (split(w, text, &words) != 0)
		return -1;
	return words > 0 ? point(w, words) : 0;
}

void
words_free(struct words *w)
{
	free(w->command);
	free(w->word);
	buf_free(&w->text);
	*w = (struct words){ .command = NULL };
}
