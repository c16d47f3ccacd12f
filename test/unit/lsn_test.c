/* LSNs as text. */
#include <stdint.h>
#include <stdlib.h>

#include "lsn.h"
#include "tap.h"

/* In a block of its own size: nothing behind the text may be read. */
static int
parse(uint64_t *lsn, const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);
	int outcome;

	if (copy == NULL)
		abort();
	memcpy(copy, text, len);
	outcome = lsn_parse(lsn, copy, len);
	free(copy);
	return outcome;
}

static void
good_texts(void)
{
	static const struct {
		const char *text, *shown;
		uint64_t lsn;
	} cases[] = {
		{ "0/0", "0/0", 0 },
		{ "0/1", "0/1", 1 },
		{ "16/B374D848", "16/B374D848", 0x16B374D848 },
		{ "16/b374d848", "16/B374D848", 0x16B374D848 },
		{ "1/0", "1/0", UINT64_C(1) << 32 },
		{ "00000001/0000000A", "1/A", (UINT64_C(1) << 32) + 10 },
		{ "0/FFFFFFFF", "0/FFFFFFFF", UINT32_MAX },
		{ "FFFFFFFF/FFFFFFFF", "FFFFFFFF/FFFFFFFF", UINT64_MAX },
		{ "80000000/10000000", "80000000/10000000", 0x8000000010000000 },
		{ "AbCdEf9/987654F", "ABCDEF9/987654F", 0x0ABCDEF90987654F },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char shown[LSN_SIZE];
		uint64_t lsn = 77;

		ok(parse(&lsn, cases[i].text) == 0 && lsn == cases[i].lsn, "%s", cases[i].text);
		is_int(lsn_format(shown, cases[i].lsn), strlen(cases[i].shown), "... its length");
		is_str(shown, cases[i].shown, "... written");
	}
}

static void
bad_texts(void)
{
	static const char *const cases[] = { "", "/", "0", "0/", "/0", "0//0", "0/0/0", "0/0 ",
		" 0/0", "0/ 0", "0x0/0", "0/-1", "-0/1", "+1/1", "G/0", "0/g", "0/@", "0/`",
		"0/:", "123456789/0", "0/123456789", "000000000/0", "0/0\t", "16-B374D848",
		"16/B374D84\xc3" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t lsn;

		ok(parse(&lsn, cases[i]) == -1, "no LSN: \"%s\"", cases[i]);
	}
	ok(lsn_parse(&(uint64_t){ 0 }, "0/1\0", 4) == -1, "no LSN: a NUL behind it");
	ok(lsn_parse(&(uint64_t){ 0 }, "0/12", 2) == -1, "no byte behind the length counts");
}

static void
round_trip(void)
{
	uint64_t lsn = 1, back = 0;
	char text[LSN_SIZE];
	int good = 1;

	for (int i = 0; i < 20000; i++) {
		lsn = lsn * 6364136223846793005 + 1442695040888963407;
		uint64_t v = lsn >> (i % 64);

		good &= lsn_parse(&back, text, lsn_format(text, v)) == 0 && back == v;
	}
	ok(good, "what is written is read as the same");
}

static void
for_messages(void)
{
	const char *a = lsn_text(1), *b = lsn_text(2), *c = lsn_text(3), *d = lsn_text(4);

	is_str(a, "0/1", "the first of four texts in one message");
	is_str(b, "0/2", "the second");
	is_str(c, "0/3", "the third");
	is_str(d, "0/4", "the fourth");
}

int
main(void)
{
	good_texts();
	bad_texts();
	round_trip();
	for_messages();
	return tap_done();
}
