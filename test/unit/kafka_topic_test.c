/* Names of topics: templates, and names of tables that are none of Kafka's. */
#include "said.h"
#include "tap.h"
#include "topic.h"

static const char *
expanded(const char *template, const char *schema, const char *table)
{
	static char topic[TOPIC_SIZE];

	return topic_expand(topic, template, schema, strlen(schema), table, strlen(table)) == 0
	           ? topic
	           : NULL;
}

static void
expanding(void)
{
	static const struct {
		const char *template, *schema, *table, *topic;
	} cases[] = {
		{ "cdc", "public", "orders", "cdc" },
		{ "cdc.%{schema}.%{table}", "public", "orders", "cdc.public.orders" },
		{ "%{table}", "public", "Orders_2", "Orders_2" },
		{ "%{table}%{table}-x", "s", "t", "tt-x" },
		{ "%{schema}.%{table}", "a.b", "c", "a-2eb.c" },
		{ "%{schema}.%{table}", "a", "b.c", "a.b-2ec" },
		{ "%{table}", "s", "a-b", "a-2db" },
		{ "%{table}", "s", "a b", "a-20b" },
		{ "%{table}", "s", "\xc3\xa9", "-c3-a9" },
		{ "%{table}", "s", "%{schema}", "-25-7bschema-7d" },
	};
	char name[81];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(expanded(cases[i].template, cases[i].schema, cases[i].table), cases[i].topic,
		    "%s of %s.%s", cases[i].template, cases[i].schema, cases[i].table);
	memset(name, 'x', 80);
	name[80] = '\0';
	is_int(strlen(expanded("%{table}%{table}%{table}123456789", "s", name)), 249,
	    "the longest name");
	ok(expanded("%{table}%{table}%{table}1234567890", "s", name) == NULL, "and one more");
	name[0] = ' ';
	ok(expanded("%{table}%{table}%{table}1234", "s", name) == NULL,
	    "one more inside a quoted byte");
}

static void
checking(void)
{
	static const char *const good[] = { "a", "cdc.%{schema}.%{table}", "A-b_c.9", "...",
		"%{table}" };
	static const struct {
		const char *topic, *message;
	} bad[] = {
		{ ".", "invalid topic \".\"" },
		{ "..", "neither \".\" nor \"..\"" },
		{ "a b", "invalid topic \"a b\"; expected letters" },
		{ "a/b", "invalid topic \"a/b\"" },
		{ "\xc3\xa9", "invalid topic" },
		{ "a.%{column}", "unknown field in topic \"a.%{column}\" at \"%{column}\"" },
		{ "a%", "unknown field in topic \"a%\" at \"%\"; expected %{schema} or %{table}" },
		{ "%{schema", "unknown field" },
	};
	char name[252];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		is_int(topic_check(good[i]), 0, "%s", good[i]);
	memset(name, 'x', 250);
	name[249] = '\0';
	is_int(topic_check(name), 0, "249 characters");
	is_str(said(), "", "nothing is said of good ones");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_int(topic_check(bad[i].topic), 100, "%s", bad[i].topic);
		ok(strstr(said(), bad[i].message) != NULL, "... %s", bad[i].message);
	}
	name[249] = 'x';
	name[250] = '\0';
	is_int(topic_check(name), 100, "250 characters");
	ok(topic_is_template("a%{table}") && !topic_is_template("a"), "which is a template");
}

static void
matching(void)
{
	static const struct {
		const char *template, *name;
		int matches;
	} cases[] = {
		{ "cdc", "cdc", 1 },
		{ "cdc", "cdcs", 0 },
		{ "cdc.%{schema}.%{table}", "cdc.public.orders", 1 },
		{ "cdc.%{schema}.%{table}", "cdc.public.Orders-2e_2", 1 },
		{ "cdc.%{schema}.%{table}", "cdc.public", 0 },
		{ "cdc.%{schema}.%{table}", "cdc.public.", 0 },
		{ "cdc.%{schema}.%{table}", "cdc.public.orders.old", 0 },
		{ "%{schema}%{table}", "ab", 1 },
		{ "%{schema}%{table}", "a", 0 },
		{ "%{table}-x", "a-2d-x", 1 },
		{ "%{table}-x", "a-x-x", 0 },
		{ "%{table}-20", "a-20-20", 1 },
		{ "%{table}", "-c3-a9", 1 },
		{ "%{table}", "a-", 0 },
		{ "%{table}", "a-2", 0 },
		{ "%{table}", "a-2D", 0 },
		{ "%{table}", "a-61", 0 },
		{ "%{table}", "a-00", 0 },
		{ "%{table}", "pgcdc-position-a", 0 },
		{ "%{table}-x", "-x", 0 },
		{ "%{table}", "", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(topic_matches(cases[i].template, cases[i].name), cases[i].matches, "%s: %s",
		    cases[i].template, cases[i].name);
}

int
main(void)
{
	said_start();
	expanding();
	checking();
	matching();
	return tap_done();
}
