/* Patterns that no topic matches: which one librdkafka's text is about, and whether all are. */
#include "patterns.h"
#include "tap.h"

#define UNKNOWN "Subscribed topic not available: "
#define WHY ": Broker: Unknown topic or partition"

int
main(void)
{
	char a[] = "^a", longer[] = "^a.b", name[] = "plain", b[] = "^b";
	char *items[] = { a, longer, name, b };
	const struct opt_list topics = { .item = items, .n = 4 };
	const struct opt_list first_two = { .item = items, .n = 2 };
	struct patterns p;

	ok(patterns_open(&p, &topics) == 0, "open");
	ok(!patterns_match_nothing(&p), "nothing is known yet");
	is_str(patterns_take(&p, UNKNOWN "^a.b" WHY), "^a.b", "not the one that begins it");
	is_str(patterns_take(&p, UNKNOWN "^a" WHY), "^a", "nor the one that it begins");
	ok(patterns_take(&p, UNKNOWN "plain" WHY) == NULL, "a name is no pattern");
	ok(patterns_take(&p, UNKNOWN "x^b" WHY) == NULL, "nor is a part of one");
	patterns_take(&p, UNKNOWN "^b" WHY);
	ok(!patterns_match_nothing(&p), "the name is there");
	patterns_free(&p);

	ok(patterns_open(&p, &first_two) == 0, "open");
	patterns_take(&p, UNKNOWN "^a" WHY);
	patterns_take(&p, UNKNOWN "^a" WHY);
	ok(!patterns_match_nothing(&p), "one, told twice, is not two");
	patterns_take(&p, UNKNOWN "^a.b" WHY);
	ok(patterns_match_nothing(&p), "all patterns match nothing");
	patterns_free(&p);
	return tap_done();
}
