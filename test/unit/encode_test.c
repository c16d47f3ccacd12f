/* Event lines, byte for byte. */
#include <stdlib.h>

#include "encode.h"
#include "event.h"
#include "log.h"

#include "messages.h"
#include "tap.h"

static const struct pgoutput_bytes no_origin;
static struct filter all;
static struct types *types;
static struct relations *relations;
static struct encode_transaction tx;
static struct buf out;

static int
ask(void *context, uint32_t oid, int32_t modifier, struct buf *name)
{
	(void)context;
	(void)oid;
	(void)modifier;
	buf_str(name, "public.mood");
	return 0;
}

/* One line, valid as such; without its line feed. It lives until the next call. */
static const char *
line(void)
{
	static struct event e;
	static char text[16384];

	if (out.failed || out.len == 0 || out.len >= sizeof(text) || out.data[out.len - 1] != '\n')
		return "no line";
	if (memchr(out.data, '\n', out.len - 1) != NULL)
		return "more than one line";
	memcpy(text, out.data, out.len - 1);
	text[out.len - 1] = '\0';
	if (event_scan(&e, text, out.len - 1) != 0) {
		printf("#   %s at %zu: %s\n", e.error, e.error_at, text);
		event_free(&e);
		return "not an event line";
	}
	event_free(&e);
	out.len = 0;
	return text;
}

static void
is_line(const char *why, const char *want, const char *what)
{
	is_str(why, NULL, "%s: it can be written", what);
	is_str(line(), want, "... as it is");
	out.len = 0;
}

static void
declare(uint32_t id, int identity, int n, const struct message_column *columns)
{
	struct pgoutput_message m;
	const char *why;

	message_relation(id, "public", "t", identity, n, columns);
	if (pgoutput_decode(&m, message.data, message.len, &why) != 0 ||
	    relations_announce(relations, &m.u.relation, 0) != 0)
		abort();
}

/* Encode the change in "message", with lsn 0/A0 and number 7. */
static const char *
change(void)
{
	struct encode_place place = { 0xA0, 7 };
	struct pgoutput_message m;
	const char *why;

	if (pgoutput_decode(&m, message.data, message.len, &why) != 0)
		abort();
	out.len = 0;
	return encode_change(&out, &tx, place, relations_find(relations, m.u.change.relation), &m);
}

#define AT ",\"xid\":1476,\"timestamp\":\"2026-11-20 23:34:49.387783+00\""
#define OPENING(action)                                                                      \
	"{\"action\":\"" action "\",\"lsn\":\"0/A0\",\"seq\":7" AT ",\"schema\":\"public\"," \
	"\"table\":\"t\""

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

/* One value in a column of a type, and how it stands on the line. */
static const struct {
	uint32_t type;
	const char *text, *shown;
} values[] = {
	/* Numbers keep all digits, and are strings when JSON has no such number. */
	{ 20, "9223372036854775807", "9223372036854775807" },
	{ 20, "-9223372036854775808", "-9223372036854775808" },
	{ 21, "0", "0" },
	{ 26, "4294967295", "4294967295" },
	{ 1700, "12345678901234567890.1234567890", "12345678901234567890.1234567890" },
	{ 1700, "0.00", "0.00" },
	{ 1700, "-0", "-0" },
	{ 1700, "NaN", "\"NaN\"" },
	{ 1700, "Infinity", "\"Infinity\"" },
	{ 1700, "-Infinity", "\"-Infinity\"" },
	{ 701, "1e+20", "1e+20" },
	{ 701, "1e-07", "1e-07" },
	{ 701, "1.5E20", "1.5E20" },
	{ 701, "-1.7976931348623157e+308", "-1.7976931348623157e+308" },
	{ 701, "0.30000000000000004", "0.30000000000000004" },
	{ 700, "-0", "-0" },
	{ 700, "0e0", "0e0" },
	{ 23, "01", "\"01\"" },
	{ 23, "-01", "\"-01\"" },
	{ 23, "00", "\"00\"" },
	{ 23, "1.", "\"1.\"" },
	{ 23, ".5", "\".5\"" },
	{ 23, "-.5", "\"-.5\"" },
	{ 23, "-", "\"-\"" },
	{ 23, "+1", "\"+1\"" },
	{ 23, "", "\"\"" },
	{ 23, " 1", "\" 1\"" },
	{ 23, "1 ", "\"1 \"" },
	{ 23, "1e", "\"1e\"" },
	{ 23, "1e+", "\"1e+\"" },
	{ 23, "1e1.5", "\"1e1.5\"" },
	{ 23, "1.e5", "\"1.e5\"" },
	{ 23, "1,2", "\"1,2\"" },
	{ 23, "1_000", "\"1_000\"" },
	{ 23, "0x1f", "\"0x1f\"" },
	{ 23, "--1", "\"--1\"" },
	{ 23, "1}", "\"1}\"" },
	{ 23, "inf", "\"inf\"" },
	{ 23, "1\"", "\"1\\\"\"" },
	{ 25, "1", "\"1\"" },
	/* Booleans. */
	{ 16, "t", "true" },
	{ 16, "f", "false" },
	{ 16, "true", "\"true\"" },
	{ 16, "", "\"\"" },
	{ 16, "x", "\"x\"" },
	{ 25, "t", "\"t\"" },
	/* bytea is hexadecimal without its prefix; what has none is not. */
	{ 17, "\\xdeadbeef", "\"deadbeef\"" },
	{ 17, "\\x", "\"\"" },
	{ 17, "\\", "\"\\\\\"" },
	{ 17, "", "\"\"" },
	{ 17, "abc\\000", "\"abc\\\\000\"" },
	{ 25, "\\xab", "\"\\\\xab\"" },
	/* Everything else is a string. */
	{ 25, "", "\"\"" },
	{ 25, "a \"b\"\n\\", "\"a \\\"b\\\"\\n\\\\\"" },
	{ 25, "\xe6\xbc\xa2\xf0\x9f\x98\x80/", "\"\xe6\xbc\xa2\xf0\x9f\x98\x80/\"" },
	{ 3802, "{\"a\": 1}", "\"{\\\"a\\\": 1}\"" },
	{ 790, "$1,234.50", "\"$1,234.50\"" },
	{ 1007, "{1,2}", "\"{1,2}\"" },
	{ 16400, "5", "\"5\"" },
	{ 16400, "t", "\"t\"" },
	{ 16400, "\\xab", "\"\\\\xab\"" },
};

static void
value_forms(void)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char opening[256], want[512];
		struct message_column c = { 0, "c", values[i].type, -1 };
		const char *type = NULL;

		types_name(types, &type, values[i].type, -1);
		declare(1, 'n', 1, &c);
		message_change('I', 1);
		put_row('N', 1, &values[i].text);
		snprintf(opening, sizeof(opening),
		    "%s,\"columns\":[{\"name\":\"c\",\"type\":\"%s\"", OPENING("I"), type);
		snprintf(want, sizeof(want), "%s,\"value\":%s}]}", opening, values[i].shown);
		is_line(change(), want, values[i].shown);
		message_change('I', 1);
		put_row('N', 1, (const char *[]){ NULL });
		snprintf(want, sizeof(want), "%s,\"value\":null}]}", opening);
		is_str(change(), NULL, "... and a null");
		if (strcmp(line(), want) != 0)
			ok(0, "... which is null");
	}
}

static void
control_bytes(void)
{
	static const char *const shown[0x20] = {
		['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"
	};

	declare(1, 'n', 1, &(struct message_column){ 0, "c", 25, -1 });
	for (int c = 1; c < 0x20; c++) {
		char text[] = { 'a', (char)c, 'b', '\0' }, escape[8], want[256];
		const char *value = text;

		snprintf(escape, sizeof(escape), "\\u%04x", c);
		snprintf(want, sizeof(want),
		    "%s,\"columns\":[{\"name\":\"c\",\"type\":\"text\","
		    "\"value\":\"a%sb\"}]}",
		    OPENING("I"), shown[c] != NULL ? shown[c] : escape);
		message_change('I', 1);
		put_row('N', 1, &value);
		is_str(change(), NULL, "control byte %d", c);
		is_str(line(), want, "... escaped");
	}
}

static void
not_utf8(void)
{
	static const char *const texts[] = { "\xff", "a\xc3", "\xc3(", "\xed\xa0\x80", "\xc0\x80",
		"\xf4\x90\x80\x80", "0123456789abcdef0123456789abcdef\x80", "\xe6\xbc" };
	static const uint32_t kinds[] = { 25, 23, 16, 17 };

	for (size_t k = 0; k < 4; k++) {
		declare(1, 'n', 1, &(struct message_column){ 0, "c", kinds[k], -1 });
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
			const char *why;

			message_change('I', 1);
			put_row('N', 1, &texts[i]);
			why = change();
			ok(why != NULL && strstr(why, "UTF-8") != NULL, "type %u, invalid text %zu",
			    kinds[k], i);
		}
	}
	out.len = 0;
}

#define ID(v) "{\"name\":\"id\",\"type\":\"bigint\",\"value\":" v "}"
#define NOTE(v) "{\"name\":\"note\",\"type\":\"text\",\"value\":" v "}"
#define MORE(v) "{\"name\":\"more\",\"type\":\"text\",\"value\":" v "}"
#define COLUMNS(list) ",\"columns\":[" list "]"
#define IDENTITY(list) ",\"identity\":[" list "]"

static const struct message_column keyed[] = { { 1, "id", 20, -1 }, { 0, "note", 25, -1 },
	{ 0, "more", 25, -1 } };
static const struct message_column whole[] = { { 1, "id", 20, -1 }, { 1, "note", 25, -1 },
	{ 1, "more", 25, -1 } };
static const struct message_column keyless[] = { { 0, "id", 20, -1 }, { 0, "note", 25, -1 },
	{ 0, "more", 25, -1 } };
static const struct message_column last_keyed[] = { { 0, "id", 20, -1 }, { 0, "note", 25, -1 },
	{ 1, "more", 25, -1 } };

#define ROW(...) ((const char *[]){ __VA_ARGS__ })

static void
inserts(void)
{
	declare(1, 'd', 3, keyed);
	message_change('I', 1);
	put_row('N', 3, ROW("1", "a", NULL));
	is_line(change(), OPENING("I") COLUMNS(ID("1") "," NOTE("\"a\"") "," MORE("null")) "}",
	    "an insert");
	declare(2, 'n', 0, NULL);
	message_change('I', 2);
	put_row('N', 0, NULL);
	is_line(change(), OPENING("I") COLUMNS("") "}", "an insert of no columns");
}

static void
updates(void)
{
	declare(1, 'd', 3, keyed);
	message_change('U', 1);
	put_row('N', 3, ROW("1", "a", NULL));
	is_line(change(),
	    OPENING("U") COLUMNS(ID("1") "," NOTE("\"a\"") "," MORE("null")) IDENTITY(ID("1")) "}",
	    "an update: the key did not change");
	message_change('U', 1);
	put_row('K', 3, ROW("0", NULL, NULL));
	put_row('N', 3, ROW("1", "a", "b"));
	is_line(change(),
	    OPENING("U") COLUMNS(ID("1") "," NOTE("\"a\"") "," MORE("\"b\"")) IDENTITY(ID("0")) "}",
	    "one that changes the key");
	declare(4, 'i', 3, last_keyed);
	message_change('U', 4);
	put_row('N', 3, ROW("1", "a", "b"));
	is_line(change(),
	    OPENING("U") COLUMNS(ID("1") "," NOTE("\"a\"") "," MORE("\"b\""))
		IDENTITY(MORE("\"b\"")) "}",
	    "the last column is the key");
	declare(3, 'n', 3, keyless);
	message_change('U', 3);
	put_row('N', 3, ROW("1", "a", "b"));
	is_line(change(), OPENING("U") COLUMNS(ID("1") "," NOTE("\"a\"") "," MORE("\"b\"")) "}",
	    "no replica identity");
	declare(2, 'f', 3, whole);
	message_change('U', 2);
	put_row('O', 3, ROW("0", NULL, "c"));
	put_row('N', 3, ROW("1", "a", "b"));
	is_line(change(),
	    OPENING("U") COLUMNS(ID("1") "," NOTE("\"a\"") "," MORE("\"b\""))
		IDENTITY(ID("0") "," NOTE("null") "," MORE("\"c\"")) "}",
	    "the whole old row");
}

static void
unchanged_values(void)
{
	declare(1, 'd', 3, keyed);
	message_change('U', 1);
	put_row('N', 3, ROW("1", unchanged, "b"));
	is_line(change(),
	    OPENING("U") COLUMNS(ID("1") "," MORE("\"b\"")) ",\"unchanged\":[\"note\"]" IDENTITY(
		ID("1")) "}",
	    "a value that was not sent");
	message_change('U', 1);
	put_row('N', 3, ROW("1", unchanged, unchanged));
	is_line(change(),
	    OPENING("U")
		COLUMNS(ID("1")) ",\"unchanged\":[\"note\",\"more\"]" IDENTITY(ID("1")) "}",
	    "two of them");
	message_change('U', 1);
	put_row('K', 3, ROW("0", NULL, NULL));
	put_row('N', 3, ROW("1", "a", unchanged));
	is_line(change(),
	    OPENING("U") COLUMNS(ID("1") "," NOTE("\"a\"")) ",\"unchanged\":[\"more\"]" IDENTITY(
		ID("0")) "}",
	    "... is not null in the old key");
	/* The first column is missing: no comma stands before the others. */
	declare(4, 'i', 3, last_keyed);
	message_change('U', 4);
	put_row('N', 3, ROW(unchanged, unchanged, "b"));
	is_line(change(),
	    OPENING("U") COLUMNS(MORE("\"b\"")) ",\"unchanged\":[\"id\",\"note\"]" IDENTITY(
		MORE("\"b\"")) "}",
	    "the first are missing");
	declare(3, 'n', 3, keyless);
	message_change('U', 3);
	put_row('N', 3, ROW(unchanged, unchanged, unchanged));
	is_line(change(), OPENING("U") COLUMNS("") ",\"unchanged\":[\"id\",\"note\",\"more\"]}",
	    "all are missing");

	declare(2, 'f', 3, whole);
	message_change('U', 2);
	put_row('O', 3, ROW("0", "old", NULL));
	put_row('N', 3, ROW("1", unchanged, unchanged));
	is_line(change(),
	    OPENING("U") COLUMNS(ID("1") "," NOTE("\"old\"") "," MORE("null"))
		IDENTITY(ID("0") "," NOTE("\"old\"") "," MORE("null")) "}",
	    "filled from the whole old row");
	/* An old row that comes without the value, either: it is not there to fill from. */
	declare(4, 'f', 3, last_keyed);
	message_change('U', 4);
	put_row('O', 3, ROW("0", unchanged, "z"));
	put_row('N', 3, ROW("1", unchanged, unchanged));
	is_line(change(),
	    OPENING("U") COLUMNS(ID("1") "," MORE("\"z\"")) ",\"unchanged\":[\"note\"]" IDENTITY(
		MORE("\"z\"")) "}",
	    "filled as far as it goes");
}

static void
key_not_sent(void)
{
	const char *why;

	declare(1, 'd', 3, keyed);
	message_change('U', 1);
	put_row('N', 3, ROW(unchanged, "a", "b"));
	why = change();
	ok(why != NULL && strstr(why, "key column") != NULL, "a key that was not sent");
	message_change('D', 1);
	put_row('K', 3, ROW(unchanged, NULL, NULL));
	why = change();
	ok(why != NULL && strstr(why, "key column") != NULL, "... nor in a delete");
	out.len = 0;
}

static void
deletes(void)
{
	declare(1, 'd', 3, keyed);
	message_change('D', 1);
	put_row('K', 3, ROW("1", NULL, NULL));
	is_line(change(), OPENING("D") IDENTITY(ID("1")) "}", "a delete by key");
	declare(2, 'f', 3, whole);
	message_change('D', 2);
	put_row('O', 3, ROW("1", "a", NULL));
	is_line(change(), OPENING("D") IDENTITY(ID("1") "," NOTE("\"a\"") "," MORE("null")) "}",
	    "a delete with the whole row");
	declare(3, 'n', 3, keyless);
	message_change('D', 3);
	put_row('O', 3, ROW("1", "a", NULL));
	is_line(change(), OPENING("D") "}", "a delete without identity");
	declare(4, 'i', 3, last_keyed);
	message_change('D', 4);
	put_row('K', 3, ROW(NULL, NULL, "k"));
	is_line(change(), OPENING("D") IDENTITY(MORE("\"k\"")) "}", "the last column is the key");
}

static void
truncates(void)
{
	struct encode_place place = { 0xA0, 7 };

	declare(1, 'd', 3, keyed);
	is_line(encode_truncate(&out, &tx, place, relations_find(relations, 1)), OPENING("T") "}",
	    "a truncate");
}

/* Encode a logical message; outside of transactions its token is its own LSN. */
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
	types = types_new(ask, NULL);
	relations = relations_new(&all, types);
	brackets();
	timestamps();
	encode_transaction(&tx, 0xD224158, 1476, 848532889387783, no_origin);
	value_forms();
	control_bytes();
	not_utf8();
	inserts();
	updates();
	unchanged_values();
	key_not_sent();
	deletes();
	truncates();
	messages();
	appending();
	extreme_timestamps();
	relations_free(relations);
	types_free(types);
	buf_free(&tx.text);
	buf_free(&out);
	buf_free(&message);
	return tap_done();
}
