/*
 * The configuration file: what systemd's EnvironmentFile= reads, read the same.
 */
#include "env_file.h"
#include "said.h"

/* What is read, as "[NAME=value]..." with \n for a line feed; or "LINE: the error". */
static const char *
parsed(const char *text, size_t len)
{
	static char out[4096];
	struct env_file f = { .n = 0 };
	size_t n = 0;

	out[0] = '\0';
	if (env_file_parse(&f, text, len) != 0)
		snprintf(out, sizeof(out), "%u: %s", f.line, f.error);
	else
		for (struct env_file_entry *e = f.entry; e < f.entry + f.n; e++)
			n += (size_t)snprintf(
			    out + n, sizeof(out) - n, "%u[%s=%s]", e->line, e->name, e->value);
	env_file_free(&f);
	return out;
}

static const struct {
	const char *text, *want;
} cases[] = {
	{ "", "" },
	{ "\n\n  \t\n", "" },
	{ "A=b", "1[A=b]" },
	{ "A=b\n", "1[A=b]" },
	{ "A=b\r\nC=d\r\n", "1[A=b]2[C=d]" },
	{ "  A=b\n\tC=d", "1[A=b]2[C=d]" },
	{ "A =b", "1[A=b]" },
	{ "A= b c \t\n", "1[A=b c]" },
	{ "A=\nB=", "1[A=]2[B=]" },
	{ "_a1=x", "1[_a1=x]" },
	{ "A=b=c", "1[A=b=c]" },
	/* Comments: with their own lines only. */
	{ "# A=b\n;C=d\n  # x\nE=f", "4[E=f]" },
	{ "A=b # c", "1[A=b # c]" },
	{ "A=#b;c", "1[A=#b;c]" },
	{ "# a \\\nA=b", "2[A=b]" },
	{ "#'\nA=b", "2[A=b]" },
	/* Single quotes: as it stands. */
	{ "A='b  c'", "1[A=b  c]" },
	{ "A=' b '", "1[A= b ]" },
	{ "A='b\"c\\n$d`'", "1[A=b\"c\\n$d`]" },
	{ "A='b\nc'\nD=e", "1[A=b\nc]3[D=e]" },
	{ "A=''", "1[A=]" },
	/* Double quotes: \ before ", \, `, $ and the end of a line. */
	{ "A=\"b  c\"", "1[A=b  c]" },
	{ "A=\"b\\\"c\\\\d\\`e\\$f\"", "1[A=b\"c\\d`e$f]" },
	{ "A=\"b\\nc\\'d\"", "1[A=b\\nc\\'d]" },
	{ "A=\"b\\\nc\"\nD=e", "1[A=bc]3[D=e]" },
	{ "A=\"b\nc\"\nD=e", "1[A=b\nc]3[D=e]" },
	{ "A=\"$b\"", "1[A=$b]" },
	/* Quotes begin only at the beginning of the value, or after another one. */
	{ "A=b\"c\"", "1[A=b\"c\"]" },
	{ "A=it's", "1[A=it's]" },
	{ "A=\"b\" 'c'\t\"d\"", "1[A=bcd]" },
	{ "A=\"b\" c d ", "1[A=bc d]" },
	{ "A=\"b \" c", "1[A=b c]" },
	/* A backslash outside of quotes: the next byte as it is. */
	{ "A=b\\ \\c\\\\d", "1[A=b c\\d]" },
	{ "A=b\\ ", "1[A=b ]" },
	{ "A=b\\  ", "1[A=b ]" },
	{ "A=b \\", "1[A=b ]" },
	{ "A=b\\\nc\nD=e", "1[A=bc]3[D=e]" },
	{ "A=\\\"b", "1[A=\"b]" },
	{ "A=\\'b\\'", "1[A='b']" },
	/* What systemd passes over in silence is an error here. */
	{ "A", "1: expected NAME=value" },
	{ "\nA b\nC=d", "2: expected NAME=value" },
	{ "=b", "1: expected NAME=value" },
	{ " =b", "1: expected NAME=value" },
	{ "1A=b", "1: expected NAME=value" },
	{ "A-B=c", "1: expected NAME=value" },
	{ "export A=b", "1: expected NAME=value" },
	{ "\303\204=b", "1: expected NAME=value" },
	{ "A=b\nA=c", "2: \"A\" is given twice, first in line 1," },
	{ "\nA='b\nc", "2: a quote ' is not closed" },
	{ "\nA=\"b\nc", "2: a quote \" is not closed" },
	{ "A=\"b\\", "1: a quote \" is not closed" },
	{ "A=\"b\\\"", "1: a quote \" is not closed" },
};

static void
with_nul(void)
{
	is_str(parsed("A=b\0c", 5), "1: a value has a NUL byte", "a NUL byte in a value");
	is_str(parsed("A='\0'", 5), "1: a value has a NUL byte", "... and in quotes");
	is_str(parsed("A\0=b", 4), "1: expected NAME=value", "... and in a name");
	is_str(parsed("#\0\nA=b", 6), "2[A=b]", "... but a comment may have one");
}

static void
many(void)
{
	struct env_file f = { .n = 0 };
	char text[20000];
	size_t len = 0;

	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "A%d='%d'\n", i, i);
	is_int(env_file_parse(&f, text, len), 0, "a thousand entries");
	is_int(f.n, 1000, "... are all there");
	is_str(env_file_find(&f, "A999")->value, "999", "... and found");
	is_int(env_file_find(&f, "A999")->line, 1000, "... with their line");
	ok(env_file_find(&f, "A1000") == NULL, "... and no other");
	env_file_free(&f);
	ok(f.n == 0 && f.entry == NULL, "freed");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(parsed(cases[i].text, strlen(cases[i].text)), cases[i].want, "case %zu", i);
	with_nul();
	many();
	return tap_done();
}
