/*
 * Type names and value forms.  That each compiled name is what the server says is
 * compared elsewhere, with servers.
 */
#include "log.h"
#include "lsn.h"
#include "types.h"
#include "value.h"

#include "said.h"

/* The server: it knows one type, by the name in "knows", and counts questions. */
static const char *knows;
static int asked, answer;
static uint32_t asked_oid;
static int32_t asked_modifier;

static char asked_name[64];

static int
ask(void *context, uint32_t oid, int32_t modifier, const char *schema, const char *type,
    struct buf *name)
{
	ok(context == &asked, "the question comes with its context");
	asked++;
	asked_oid = oid;
	asked_modifier = modifier;
	snprintf(asked_name, sizeof(asked_name), "%s %s", schema != NULL ? schema : "NULL",
	    type != NULL ? type : "NULL");
	if (answer == 0 && knows != NULL)
		buf_str(name, knows);
	return answer;
}

static void
is_name(struct types *t, uint32_t oid, int32_t modifier, const char *want)
{
	const char *name = NULL;

	is_int(types_name(t, &name, oid, modifier), 0, "type %u, modifier %d", oid, modifier);
	is_str(name, want, "... its name");
}

static struct pgoutput_bytes
bytes(const char *s)
{
	return (struct pgoutput_bytes){ s, strlen(s) };
}

static void
announce(struct types *t, uint32_t oid, const char *schema, const char *name)
{
	is_int(types_announce(t, oid, bytes(schema), bytes(name)), 0, "announced: %s.%s", schema,
	    name);
}

#define NUMERIC(precision, scale) ((precision) << 16 | ((scale)&0x7ff)) + 4

/* What format_type() says of these with version 15. */
static const struct {
	uint32_t oid;
	int32_t modifier;
	const char *name;
	enum value_form form;
} builtin[] = {
	{ 16, -1, "boolean", VALUE_BOOLEAN },
	{ 17, -1, "bytea", VALUE_BYTEA },
	{ 18, -1, "\"char\"", VALUE_STRING },
	{ 20, -1, "bigint", VALUE_NUMBER },
	{ 21, -1, "smallint", VALUE_NUMBER },
	{ 23, -1, "integer", VALUE_NUMBER },
	{ 25, -1, "text", VALUE_STRING },
	{ 26, -1, "oid", VALUE_NUMBER },
	{ 114, -1, "json", VALUE_STRING },
	{ 700, -1, "real", VALUE_NUMBER },
	{ 701, -1, "double precision", VALUE_NUMBER },
	{ 790, -1, "money", VALUE_STRING },
	{ 1007, -1, "integer[]", VALUE_STRING },
	{ 1043, -1, "character varying", VALUE_STRING },
	{ 1043, 24, "character varying(20)", VALUE_STRING },
	{ 1043, 5, "character varying(1)", VALUE_STRING },
	{ 1043, 10485764, "character varying(10485760)", VALUE_STRING },
	{ 1184, -1, "timestamp with time zone", VALUE_STRING },
	{ 1700, -1, "numeric", VALUE_NUMBER },
	{ 1700, NUMERIC(12, 2), "numeric(12,2)", VALUE_NUMBER },
	{ 1700, NUMERIC(1, 0), "numeric(1,0)", VALUE_NUMBER },
	{ 1700, NUMERIC(1000, 1000), "numeric(1000,1000)", VALUE_NUMBER },
	/* A negative scale, and one above the precision: since version 15. */
	{ 1700, NUMERIC(2, -3), "numeric(2,-3)", VALUE_NUMBER },
	{ 1700, NUMERIC(1000, -1000), "numeric(1000,-1000)", VALUE_NUMBER },
	{ 1700, NUMERIC(3, 5), "numeric(3,5)", VALUE_NUMBER },
	{ 2950, -1, "uuid", VALUE_STRING },
	{ 3802, -1, "jsonb", VALUE_STRING },
};

static void
built_in(void)
{
	struct types *t = types_new(ask, &asked);

	asked = 0;
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
		is_name(t, builtin[i].oid, builtin[i].modifier, builtin[i].name);
		is_int(value_form(builtin[i].oid), builtin[i].form, "... the form of its values");
	}
	is_int(asked, 0, "the server is not asked");
	is_int(value_form(16385), VALUE_STRING, "a type of the user is a string");
	is_int(value_form(0), VALUE_STRING, "and so is none");
	types_free(t);
}

static void
asking(void)
{
	struct types *t = types_new(ask, &asked);

	asked = 0;
	knows = "timestamp(3) with time zone";
	is_name(t, 1184, 3, "timestamp(3) with time zone");
	ok(asked == 1 && asked_oid == 1184 && asked_modifier == 3,
	    "a modifier that is not compiled in is asked for");
	is_name(t, 1184, 3, "timestamp(3) with time zone");
	is_int(asked, 1, "... once");
	is_name(t, 1184, -1, "timestamp with time zone");
	is_int(asked, 1, "... and not without the modifier");
	knows = "timestamp(0) with time zone";
	is_name(t, 1184, 0, "timestamp(0) with time zone");
	is_int(asked, 2, "each modifier by itself");
	is_name(t, 1184, 3, "timestamp(3) with time zone");
	knows = "public.mood";
	is_name(t, 16385, -1, "public.mood");
	is_str(asked_name, "NULL NULL", "... which was not announced");
	knows = "public.other";
	is_name(t, 16386, -1, "public.other");
	is_name(t, 16385, -1, "public.mood");
	is_int(asked, 4, "each type by itself");
	types_free(t);
}

static void
announcing(void)
{
	struct types *t = types_new(ask, &asked);

	asked = 0;
	knows = "public.mood";
	announce(t, 16385, "public", "mood");
	is_int(asked, 0, "an announcement asks nothing");
	is_name(t, 16385, -1, "public.mood");
	is_str(asked_name, "public mood", "... under the name that it was announced with");
	is_name(t, 16385, 7, "public.mood");
	knows = "public.humour";
	is_name(t, 16385, -1, "public.mood");
	is_int(asked, 2, "what is known is not asked again");
	announce(t, 16385, "public", "humour");
	is_name(t, 16385, -1, "public.humour");
	is_name(t, 16385, 7, "public.humour");
	is_str(asked_name, "public humour", "... the new name");
	is_int(asked, 4, "... until it is announced again: then with each modifier");
	announce(t, 16390, "public", "another");
	is_name(t, 16385, -1, "public.humour");
	is_int(asked, 4, "another type's announcement changes nothing");
	types_free(t);
}

/* A type that is gone: the name of its announcement, as format_type() quotes. */
static void
falling_back(void)
{
	static const struct {
		const char *schema, *name, *shown;
	} cases[] = {
		{ "public", "mood", "public.mood" },
		{ "", "mood", "mood" },
		{ "public", "_m00d", "public._m00d" },
		{ "Odd", "mood", "\"Odd\".mood" },
		{ "public", "my type", "public.\"my type\"" },
		{ "public", "0day", "public.\"0day\"" },
		{ "a\"b", "\"", "\"a\"\"b\".\"\"\"\"" },
		{ "public", "\xc3\xa9t\xc3\xa9", "public.\"\xc3\xa9t\xc3\xa9\"" },
		{ "public", "with$", "public.\"with$\"" },
		{ "public", "", "public.\"\"" },
	};
	struct types *t = types_new(ask, &asked);

	knows = NULL;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		announce(t, 20000 + i, cases[i].schema, cases[i].name);
		is_name(t, 20000 + i, -1, cases[i].shown);
	}
	is_name(t, 30000, -1, "???");
	announce(t, 20000, "public", "renamed");
	is_name(t, 20000, -1, "public.renamed");
	knows = "public.mood";
	is_name(t, 20000, -1, "public.renamed");
	announce(t, 20000, "public", "renamed");
	is_name(t, 20000, -1, "public.mood");
	is_name(t, 20001, -1, "mood");
	types_free(t);
}

static void
failing_server(void)
{
	struct types *t = types_new(ask, &asked);
	const char *name;

	asked = 0;
	knows = "public.mood";
	answer = EXIT_TEMPORARY;
	is_int(types_name(t, &name, 16385, -1), EXIT_TEMPORARY, "a question that fails");
	answer = 0;
	is_name(t, 16385, -1, "public.mood");
	is_int(asked, 2, "... is asked again");
	announce(t, 16385, "public", "mood");
	answer = EXIT_PERMANENT;
	is_int(types_name(t, &name, 16385, -1), EXIT_PERMANENT, "the same of a type known before");
	answer = 0;
	is_name(t, 16385, -1, "public.mood");
	is_str(said(), "", "the one who asks has reported");
	types_free(t);
}

int
main(void)
{
	log_init("types_test");
	said_start();
	built_in();
	asking();
	announcing();
	falling_back();
	failing_server();
	return tap_done();
}
