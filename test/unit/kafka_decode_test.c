/* Which values are events, and what becomes of them. */
#include <errno.h>

#include "decode.h"
#include "tap.h"

static struct decode decode;

static void
passes(const char *value)
{
	struct event_span line;

	is_int(decode_value(&decode, value, strlen(value), &line), 0, "passes: %s", value);
	ok(line.p == value && line.len == strlen(value), "... as it is");
}

static void
refused(const char *value, const char *why)
{
	struct event_span line;

	errno = 0;
	is_int(decode_value(&decode, value, strlen(value), &line), -1, "refused: %s", value);
	is_int(errno, EBADMSG, "... as no event");
	ok(strstr(decode.error, why) != NULL, "... as %s: %s", why, decode.error);
}

static void
several_lines(void)
{
	static const char value[] = "{\n\"action\":\"T\",\n\"schema\":\"a\\n\",\"table\":\"b\"}\n";
	struct event_span line;

	is_int(decode_value(&decode, value, sizeof(value) - 1, &line), 0, "a value in lines");
	ok(line.len == sizeof(value) - 1 && memchr(line.p, '\n', line.len) == NULL,
	    "... becomes one");
	ok(strncmp(line.p, "{ \"action\":\"T\", \"schema\":\"a\\n\"", 29) == 0,
	    "... in which escapes stay");
}

int
main(void)
{
	passes("{\"action\":\"I\",\"schema\":\"s\",\"table\":\"t\",\"columns\":[]}");
	passes(" {\"table\":\"t\",\"schema\":\"s\",\"x\":{\"ack\":\"1\"},\"action\":\"D\"} ");
	passes("{\"action\":\"M\",\"prefix\":\"p\",\"content\":\"c\"}");
	refused("", "byte 0");
	refused("{\"action\":\"I\"", "at byte");
	refused("{\"action\":\"I\",\"schema\":\"s\"}", "without \"schema\" and \"table\"");
	refused("{\"action\":\"C\",\"prev\":\"1\",\"ack\":\"2\"}", "not that of a row");
	refused("{\"action\":\"Z\"}", "not that of a row");
	refused(
	    "{\"action\":\"T\",\"schema\":\"s\",\"table\":\"t\",\"prev\":\"1\"}", "it has a token");
	refused("{\"action\":\"M\",\"ack\":\"1\"}", "it has a token");
	several_lines();
	decode_free(&decode);
	return tap_done();
}
