/* Event lines, byte for byte: rows, their values, and TRUNCATE. */
#include "encode_lines.h"

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
int
main(void)
{
	setup();
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
	teardown();
	return tap_done();
}
