/* Definitions, from the JSON of the schema log. */
#include <errno.h>
#include <stdlib.h>

#include "definition.h"
#include "tap.h"

static const struct definition_choice all;
static char why[128];

static struct definition *
make(const char *text, uint64_t schema_id, const struct definition_choice *choice)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	struct definition like = { .from = 5, .until = 9, .schema_id = schema_id };
	struct definition *d;

	if (json == NULL)
		abort();
	strcpy(why, "?");
	d = definition_make(json, &like, choice, why, sizeof(why));
	json_decref(json);
	return d;
}

#define COLUMN(id, name) "{\"id\":\"" id "\",\"name\":\"" name "\",\"type\":\"text\"}"
#define TABLE(columns, rest) \
	"{\"id\":\"7\",\"schema\":\"s\",\"name\":\"t\",\"columns\":[" columns "]" rest "}"
#define THREE COLUMN("7-1", "a") "," COLUMN("7-3", "b\\\"\\u00e9") "," COLUMN("7-12", "c")

/* A text that is not NUL-terminated. */
static const char *
text_of(const char *p, size_t len)
{
	static char text[512];

	snprintf(text, sizeof(text), "%.*s", (int)len, p);
	return text;
}

static void
whole(void)
{
	struct definition *d = make(TABLE(THREE, ",\"identity\":[\"7-12\",\"7-1\"]"), 42, &all);

	is_int((long long)d->n, 3, "columns");
	ok(d->from == 5 && d->until == 9 && d->schema_id == 42,
	    "interval and row are the caller's");
	is_str(text_of(d->column[0].name, d->column[0].name_len), "\"a\"", "a name");
	is_str(text_of(d->column[1].name, d->column[1].name_len), "\"b\\\"\xc3\xa9\"",
	    "... as pgcdc-read writes it");
	is_str(text_of(d->column[2].suffix, d->column[2].suffix_len), ",\"id\":\"7-12\"", "an id");
	is_int((long long)d->longest_suffix, 12, "the longest of them");
	is_str(text_of(d->metadata, d->metadata_len),
	    ",\"metadata\":{\"schema_id\":42,\"table_id\":\"7\",\"identity_ids\":[\"7-1\",\"7-12\"],"
	    "\"version_id\":",
	    "the identity in the order of the columns");
	ok(d->has_identity && !d->is_partial && !d->is_selective, "with identity, and whole");
	free(d);

	d = make(TABLE(THREE, ""), 0, &all);
	is_str(text_of(d->metadata, d->metadata_len),
	    ",\"metadata\":{\"schema_id\":null,\"table_id\":\"7\",\"identity_ids\":[],\"version_id\":",
	    "no row of the log, no identity");
	ok(!d->has_identity, "... which it knows");
	free(d);

	d = make(TABLE("", ",\"identity\":[]"), 1, &all);
	is_int((long long)d->n, 0, "a table without columns");
	free(d);

	d = definition_unknown(&(struct definition){ .until = 3 });
	is_str(text_of(d->metadata, d->metadata_len),
	    ",\"metadata\":{\"schema_id\":null,\"table_id\":null,\"identity_ids\":[],\"version_id\":",
	    "an unknown table");
	ok(d->is_partial && !d->has_identity && d->until == 3, "... may have any column");
	free(d);
}

static void
refusing(void)
{
	static const struct {
		const char *json, *why;
	} bad[] = {
		{ "null", "it lacks" },
		{ "1", "it lacks" },
		{ "[]", "it lacks" },
		{ "{}", "it lacks" },
		{ "{\"schema\":\"s\",\"name\":\"t\",\"columns\":[]}", "it lacks" },
		{ "{\"id\":\"1\",\"name\":\"t\",\"columns\":[]}", "it lacks" },
		{ "{\"id\":\"1\",\"schema\":\"s\",\"columns\":[]}", "it lacks" },
		{ "{\"id\":\"1\",\"schema\":\"s\",\"name\":\"t\",\"columns\":{}}",
		    "its \"columns\" is no array" },
		{ "{\"id\":1,\"schema\":\"s\",\"name\":\"t\",\"columns\":[]}", "it lacks" },
		{ TABLE("1", ""), "column 1 lacks" },
		{ TABLE("{}", ""), "column 1 lacks" },
		{ TABLE(THREE ",{\"id\":\"7-4\"}", ""), "column 4 lacks" },
		{ TABLE(THREE ",{\"name\":\"d\"}", ""), "column 4 lacks" },
		{ TABLE(THREE ",{\"id\":4,\"name\":\"d\"}", ""), "column 4 lacks" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ok(make(bad[i].json, 1, &all) == NULL && errno != ENOMEM, "%s", bad[i].json);
		ok(strncmp(why, bad[i].why, strlen(bad[i].why)) == 0, "... %s", why);
	}
}

/* What is left of columns a, b, c and d of a table with identity a, d; NULL: refused. */
static const char *
kept(const char *identity, const char *columns, const char *exclude)
{
	static char text[64];
	const char *const lists[] = { identity, columns, exclude };
	struct definition_choice choice = { .columns.n = 0 };
	struct selections *const selections[] = { &choice.identity, &choice.columns,
		&choice.exclude_columns };
	static struct selection item[3];
	static char copies[3][64], *column[3][8];
	struct definition *d;
	char *out = text;

	for (size_t i = 0; i < 3; i++) {
		char *rest = copies[i];

		if (lists[i] == NULL)
			continue;
		strcpy(rest, lists[i]);
		item[i] = (struct selection){ .table = "s.t", .column = column[i] };
		for (char *p; (p = strsep(&rest, ",")) != NULL;)
			column[i][item[i].n++] = p;
		*selections[i] = (struct selections){ .item = &item[i], .n = 1 };
	}
	d = make(
	    TABLE(COLUMN("1", "a") "," COLUMN("2", "b") "," COLUMN("3", "c") "," COLUMN("4", "d"),
		",\"identity\":[\"1\",\"4\"]"),
	    1, &choice);
	if (d == NULL)
		return NULL;
	for (size_t i = 0; i < d->n; i++)
		if (d->column[i].is_kept)
			*out++ = d->column[i].name[1];
	*out++ = d->is_selective ? '-' : '=';
	for (const char *p = strstr(d->metadata, "ids\":[") + 6; *p != ']'; p++)
		if (*p != '"' && *p != ',')
			*out++ = *p;
	*out = '\0';
	free(d);
	return text;
}

static void
choosing(void)
{
	is_str(kept(NULL, NULL, NULL), "abcd=14", "all columns");
	is_str(kept(NULL, "a", NULL), "ad-14", "the first, and the identity");
	is_str(kept(NULL, "b", NULL), "abd-14", "one in the middle");
	is_str(kept(NULL, "d", NULL), "ad-14", "the last");
	is_str(kept(NULL, "*", NULL), "abcd=14", "a pattern for all");
	is_str(kept(NULL, "b,c", NULL), "abcd=14", "all by name");
	is_str(kept(NULL, "x", NULL), "ad-14", "none");
	is_str(kept(NULL, NULL, "b"), "acd-14", "without one");
	is_str(kept(NULL, NULL, "c,b"), "ad-14", "without two");
	is_str(kept(NULL, NULL, "a,d"), "abcd=14", "the identity is never left out");
	is_str(kept(NULL, NULL, "*"), "ad-14", "... nor by a pattern");
	is_str(kept(NULL, "b,c", "c"), "abd-14", "both options");
	is_str(kept("a", NULL, NULL), "abcd=1", "a part of the identity");
	is_str(kept("d,a", NULL, NULL), "abcd=14", "all of it");
	is_str(kept("d", "b", NULL), "abd-4", "what a DELETE carries stays");
	ok(kept("b", NULL, NULL) == NULL, "a column outside of it");
	is_str(why, "column \"b\" of --identity is not part of its identity", "... named");
	ok(kept("a,x", NULL, NULL) == NULL, "a column that is not there");
	is_str(why, "column \"x\" of --identity is not part of its identity", "... named");
}

/* The id of the column that is found, 0 when none is. */
static int
found(const struct definition *d, const char *name, size_t hint)
{
	const struct column *c = definition_column(d, name, strlen(name), &hint);

	return c != NULL ? atoi(c->suffix + strlen(",\"id\":\"7-")) : 0;
}

static void
finding(void)
{
	struct definition *d = make(TABLE(THREE, ""), 1, &all);
	size_t hint = 0;

	for (size_t from = 0; from <= 4; from++) {
		is_int(found(d, "\"a\"", from), 1, "the first, from %zu on", from);
		is_int(found(d, "\"b\\\"\xc3\xa9\"", from), 3, "the second");
		is_int(found(d, "\"c\"", from), 12, "the last");
		is_int(found(d, "\"x\"", from), 0, "none");
	}
	is_int(found(d, "\"b\\u0022\\u00e9\"", 0), 3, "escaped in another way");
	is_int(found(d, "\"\\u0061\"", 2), 1, "... also where it need not be");
	is_int(found(d, "\"\\u0000\"", 0), 0, "a zero byte is nobody's name");
	is_int(found(d, "\"\\ud800\"", 0), 0, "nor is half a character");
	is_int(found(d, "\"A\"", 0), 0, "case matters");
	is_int(found(d, "\"\"", 0), 0, "an empty name");
	definition_column(d, "\"a\"", 3, &hint);
	is_int((long long)hint, 1, "the next one is looked for behind it");
	free(d);
	is_int(found(d = make(TABLE("", ""), 1, &all), "\"a\"", 0), 0, "of no columns");
	free(d);
}

int
main(void)
{
	whole();
	refusing();
	choosing();
	finding();
	return tap_done();
}
