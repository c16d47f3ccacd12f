/* Tokens of a run: what is written, and what is taken for one of ours. */
#include "tokens.h"

#include "tap.h"

static struct tokens tokens = { .run = "0123456789abcdef" };

static int
parse(const char *token, uint64_t *number)
{
	const char *why = NULL;

	return tokens_parse(&tokens, number, token, &why);
}

int
main(void)
{
	static const char *const bad[] = { "0123456789abcdef", "0123456789abcdef-",
		"0123456789abcdef--1", "0123456789abcdef-1x", "0123456789abcdef- 1",
		"0123456789abcdef-18446744073709551616", "0123456789abcde-1", "123456789abcdef0-1",
		"0/1", "" };
	struct tokens other, another;
	struct buf b = BUF_INIT;
	uint64_t number = 7;

	tokens_head(&tokens, &b, "42");
	tokens_mark(&tokens, &b);
	tokens_mark(&tokens, &b);
	buf_add(&b, "", 1);
	is_str(b.data,
	    "{\"action\":\"H\",\"format\":1,\"system_identifier\":\"42\",\"start\":\"0123456789abcdef-0\"}\n"
	    "{\"action\":\"C\",\"prev\":\"0123456789abcdef-0\",\"ack\":\"0123456789abcdef-1\"}\n"
	    "{\"action\":\"C\",\"prev\":\"0123456789abcdef-1\",\"ack\":\"0123456789abcdef-2\"}\n",
	    "a chain from the start on");
	is_int((int)tokens.newest, 2, "the newest");
	ok(parse("0123456789abcdef-2", &number) == 0 && number == 2, "a token of ours");
	ok(parse("0123456789abcdef-18446744073709551615", &number) == 0, "however large");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(parse(bad[i], &number), -1, "\"%s\" is none", bad[i]);
	ok(tokens_open(&other) == 0 && tokens_open(&another) == 0 &&
		strcmp(other.run, another.run) != 0 && strlen(other.run) == 16,
	    "each run draws anew");
	buf_free(&b);
	return tap_done();
}
