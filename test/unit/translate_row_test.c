/* Rows with ids and metadata: what is there stays as it stands. */
#include <stdlib.h>

#include "row.h"
#include "tap.h"

/*
 * Lines stand here as templates: '~' is where blanks may stand, @1 what column 1 gets, @M what
 * the row gets.  A part between < and > goes when columns are chosen.
 */
static struct definition *
definition(int selective)
{
	json_error_t error;
	json_t *json = json_loads(
	    "{\"id\":\"7\",\"schema\":\"s\",\"name\":\"t\",\"identity\":[\"7-1\"],"
	    "\"columns\":[{\"id\":\"7-1\",\"name\":\"a\"},{\"id\":\"7-2\",\"name\":\"b\"},"
	    "{\"id\":\"7-3\",\"name\":\"c\"},{\"id\":\"7-4\",\"name\":\"d\\\"\"}]}",
	    0, &error);
	char *but[] = { (char[]){ "b" }, (char[]){ "d*" } };
	struct selection item = { .table = "*.*", .column = but, .n = 2 };
	struct definition_choice choice = { .identity.n = 0 };
	struct definition *d;
	char why[64];

	if (selective)
		choice.exclude_columns = (struct selections){ .item = &item, .n = 1 };
	d = definition_make(
	    json, &(struct definition){ .schema_id = 5 }, &choice, why, sizeof(why));
	json_decref(json);
	if (d == NULL)
		abort();
	return d;
}

/* The line itself, or with is_out what becomes of it. */
static char *
line_of(const char *template, const char *blank, int is_out, int selective)
{
	static char lines[2][4096];
	char *line = lines[is_out], *p = line;
	int leave_out = 0;

	for (; *template != '\0'; template ++) {
		char add[256] = { *template, '\0' };

		if (*template == '<' || *template == '>') {
			leave_out = is_out && selective && *template == '<';
			continue;
		} else if (*template == '~') {
			strcpy(add, blank);
		} else if (*template == '@') {
			template ++;
			add[0] = '\0';
			if (is_out && *template == 'M')
				strcpy(add,
				    ",\"metadata\":{\"schema_id\":5,\"table_id\":\"7\","
				    "\"identity_ids\":[\"7-1\"],\"version_id\":18446744073709551615}");
			else if (is_out)
				snprintf(add, sizeof(add), ",\"id\":\"7-%c\"", *template);
		}
		if (!leave_out)
			p = stpcpy(p, add);
	}
	*p = '\0';
	return line;
}

/* The line in a block of its size, so that a read beyond it is seen.  NULL: refused. */
static const char *
written(const char *line, const struct definition *d, struct event_span *unknown)
{
	static struct buf out;
	static struct event e;
	size_t len = strlen(line);
	char *exact = malloc(len);

	if (exact == NULL || d == NULL)
		abort();
	memcpy(exact, line, len);
	buf_free(&out);
	buf_str(&out, "before");
	event_free(&e);
	if (event_scan(&e, exact, len) != 0) {
		printf("# %s at %zu: %s\n", e.error, e.error_at, line);
		abort();
	}
	if (row_write(&out, exact, len, &e, d, UINT64_MAX, unknown) != 0) {
		static char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)unknown->len, unknown->p);
		*unknown = (struct event_span){ name, strlen(name) };
		free(exact);
		ok(out.len == 6, "nothing is written");
		return NULL;
	}
	free(exact);
	buf_add(&out, "", 1);
	if (out.data[out.len - 2] == '\n')
		out.data[out.len - 2] = '\0';
	return out.data + 6;
}

#define ID "{~\"name\"~:~\"a\"~,~\"value\"~:~1~@1}"

static const char *const templates[] = {
	"{~\"action\"~:~\"I\"~@M}",
	"{~\"columns\"~:~[~]~,~\"action\"~:~\"I\"~@M}",
	"{~\"action\"~:~\"I\"~,~\"columns\"~:~[~" ID "~]~@M}",
	"{~\"action\"~:~\"D\"~,~\"identity\"~:~[~" ID "~]~@M}",
	/* an entry with an id, keys in another order, unknown ones, braces in strings */
	"{~\"action\"~:~\"I\"~,~\"columns\"~:~[~{~\"value\"~:~{~\"}\"~:~[~]~}~,~\"name\"~:~\"c\"~@3}~]~@M}",
	"{~\"action\"~:~\"I\"~,~\"columns\"~:~[~{~\"id\"~:~\"x\"~,~\"name\"~:~\"c\"~}~,~" ID
	"~]~@M}",
	"{~\"action\"~:~\"I\"~,~\"x\"~:~{~\"columns\"~:~[~{~\"name\"~:~\"a\"~}~]~}~,~\"columns\"~:~[~" ID
	"~]~@M}",
	"{~\"action\"~:~\"I\"~,~\"columns\"~:~[~{~\"name\"~:~\"\\u0063\"~@3}~,~{~\"name\"~:~\"c\"~@3}~]~@M}",
	"{~\"action\"~:~\"U\"~,~\"unchanged\"~:~[~]~@M}",
	"{~\"action\"~:~\"U\"~,~\"unchanged\"~:~[~\"c\"~,~\"nobody\"~]~@M}",
};

static void
splicing(void)
{
	static const char *const blanks[] = { "", " ", "\t", "\r\n \t" };
	struct definition *d = definition(0);
	struct event_span unknown;

	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
		for (size_t b = 0; b < sizeof(blanks) / sizeof(blanks[0]); b++)
			is_str(written(line_of(templates[i], blanks[b], 0, 0), d, &unknown),
			    line_of(templates[i], blanks[b], 1, 0), "%s, blanks %zu", templates[i],
			    b);
	is_str(written("  {\"action\":\"I\"} \t\r ", d, &unknown),
	    "  {\"action\":\"I\",\"metadata\":{\"schema_id\":5,\"table_id\":\"7\",\"identity_ids\":"
	    "[\"7-1\"],\"version_id\":18446744073709551615}}",
	    "blanks around the object");
	free(d);
}

/* The parts of a line in each of the orders of their keys, with all columns and with some. */
static void
orders(void)
{
	static const char *const parts[] = {
		"\"action\":\"U\"",
		"\"columns\":[" ID "<,{\"name\":\"b\"@2}>,{\"name\":\"c\"@3}]",
		"\"unchanged\":[<\"d\\\"\",>\"c\"]",
		"\"identity\":[<{\"name\":\"d\\\"\"@4},>" ID "<,{\"name\":\"b\"@2}>]",
		"\"more\":[{\"name\":\"b\"},\"}\"]",
	};
	struct definition *all = definition(0), *some = definition(1);
	struct event_span unknown;

	for (int order = 0; order < 120; order++) {
		const char *rest[5];
		char template[1024] = "{";
		int left = 5, code = order;

		memcpy(rest, parts, sizeof(rest));
		while (left > 0) {
			int at = code % left;

			strcat(template, rest[at]);
			code /= left--;
			rest[at] = rest[left];
			strcat(template, left > 0 ? "," : "@M}");
		}
		is_str(written(line_of(template, "", 0, 0), all, &unknown),
		    line_of(template, "", 1, 0), "order %d, all columns", order);
		is_str(written(line_of(template, "", 0, 1), some, &unknown),
		    line_of(template, "", 1, 1), "order %d, some columns", order);
	}
	free(all);
	free(some);
}

/* a and c stay, b and d go: names of columns and what is left of them. */
static void
selecting(void)
{
	static const char *const cases[][2] = { { "", "" }, { "a", "a" }, { "b", "" },
		{ "ab", "a" }, { "ba", "a" }, { "bd", "" }, { "abc", "ac" }, { "bac", "ac" },
		{ "acb", "ac" }, { "bdac", "ac" }, { "abdc", "ac" }, { "acbd", "ac" },
		{ "bacd", "ac" }, { "cdab", "ca" } };
	static const char *const blanks[] = { "", " \t" };
	struct definition *d = definition(1);
	struct event_span unknown;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t b = 0; b < 2; b++) {
			char line[1024], want[1024], names[64] = "";
			static struct event e;
			const char *got;

			sprintf(line, "{\"action\":\"I\",\"columns\":[%s", blanks[b]);
			for (const char *c = cases[i][0]; *c != '\0'; c++)
				sprintf(line + strlen(line), "%s%s{\"name\":\"%s\"%s}%s",
				    c > cases[i][0] ? "," : "", blanks[b],
				    *c == 'd' ? "d\\\"" : (char[]){ *c, '\0' }, blanks[b],
				    blanks[b]);
			strcat(line, "]}");
			got = written(line, d, &unknown);
			ok(event_scan(&e, got, strlen(got)) == 0, "columns \"%s\", blanks %zu",
			    cases[i][0], b);
			for (size_t k = 0; k < e.columns.n; k++)
				sprintf(names + strlen(names), "%c%s", e.columns.entry[k].name.p[1],
				    e.columns.entry[k].id.p != NULL ? "" : "?");
			snprintf(want, sizeof(want), "%s", cases[i][1]);
			is_str(names, want, "... those that are kept");
			event_free(&e);
		}
	free(d);
}

/* Of "unchanged" the key goes, too, when no column of it is kept. */
static void
nothing_unchanged(void)
{
	static const char *const cases[][2] = {
		{ "{\"action\":\"U\",\"unchanged\":[\"b\"]@M}", "{\"action\":\"U\"@M}" },
		{ "{\"unchanged\":[\"b\",\"d\\\"\"],\"action\":\"U\"@M}", "{\"action\":\"U\"@M}" },
		{ "{\"action\":\"U\",\"unchanged\":[\"b\"],\"x\":1@M}",
		    "{\"action\":\"U\",\"x\":1@M}" },
		{ "{ \"action\" : \"U\" , \"unchanged\" : [ \"b\" ] , \"x\":1 @M}",
		    "{ \"action\" : \"U\"  , \"x\":1 @M}" },
		{ "{ \"\\u0075nchanged\" : [ ] , \"action\":\"U\" @M}", "{  \"action\":\"U\" @M}" },
		{ "{\"action\":\"U\",\"columns\":[{\"name\":\"a\"@1}],\"unchanged\":[\"b\"],\"identity\":[]@M}",
		    "{\"action\":\"U\",\"columns\":[{\"name\":\"a\"@1}],\"identity\":[]@M}" },
	};
	struct definition *d = definition(1);
	struct event_span unknown;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(written(line_of(cases[i][0], "", 0, 0), d, &unknown),
		    line_of(cases[i][1], "", 1, 0), "%s", cases[i][0]);
	free(d);
}

static void
refusing(void)
{
	static const char *const cases[][2] = {
		{ "{\"action\":\"I\",\"columns\":[{\"name\":\"x\"}]}", "\"x\"" },
		{ "{\"action\":\"I\",\"columns\":["
		  "{\"name\":\"a\"},{\"name\":\"\"}]}",
		    "\"\"" },
		{ "{\"action\":\"D\",\"identity\":[{\"name\":\"a\"},{\"name\":\"x\\n\"}]}",
		    "\"x\\n\"" },
		{ "{\"action\":\"I\",\"columns\":[{}]}", "" },
		{ "{\"action\":\"I\",\"columns\":[{\"value\":\"a\"}]}", "" },
	};

	for (int selective = 0; selective < 2; selective++) {
		struct definition *d = definition(selective);
		struct event_span unknown;

		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			ok(written(cases[i][0], d, &unknown) == NULL, "%s", cases[i][0]);
			is_str(unknown.p, cases[i][1], "... is the unknown one");
		}
		d->is_partial = 1;
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			ok(written(cases[i][0], d, &unknown) != NULL,
			    "... allowed where not all is known");
		free(d);
	}
}

int
main(void)
{
	splicing();
	orders();
	selecting();
	nothing_unchanged();
	refusing();
	return tap_done();
}
