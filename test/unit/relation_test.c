/* The relations that were announced, with their prepared text. */
#include "log.h"
#include "relation.h"
#include "value.h"

#include "messages.h"
#include "said.h"

static const char *type_name = "public.mood";
static int ask_answer;

static int
ask(void *context, uint32_t oid, int32_t modifier, const char *schema, const char *type,
    struct buf *name)
{
	(void)context;
	(void)oid;
	(void)modifier;
	(void)schema;
	(void)type;
	if (ask_answer == 0)
		buf_str(name, type_name);
	return ask_answer;
}

/* The message is decoded from a block that is gone when this returns. */
static int
announce(struct relations *rs)
{
	struct pgoutput_message m;
	char *copy = malloc(message.len);
	const char *why;
	int err = -1;

	if (copy == NULL)
		abort();
	memcpy(copy, message.data, message.len);
	if (ok(pgoutput_decode(&m, copy, message.len, &why) == 0, "a Relation message"))
		err = relations_announce(rs, &m.u.relation, 0x1234);
	memset(copy, 'x', message.len);
	free(copy);
	return err;
}

static void
is_part(const struct relation *r, struct relation_part part, const char *want, const char *what)
{
	char got[512];

	snprintf(got, sizeof(got), "%.*s", (int)part.len, relation_text(r, part));
	is_str(got, want, "%s", what);
}

static const struct message_column orders[] = {
	{ 1, "id", 20, -1 },
	{ 0, "amount", 1700, (12 << 16 | 2) + 4 },
	{ 0, "no\"te", 25, -1 },
	{ 1, "ok", 16, -1 },
	{ 0, "raw", 17, -1 },
	{ 0, "m", 16400, -1 },
};

static void
preparing(void)
{
	struct filter all = { .tables.n = 0 };
	struct types *t = types_new(ask, NULL);
	struct relations *rs = relations_new(&all, t);
	const struct relation *r;

	ok(relations_find(rs, 5) == NULL, "a relation that was not announced");
	message_relation(5, "public", "or\"ders\n", 'd', 6, orders);
	is_int(announce(rs), 0, "... announced");
	r = relations_find(rs, 5);
	if (!ok(r != NULL, "... found"))
		return;
	is_int(r->id, 5, "id");
	is_int(r->n, 6, "columns");
	ok(r->has_identity, "it has an identity");
	ok(r->passes_insert && r->passes_other, "it passes");
	is_part(r, r->names, ",\"schema\":\"public\",\"table\":\"or\\\"ders\\n\"", "names");
	is_part(r, r->columns[0].opening,
	    ",{\"name\":\"id\",\"type\":\"bigint\",\"value\":", "a column");
	is_part(r, r->columns[0].name, "\"id\"", "its name alone");
	is_part(r, r->columns[1].opening,
	    ",{\"name\":\"amount\",\"type\":\"numeric(12,2)\",\"value\":", "one with a modifier");
	is_part(r, r->columns[2].opening,
	    ",{\"name\":\"no\\\"te\",\"type\":\"text\",\"value\":", "one that is quoted");
	is_part(r, r->columns[2].name, "\"no\\\"te\"", "its name alone");
	is_part(r, r->columns[5].opening,
	    ",{\"name\":\"m\",\"type\":\"public.mood\",\"value\":", "one of another type");
	ok(r->columns[0].in_identity && r->columns[3].in_identity, "columns of the identity");
	ok(!r->columns[1].in_identity && !r->columns[5].in_identity, "columns that are not");
	is_int(r->columns[0].form, VALUE_NUMBER, "a number");
	is_int(r->columns[2].form, VALUE_STRING, "a string");
	is_int(r->columns[3].form, VALUE_BOOLEAN, "a boolean");
	is_int(r->columns[4].form, VALUE_BYTEA, "a bytea");

	/* A type of the user may be called anything. */
	type_name = "public.\"a \\ \"\"b\"";
	message_relation(6, "public", "t", 'n', 1, &(struct message_column){ 0, "c", 16401, -1 });
	is_int(announce(rs), 0, "a type with a strange name");
	r = relations_find(rs, 6);
	is_part(r, r->columns[0].opening,
	    ",{\"name\":\"c\",\"type\":\"public.\\\"a \\\\ \\\"\\\"b\\\"\",\"value\":",
	    "... is escaped");
	type_name = "public.mood";
	ok(!r->has_identity, "no column of the identity: there is none");
	relations_free(rs);
	types_free(t);
}

static void
replacing(void)
{
	struct filter all = { .tables.n = 0 };
	struct types *t = types_new(ask, NULL);
	struct relations *rs = relations_new(&all, t);
	const struct relation *r;

	message_relation(5, "public", "orders", 'd', 6, orders);
	announce(rs);
	message_relation(5, "shop", "orders", 'f', 1, orders + 1);
	is_int(announce(rs), 0, "announced again");
	r = relations_find(rs, 5);
	is_int(r->n, 1, "... with other columns");
	ok(!r->has_identity, "... and no identity");
	is_part(r, r->names, ",\"schema\":\"shop\",\"table\":\"orders\"", "... and another name");
	message_relation(7, "", "pg_x", 'n', 0, NULL);
	is_int(announce(rs), 0, "a table without columns");
	r = relations_find(rs, 7);
	ok(r != NULL && r->n == 0, "... is one");
	is_part(r, r->names, ",\"schema\":\"pg_catalog\",\"table\":\"pg_x\"",
	    "an empty schema stands for pg_catalog");
	is_int(relations_find(rs, 5)->n, 1, "the other is still there");
	relations_free(rs);
	types_free(t);
}

static void
many(void)
{
	struct filter all = { .tables.n = 0 };
	struct types *t = types_new(ask, NULL);
	struct relations *rs = relations_new(&all, t);
	int good = 1;

	/* Ids with gaps, so that some share a place in any table of a power of two. */
	for (uint32_t i = 0; i < 3000; i++) {
		struct pgoutput_relation m = { .id = i * 1024 + i % 7,
			.schema = { "s", 1 },
			.table = { "t", 1 },
			.replica_identity = 'd' };

		good &= relations_announce(rs, &m, 0) == 0;
	}
	for (uint32_t i = 0; i < 3000; i++) {
		const struct relation *r = relations_find(rs, i * 1024 + i % 7);

		good &= r != NULL && r->id == i * 1024 + i % 7;
		good &= relations_find(rs, i * 1024 + 7) == NULL;
	}
	ok(good, "3000 relations are found, and no others");
	relations_free(rs);
	types_free(t);
}

static void
passing(void)
{
	static char pattern[] = "public.a*", excluded[] = "*.schema_log";
	char *tables[] = { pattern }, *exclude[] = { excluded };
	static const struct {
		const char *schema, *table;
		int insert, other;
	} cases[] = {
		{ "public", "abc", 1, 1 },
		{ "public", "bcd", 0, 0 },
		{ "public", "a.schema_log", 0, 0 },
		{ "public", "schema_log", 0, 0 },
		/* Of our own schema only new rows of the log, whatever the patterns say. */
		{ "pgcdc", "schema_log", 1, 0 },
		{ "pgcdc", "schema_log2", 0, 0 },
		{ "pgcdc", "schema_lo", 0, 0 },
		{ "pgcdc", "table_ids", 0, 0 },
		{ "pgcdc2", "schema_log", 0, 0 },
		{ "pgcd", "cschema_log", 0, 0 },
		{ "PGCDC", "schema_log", 0, 0 },
	};
	struct filter some = { .tables = { tables, 1 }, .exclude = { exclude, 1 } },
		      all = { .tables.n = 0 };
	struct types *t = types_new(ask, NULL);
	struct relations *rs = relations_new(&some, t), *open = relations_new(&all, t);

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct relation *r;

		message_relation(i, cases[i].schema, cases[i].table, 'd', 0, NULL);
		announce(rs);
		r = relations_find(rs, i);
		is_int(r->passes_insert, cases[i].insert, "inserts of %s.%s", cases[i].schema,
		    cases[i].table);
		is_int(r->passes_other, cases[i].other, "... and other changes");
		announce(open);
		r = relations_find(open, i);
		if (strcmp(cases[i].schema, "pgcdc") == 0)
			ok(r->passes_insert == cases[i].insert && r->passes_other == cases[i].other,
			    "... the same without patterns");
		else
			ok(r->passes_insert && r->passes_other, "... all without patterns");
	}
	relations_free(open);
	relations_free(rs);
	types_free(t);
}

static void
failing(void)
{
	struct filter all = { .tables.n = 0 };
	struct types *t = types_new(ask, NULL);
	struct relations *rs = relations_new(&all, t);

	message_relation(5, "public", "orders", 'd', 6, orders);
	announce(rs);
	said();
	message_relation(5, "bad\xff", "t", 'd', 0, NULL);
	is_int(announce(rs), EXIT_PERMANENT, "a schema that is not UTF-8");
	said_line("at 0/1234 is not valid UTF-8");
	message_relation(5, "public", "t\xc3", 'd', 0, NULL);
	is_int(announce(rs), EXIT_PERMANENT, "a table that is not UTF-8");
	said_line("at 0/1234 is not valid UTF-8");
	message_relation(5, "public", "t", 'd', 1, &(struct message_column){ 0, "\x80", 25, -1 });
	is_int(announce(rs), EXIT_PERMANENT, "a column that is not UTF-8");
	said_line("\"public.t\" at 0/1234 is not valid UTF-8");
	type_name = "x\xed\xa0\x80";
	message_relation(5, "public", "t", 'd', 1, &(struct message_column){ 0, "c", 17000, -1 });
	is_int(announce(rs), EXIT_PERMANENT, "a type that is not UTF-8");
	said_line("\"public.t\" at 0/1234 is not valid UTF-8");
	type_name = "public.mood";
	ask_answer = EXIT_TEMPORARY;
	message_relation(5, "public", "t", 'd', 1, &(struct message_column){ 0, "c", 17001, -1 });
	is_int(announce(rs), EXIT_TEMPORARY, "a server that does not answer");
	ask_answer = 0;
	is_str(said(), "", "... and has said so");
	is_int(relations_find(rs, 5)->n, 6, "what was known is still known");
	relations_free(rs);
	types_free(t);
}

int
main(void)
{
	log_init("relation_test");
	said_start();
	preparing();
	replacing();
	many();
	passing();
	failing();
	buf_free(&message);
	return tap_done();
}
