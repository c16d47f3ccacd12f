/* Event lines, byte for byte: all but rows. */
#include "encode_lines.h"

static void
brackets(void)
{
	struct encode_head head = { "7445000000000000001", 3, "orders", 0xD1E9F10, 0 };
	struct encode_link link = { 0xD1E9F10, 0xD224188 };

	is_line(encode_head(&out, &head),
	    "{\"action\":\"H\",\"format\":1,\"system_identifier\":\"7445000000000000001\","
	    "\"timeline\":3,\"slot\":\"orders\",\"start\":\"0/D1E9F10\"}",
	    "H");
	head.prev = 0x16B374D848;
	head.slot = "a\"b";
	head.timeline = UINT32_MAX;
	is_line(encode_head(&out, &head),
	    "{\"action\":\"H\",\"format\":1,\"system_identifier\":\"7445000000000000001\","
	    "\"timeline\":4294967295,\"slot\":\"a\\\"b\",\"start\":\"0/D1E9F10\","
	    "\"prev\":\"16/B374D848\"}",
	    "H with prev");
	head.slot = "\xff";
	ok(encode_head(&out, &head) != NULL, "H of a slot that is not UTF-8");
	out.len = 0;

	is_str(encode_transaction(&tx, 0xD224158, 1476, 848532889387783, no_origin), NULL,
	    "a transaction");
	is_line(encode_begin(&out, &tx), "{\"action\":\"B\",\"lsn\":\"0/D224158\"" AT "}", "B");
	is_line(encode_commit(&out, &tx, link),
	    "{\"action\":\"C\",\"lsn\":\"0/D224158\"" AT
	    ",\"prev\":\"0/D1E9F10\",\"ack\":\"0/D224188\"}",
	    "C");
	is_str(encode_transaction(&tx, UINT64_MAX, UINT32_MAX, 848532889387783,
		   (struct pgoutput_bytes){ "or\"igin", 7 }),
	    NULL, "a transaction with an origin");
	is_line(encode_begin(&out, &tx),
	    "{\"action\":\"B\",\"lsn\":\"FFFFFFFF/FFFFFFFF\",\"xid\":4294967295,"
	    "\"timestamp\":\"2026-11-20 23:34:49.387783+00\",\"origin\":\"or\\\"igin\"}",
	    "its B");
	ok(encode_transaction(&tx, 0, 0, 0, (struct pgoutput_bytes){ "\xff", 1 }) != NULL,
	    "an origin that is not UTF-8");
	encode_transaction(&tx, 0xD224158, 1476, 848532889387783, no_origin);
	is_line(encode_begin(&out, &tx), "{\"action\":\"B\",\"lsn\":\"0/D224158\"" AT "}",
	    "the one before leaves nothing");
}

/* What version 15 makes of these, its six digits shown always. */
static const struct {
	int64_t time;
	const char *text;
} times[] = {
	{ INT64_C(0), "2000-01-01 00:00:00.000000+00" },
	{ INT64_C(-1), "1999-12-31 23:59:59.999999+00" },
	{ INT64_C(1), "2000-01-01 00:00:00.000001+00" },
	{ INT64_C(848532889387783), "2026-11-20 23:34:49.387783+00" },
	{ INT64_C(5140800000000), "2000-02-29 12:00:00.000000+00" },
	{ INT64_C(-3150576000000001), "1900-02-28 23:59:59.999999+00" },
	{ INT64_C(-3150576000000000), "1900-03-01 00:00:00.000000+00" },
	{ INT64_C(3160854000000000), "2100-02-28 23:00:00.000000+00" },
	{ INT64_C(3160857600000000), "2100-03-01 00:00:00.000000+00" },
	{ INT64_C(762480000000000), "2024-02-29 00:00:00.000000+00" },
	{ INT64_C(757382399000000), "2023-12-31 23:59:59.000000+00" },
	{ INT64_C(-946684800000000), "1970-01-01 00:00:00.000000+00" },
	{ INT64_C(-63082281600000000), "0001-01-01 00:00:00.000000+00" },
	{ INT64_C(-63082281600000001), "0001-12-31 23:59:59.999999+00 BC" },
	{ INT64_C(-63108806400000000), "0001-02-29 00:00:00.000000+00 BC" },
	{ INT64_C(-64464465600000000), "0044-03-15 12:00:00.000000+00 BC" },
	{ INT64_C(-75731587200000000), "0401-02-29 00:00:00.000000+00 BC" },
	{ INT64_C(-211813488000000000), "4714-11-24 00:00:00.000000+00 BC" },
	{ INT64_C(252455615999999999), "9999-12-31 23:59:59.999999+00" },
	{ INT64_C(252455616000000000), "10000-01-01 00:00:00.000000+00" },
	{ INT64_C(3092581295999999999), "99999-12-31 23:59:59.999999+00" },
	{ INT64_C(3092586393600000000), "100000-02-29 00:00:00.000000+00" },
	{ INT64_C(9223371331199999999), "294276-12-31 23:59:59.999999+00" },
	{ INT64_C(-50486025600000000), "0400-02-29 00:00:00.000000+00" },
	{ INT64_C(-59953046401000000), "0100-02-28 23:59:59.000000+00" },
	{ INT64_C(-59953046400000000), "0100-03-01 00:00:00.000000+00" },
};

static void
is_time(int64_t time, const char *text)
{
	char want[128];

	snprintf(want, sizeof(want),
	    "{\"action\":\"B\",\"lsn\":\"0/0\",\"xid\":1,\"timestamp\":\"%s\"}", text);
	encode_transaction(&tx, 0, 1, time, no_origin);
	is_line(encode_begin(&out, &tx), want, text);
}

static void
timestamps(void)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		is_time(times[i].time, times[i].text);
	/* Each day from 1600 to 2399, counted the plain way. */
	int year = 1600, month = 1, day = 1, good = 1;
	for (int64_t time = -146097 * INT64_C(86400000000); year < 2400; time += 86400000000) {
		static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
		int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		char want[128];

		encode_transaction(&tx, 0, 1, time, no_origin);
		snprintf(want, sizeof(want),
		    ",\"xid\":1,\"timestamp\":\"%04d-%02d-%02d 00:00:00.000000+00\"", year, month,
		    day);
		good &= tx.text.len == strlen(want) && memcmp(tx.text.data, want, tx.text.len) == 0;
		if (++day > lengths[month - 1] + (month == 2 && leap)) {
			day = 1;
			if (++month > 12) {
				month = 1;
				year++;
			}
		}
	}
	ok(good, "each day of 800 years");
}

/* Outside of what the server takes for a time: by the same calendar. */
static void
extreme_timestamps(void)
{
	is_time(INT64_MAX, "294277-01-09 04:00:54.775807+00");
	is_time(INT64_MIN, "290279-12-22 19:59:05.224192+00 BC");
}

static const char *
logical(int transactional, const char *prefix, const void *content, size_t len)
{
	struct encode_place place = { 0xA0, transactional ? 7 : 0 };
	struct encode_link link = { 0x90, 0xA0 };
	struct pgoutput_message m;
	const char *why;

	message_logical(transactional, 0xA0, prefix, content, len);
	if (pgoutput_decode(&m, message.data, message.len, &why) != 0)
		abort();
	out.len = 0;
	return encode_message(&out, transactional ? &tx : NULL, place, &m, link);
}

#define INSIDE                                                                       \
	"{\"action\":\"M\",\"lsn\":\"0/A0\",\"seq\":7" AT ",\"transactional\":true," \
	"\"prefix\":\"app\""

static void
messages(void)
{
	is_line(logical(1, "app", "a \"b\"\n", 6), INSIDE ",\"content\":\"a \\\"b\\\"\\n\"}",
	    "a message of a transaction");
	is_line(logical(1, "app", "", 0), INSIDE ",\"content\":\"\"}", "an empty one");
	is_line(logical(0, "a\"pp", "x", 1),
	    "{\"action\":\"M\",\"lsn\":\"0/A0\",\"seq\":0,\"transactional\":false,"
	    "\"prefix\":\"a\\\"pp\",\"content\":\"x\",\"prev\":\"0/90\",\"ack\":\"0/A0\"}",
	    "one of no transaction");
	is_line(logical(1, "app", "\xff\x0a\xfe", 3), INSIDE ",\"content_hex\":\"ff0afe\"}",
	    "content that is not UTF-8");
	is_line(logical(0, "", "\xc3", 1),
	    "{\"action\":\"M\",\"lsn\":\"0/A0\",\"seq\":0,\"transactional\":false,"
	    "\"prefix\":\"\",\"content_hex\":\"c3\",\"prev\":\"0/90\",\"ack\":\"0/A0\"}",
	    "... of no transaction");
	is_line(logical(1, "app", "a\0b", 3), INSIDE ",\"content_hex\":\"610062\"}",
	    "content with a zero byte");
	is_line(logical(1, "app", "\0", 1), INSIDE ",\"content_hex\":\"00\"}", "a zero byte only");
	ok(logical(1, "\xff", "x", 1) != NULL, "a prefix that is not UTF-8");
	out.len = 0;
}

/* The same line whatever stands before it in the buffer. */
static void
appending(void)
{
	struct encode_link link = { 1, 2 };

	buf_str(&out, "before\n");
	encode_begin(&out, &tx);
	encode_commit(&out, &tx, link);
	ok(memcmp(out.data, "before\n{\"action\":\"B\"", 20) == 0, "lines are appended");
	out.len = 0;
}

int
main(void)
{
	setup();
	brackets();
	timestamps();
	encode_transaction(&tx, 0xD224158, 1476, 848532889387783, no_origin);
	messages();
	appending();
	extreme_timestamps();
	teardown();
	return tap_done();
}
