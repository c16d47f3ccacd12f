/* Points in time, as --start takes them and lines show them. */
#include <inttypes.h>

#include "instant.h"
#include "tap.h"

static void
good(const char *text, int64_t want)
{
	int64_t ms = -1;

	is_int(instant_parse(&ms, text), 0, "\"%s\" is a time", text);
	is_int(ms, want, "... and which");
}

static void
bad(const char *text)
{
	int64_t ms;

	is_int(instant_parse(&ms, text), -1, "\"%s\" is none", text);
}

int
main(void)
{
	static const char *const wrong[] = { "", "@", "@-1", "@1x", "@99999999999999999999", "now",
		"2026-11-21", "2026-11-21T08:30:00", "2026-11-21T08:30Z", "2026-11-21T08:30:00.Z",
		"2026-13-21T08:30:00Z", "2026-11-21T25:30:00Z", "2026-11-21T08:30:00+2",
		"2026-11-21T08:30:00+24:00", "2026-11-21T08:30:00Zx", "1969-12-31T23:59:59Z",
		" 2026-11-21T08:30:00Z", "2026-11-21X08:30:00Z" };
	char text[INSTANT_SIZE];

	good("@0", 0);
	good("@1700000000123", INT64_C(1700000000123));
	good("1970-01-01T00:00:00Z", 0);
	good("2023-11-14T22:13:20Z", INT64_C(1700000000000));
	good("2023-11-14 22:13:20.123456z", INT64_C(1700000000123));
	good("2023-11-15T00:13:20.5+02:00", INT64_C(1700000000500));
	good("2023-11-14T16:43:20-05:30", INT64_C(1700000000000));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		bad(wrong[i]);
	instant_format(text, INT64_C(1700000000007));
	is_str(text, "2023-11-14 22:13:20.007000+00", "the text form");
	return tap_done();
}
