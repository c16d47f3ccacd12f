/* Which tables pass. */
#include "filter.h"
#include "log.h"
#include "tap.h"

#include "said.h"

/* A list of one pattern, or of two with a comma between them. */
static struct opt_list
list_of(char *storage[2], const char *patterns)
{
	struct opt_list list = { .item = storage };
	static char copies[8][128];
	static unsigned next;
	char *rest = copies[next++ % 8];

	snprintf(rest, sizeof(copies[0]), "%s", patterns);
	for (char *p; *patterns != '\0' && (p = strsep(&rest, ",")) != NULL;)
		storage[list.n++] = p;
	return list;
}

static const struct {
	const char *tables, *exclude, *schema, *table;
	int passes;
} cases[] = {
	{ "", "", "public", "orders", 1 },
	{ "public.orders", "", "public", "orders", 1 },
	{ "public.orders", "", "public", "order", 0 },
	{ "public.orders", "", "public", "orders2", 0 },
	{ "public.orders", "", "public", "Orders", 0 },
	{ "public.orders", "", "publi", "corders", 0 },
	{ "public.orders", "", "", "orders", 0 },
	{ "public.*", "", "public", "orders", 1 },
	{ "public.*", "", "public", "", 1 },
	{ "public.*", "", "public2", "orders", 0 },
	{ "*.orders", "", "any", "orders", 1 },
	{ "*.orders", "", "any", "ordersx", 0 },
	{ "*.*", "", "any", "thing", 1 },
	{ "**.**", "", "any", "thing", 1 },
	{ "*.o*s", "", "a", "orders", 1 },
	{ "*.o*s", "", "a", "os", 1 },
	{ "*.o*s", "", "a", "o", 0 },
	{ "*.o*s", "", "a", "sorders", 0 },
	{ "*.*ab*ab*", "", "a", "xabyabz", 1 },
	{ "*.*ab*ab*", "", "a", "xabyaz", 0 },
	{ "*.aab", "", "s", "aaab", 0 },
	{ "*.*aab", "", "s", "aaaab", 1 },
	{ "p*.orders*", "", "public", "orders_2026", 1 },
	/* '*' takes the point, too: a name is one text. */
	{ "a*c", "", "a", "b.c", 1 },
	{ "a*c", "", "ab", "c", 1 },
	{ "public.ord.ers", "", "public", "ord.ers", 1 },
	/* Only '*' is special. */
	{ "public.o?ders", "", "public", "orders", 0 },
	{ "public.[o]rders", "", "public", "orders", 0 },
	{ "public.o\\rders", "", "public", "orders", 0 },
	{ "public.a*b", "", "public", "a*b", 1 },
	{ "public.\xc3\xa9*", "", "public", "\xc3\xa9t\xc3\xa9", 1 },
	/* Several: any of them will do. */
	{ "public.a,public.b", "", "public", "a", 1 },
	{ "public.a,public.b", "", "public", "b", 1 },
	{ "public.a,public.b", "", "public", "c", 0 },
	/* An exclusion wins. */
	{ "", "public.a", "public", "a", 0 },
	{ "", "public.a", "public", "b", 1 },
	{ "public.*", "public.a*", "public", "ab", 0 },
	{ "public.*", "public.a*", "public", "b", 1 },
	{ "public.a", "public.a", "public", "a", 0 },
	{ "", "*.tmp_*,audit.*", "audit", "log", 0 },
	{ "", "*.tmp_*,audit.*", "public", "tmp_x", 0 },
	{ "", "*.tmp_*,audit.*", "public", "log", 1 },
};

static void
passing(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *t[2], *e[2];
		struct filter f = { .tables = list_of(t, cases[i].tables),
			.exclude = list_of(e, cases[i].exclude) };
		size_t schema_len = strlen(cases[i].schema), table_len = strlen(cases[i].table);
		/* Names that are not NUL-terminated, in blocks of their size. */
		char *schema = malloc(schema_len + 1), *table = malloc(table_len + 1);

		if (schema == NULL || table == NULL)
			abort();
		memcpy(schema, cases[i].schema, schema_len);
		memcpy(table, cases[i].table, table_len);
		schema[schema_len] = table[table_len] = 'x';
		is_int(filter_passes(&f, schema, schema_len, table, table_len), cases[i].passes,
		    "--tables=%s --exclude-tables=%s: %s.%s", cases[i].tables, cases[i].exclude,
		    cases[i].schema, cases[i].table);
		free(schema);
		free(table);
	}
}

/* A pattern of schemas never reaches into the table's name. */
static void
schemas(void)
{
	char *some[2], *not [2], *tables[2];
	struct filter f = { .schemas = list_of(some, "app*,x"),
		.exclude_schemas = list_of(not, "app_old") };

	ok(filter_passes(&f, "app", 3, "t", 1), "a schema that is named");
	ok(filter_passes(&f, "x", 1, "t", 1), "... by its whole name");
	ok(!filter_passes(&f, "x.y", 3, "t", 1), "... and not one that begins with it");
	ok(!filter_passes(&f, "public", 6, "app", 3), "another schema");
	ok(!filter_passes(&f, "app_old", 7, "t", 1), "a schema that is excluded");
	f.tables = list_of(tables, "*.t");
	ok(filter_passes(&f, "app", 3, "t", 1), "a table and its schema");
	ok(!filter_passes(&f, "app", 3, "u", 1), "a schema, but not the table");
	ok(!filter_passes(&f, "y", 1, "t", 1), "a table, but not the schema");
	ok(filter_matches("app*", "app.t", NULL), "the schema alone");
	ok(!filter_matches("app", "app", "t"), "... is not the table");
}

static void
checking(void)
{
	char *one[2], *two[2];
	struct filter f = { .tables = list_of(one, "public.*,*.x"),
		.exclude = list_of(two, "a.b") };

	is_int(filter_check(&f), 0, "patterns of schema.table");
	is_str(said(), "", "... nothing is said");
	f.tables = list_of(one, "public.*,orders");
	is_int(filter_check(&f), EXIT_PERMANENT, "a table without a schema");
	said_line("invalid pattern \"orders\" for option \"--tables\"");
	f = (struct filter){ .exclude = list_of(two, "*") };
	is_int(filter_check(&f), EXIT_PERMANENT, "the same of an exclusion");
	said_line("invalid pattern \"*\" for option \"--exclude-tables\"");
	is_int(filter_check(&(struct filter){ .tables.n = 0 }), 0, "no patterns at all");
}

int
main(void)
{
	log_init("filter_test");
	said_start();
	passing();
	schemas();
	checking();
	return tap_done();
}
