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
rewritten(const char *value, const char *want)
{
	struct event_span line;

	is_int(decode_value(&decode, value, strlen(value), &line), 0, "of another: %s", value);
	ok(line.len == strlen(want) && memcmp(line.p, want, line.len) == 0, "... becomes %s", want);
}

static void
says_nothing(const char *value)
{
	struct event_span line;

	is_int(decode_value(&decode, value, strlen(value), &line), DECODE_NOTHING,
	    "says nothing: %s", value);
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
	static const char
	    value[] = "{\n\"action\":\"T\",\n\"seq\":1,\"schema\":\"a\\n\",\"table\":\"b\"}\n";
	struct event_span line;

	is_int(decode_value(&decode, value, sizeof(value) - 1, &line), 0, "a value in lines");
	ok(line.len == sizeof(value) - 1 && memchr(line.p, '\n', line.len) == NULL,
	    "... becomes one");
	ok(strncmp(line.p, "{ \"action\":\"T\", \"seq\":1,\"schema\":\"a\\n\"", 37) == 0,
	    "... in which escapes stay");
}

int
main(void)
{
	passes(
	    "{\"action\":\"I\",\"lsn\":\"0/1\",\"schema\":\"s\",\"table\":\"t\",\"columns\":[]}");
	passes(
	    " {\"table\":\"t\",\"schema\":\"s\",\"x\":{\"ack\":\"1\"},\"seq\":1,\"action\":\"D\"} ");
	rewritten("{\"action\":\"T\",\"xid\":5,\"schema\":\"s\",\"table\":\"t\"}",
	    "{\"action\":\"T\",\"xid\":5,\"schema\":\"s\",\"table\":\"t\"}");
	says_nothing("{\"action\":\"C\"}");
	refused("", "no JSON object");
	refused("{\"action\":\"I\"", "no JSON object");
	refused("{\"action\":\"I\",\"lsn\":\"0/1\",\"seq\":1", "at byte");
	refused("{\"action\":\"I\",\"schema\":\"s\"}", "not its parts");
	refused(
	    "{\"action\":\"I\",\"seq\":1,\"schema\":\"s\"}", "without \"schema\" and \"table\"");
	refused("{\"action\":\"C\",\"prev\":\"1\",\"ack\":\"2\"}", "not that of a row");
	refused("{\"action\":\"Z\"}", "not its parts");
	refused(
	    "{\"action\":\"T\",\"schema\":\"s\",\"table\":\"t\",\"prev\":\"1\"}", "it has a token");
	refused("{\"action\":\"M\",\"ack\":\"1\"}", "it has a token");
	several_lines();
	decode_free(&decode);
	return tap_done();
}
