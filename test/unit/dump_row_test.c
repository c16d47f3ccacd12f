/*
 * Rows of COPY as R lines.  That each type's value equals the reader's line is compared
 * elsewhere, with servers.
 */
#include "row.h"

#include "tap.h"

static struct row_shape shape;
static struct buf scratch;

/* Of table s.t with columns id bigint, v text, b bytea, ok boolean. */
static const char *
line(const char *row, size_t len)
{
	static struct buf out;
	const char *why;

	out.len = 0;
	if ((why = row_write(&out, &shape, "0/1A", row, len, &scratch)) != NULL)
		return why;
	buf_add(&out, "", 1);
	return out.data;
}

#define OPEN "{\"action\":\"R\",\"lsn\":\"0/1A\",\"schema\":\"s\",\"table\":\"t\",\"columns\":["
#define COLUMN(name, type, value) \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"value\":" value "}"
#define LINE(id, v, b, ok)                                                     \
	OPEN COLUMN("id", "bigint", id) "," COLUMN("v", "text", v) "," COLUMN( \
	    "b", "bytea", b) "," COLUMN("ok", "boolean", ok) "]}\n"

static const struct {
	const char *row, *want, *what;
} rows[] = {
	{ "1\ta\t\\\\x00ff\tt", LINE("1", "\"a\"", "\"00ff\"", "true"), "a value of each form" },
	{ "-7\t\t\\\\x\tf", LINE("-7", "\"\"", "\"\"", "false"), "empty values" },
	{ "\\N\t\\N\t\\N\t\\N", LINE("null", "null", "null", "null"), "NULLs" },
	{ "1\t\\\\N\t\\\\x41\tt", LINE("1", "\"\\\\N\"", "\"41\"", "true"),
	    "a text that only looks like a NULL" },
	{ "1\ta\\tb\\nc\\\\d\\re\\bf\\fg\\vh\t\\N\tt",
	    LINE("1", "\"a\\tb\\nc\\\\d\\re\\bf\\fg\\u000bh\"", "null", "true"), "escapes" },
	{ "1\t\\\\\t\\N\tt", LINE("1", "\"\\\\\"", "null", "true"), "a backslash alone" },
	{ "1\t\"\xc3\xa4\"\t\\N\tt", LINE("1", "\"\\\"\xc3\xa4\\\"\"", "null", "true"),
	    "quotation marks and UTF-8" },
};

int
main(void)
{
	struct buf out = BUF_INIT;

	row_shape_begin(&shape, "s", "t");
	is_str(line("", 0), OPEN "]}\n", "a table without columns");
	row_shape_add(&shape, "id", "bigint", 20);
	row_shape_add(&shape, "v", "text", 25);
	row_shape_add(&shape, "b", "bytea", 17);
	row_shape_add(&shape, "ok", "boolean", 16);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(line(rows[i].row, strlen(rows[i].row)), rows[i].want, "%s", rows[i].what);
	is_str(line("1\ta", 3), "fewer values than the table has columns", "a row that is cut");
	ok(strncmp(line("1\t\xff\t\\N\tt", 8), "text that is not valid UTF-8; ", 30) == 0,
	    "text that is not valid UTF-8");
	row_shape_free(&shape);

	shape.is_object = 1;
	row_shape_begin(&shape, "s", "t");
	row_shape_add(&shape, "i\"d", "bigint", 20);
	row_shape_add(&shape, "v", "text", 25);
	ok(row_object(&out, &shape, "1\ta\\tb", 6, &scratch) == NULL, "a row alone");
	buf_add(&out, "", 1);
	is_str(out.data, "{\"i\\\"d\":1,\"v\":\"a\\tb\"}", "... is an object");
	is_int((int)shape.head, (int)strlen(",\"schema\":\"s\",\"table\":\"t\""),
	    "its table stands apart");
	row_shape_free(&shape);
	buf_free(&out);

	ok(row_shape_begin(&shape, "s", "\xff") != 0, "a table's name that is not valid UTF-8");
	row_shape_free(&shape);
	row_shape_begin(&shape, "s", "t");
	ok(row_shape_add(&shape, "\xff", "text", 25) != 0, "and a column's");
	row_shape_free(&shape);
	buf_free(&scratch);
	return tap_done();
}
