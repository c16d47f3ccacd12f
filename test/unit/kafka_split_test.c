/* An update as a delete and an insert, with its keys in any order. */
#include <stdlib.h>

#include "split.h"
#include "tap.h"

static struct event e;

static const char *
made(void (*split)(struct buf *, const char *, size_t, const struct event *), const char *line)
{
	static char copy[1024];
	static struct buf b;

	snprintf(copy, sizeof(copy), "%s\n", line);
	b.len = 0;
	if (event_scan(&e, copy, strlen(line)) != 0)
		abort();
	split(&b, copy, strlen(line), &e);
	buf_add(&b, "", 1);
	return b.data;
}

static void
in_order(void)
{
	const char *
	    line = "{\"action\":\"U\",\"lsn\":\"0/1\",\"columns\":[{\"name\":\"id\",\"value\":2}],"
		   "\"unchanged\":[\"v\"],\"identity\":[{\"name\":\"id\",\"value\":1}],\"more\":1}";

	is_str(made(split_delete, line),
	    "{\"action\":\"D\",\"lsn\":\"0/1\",\"identity\":[{\"name\":\"id\",\"value\":1}],\"more\":1}",
	    "the delete has the old key");
	is_str(made(split_insert, line),
	    "{\"action\":\"I\",\"lsn\":\"0/1\",\"columns\":[{\"name\":\"id\",\"value\":2}],"
	    "\"unchanged\":[\"v\"],\"more\":1}",
	    "the insert has the columns");
}

/* What is left, as digits: 1 columns, 2 unchanged, 3 identity; '?' when it is no line. */
static const char *
left(const char *line, char code)
{
	static char text[8];

	if (event_scan(&e, line, strlen(line)) != 0 || e.code != code || e.lsn.p == NULL)
		return "?";
	snprintf(text, sizeof(text), "%s%s%s", e.columns.whole.p != NULL ? "1" : "",
	    e.unchanged.p != NULL ? "2" : "", e.identity.whole.p != NULL ? "3" : "");
	return text;
}

static void
any_order(void)
{
	static const char *const parts[] = { "\"action\":\"U\"", "\"lsn\":\"0/1\"",
		"\"columns\" : [{\"name\":\"a\",\"value\":\"},{\"}]", "\"unchanged\":[\"\\u0062\"]",
		"\"\\u0069dentity\":[ ]" };
	static const char *const commas[] = { ",", " ,\t" };

	for (int order = 0; order < 240; order++) {
		const char *rest[5];
		char line[512] = "{ ", text[512];
		int n = 5, code = order / 2;

		memcpy(rest, parts, sizeof(rest));
		while (n > 0) {
			int at = code % n;

			strcat(line, rest[at]);
			code /= n--;
			rest[at] = rest[n];
			strcat(line, n > 0 ? commas[order % 2] : "}");
		}
		strcpy(text, made(split_delete, line));
		is_str(left(text, 'D'), "3", "deleted: %s", line);
		strcpy(text, made(split_insert, line));
		is_str(left(text, 'I'), "12", "inserted");
	}
}

int
main(void)
{
	in_order();
	any_order();
	return tap_done();
}
