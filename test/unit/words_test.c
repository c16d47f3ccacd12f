/*
 * The commands of PGCDC_STAGES.
 */
#include "said.h"
#include "words.h"

/* "[word][word] | [word]", or "error: ...". */
static const char *
parsed(const char *text)
{
	static char out[4096];
	struct words w = { .n = 0 };
	size_t n = 0;

	out[0] = '\0';
	if (words_parse(&w, text) != 0)
		snprintf(out, sizeof(out), "error: %s", w.error);
	else
		for (size_t i = 0; i < w.n; i++) {
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%s", i > 0 ? " | " : "");
			for (size_t j = 0; j < w.command[i].n; j++)
				n += (size_t)snprintf(
				    out + n, sizeof(out) - n, "[%s]", w.command[i].argv[j]);
			ok(w.command[i].argv[w.command[i].n] == NULL, "a NULL ends command %zu", i);
		}
	words_free(&w);
	return out;
}

#define MISSING "error: a program is missing before or after \"|\""
#define SHELL "error: no shell reads it: quote < > & ; ( ) $ and `"

static const struct {
	const char *text, *want;
} cases[] = {
	{ "", "" },
	{ " \t\n ", "" },
	{ "translate", "[translate]" },
	{ " translate\n", "[translate]" },
	{ "a b  c", "[a][b][c]" },
	{ "a|b", "[a] | [b]" },
	{ "a | b c | d", "[a] | [b][c] | [d]" },
	{ "jq -c '.a | .b'", "[jq][-c][.a | .b]" },
	{ "jq \".a | \\\"b\\\" \\$c \\`d\\\\ \\n\"", "[jq][.a | \"b\" $c `d\\ \\n]" },
	{ "a ''", "[a][]" },
	{ "a \"\" b", "[a][][b]" },
	{ "a 'b'\"c\"d", "[a][bcd]" },
	{ "a b\\ c \\| \\'", "[a][b c][|][']" },
	{ "a '\\'", "[a][\\]" },
	{ "a b#c #d", "[a][b#c][#d]" },
	{ "a *.c ?[x]", "[a][*.c][?[x]]" },
	{ "a '<>&;()$`'", "[a][<>&;()$`]" },
	{ "|", MISSING },
	{ "a |", MISSING },
	{ "| a", MISSING },
	{ "a || b", MISSING },
	{ "a | | b", MISSING },
	{ "a 'b", "error: a quote is not closed" },
	{ "a \"b", "error: a quote is not closed" },
	{ "a \"b\\", "error: a quote is not closed" },
	{ "a \"b\\\"", "error: a quote is not closed" },
	{ "a \\", "error: a backslash stands at the end" },
	{ "a >b", SHELL },
	{ "a <b", SHELL },
	{ "a & b", SHELL },
	{ "a; b", SHELL },
	{ "a $b", SHELL },
	{ "a `b`", SHELL },
	{ "(a)", SHELL },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(parsed(cases[i].text), cases[i].want, "%s", cases[i].text);
	return tap_done();
}
