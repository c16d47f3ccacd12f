/* Messages on standard error. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../fuzz/rfc8259.h"
#include "log.h"

#include "said.h"

/* A line of JSON, one only. */
static void
is_json(const char *what)
{
	const char *text = said(), *lf = strchr(text, '\n');

	if (!ok(lf != NULL && lf[1] == '\0' && rfc8259_valid(text, (size_t)(lf - text), 8),
		"%s: a line of valid JSON", what))
		printf("#   got %s\n", text);
}

static void
codes_and_levels(void)
{
	is_int(log_permanent("slot \"%s\" is gone", "a"), 100, "a permanent error");
	is_str(said(), "log_test: error: slot \"a\" is gone\n", "... one line");
	is_int(log_temporary("%d of %s", 5, "x"), 111, "a temporary error");
	is_str(said(), "log_test: error: 5 of x\n", "... one line");
	log_warn("careful");
	is_str(said(), "log_test: warning: careful\n", "a warning");
	log_info("by the way");
	is_str(said(), "log_test: info: by the way\n", "information");
	log_debug("details");
	is_str(said(), "", "no details unless they are asked for");
	ok(log_wants(LOG_AT_INFO) && !log_wants(LOG_AT_DEBUG), "... as log_wants() says");

	log_configure(LOG_AT_DEBUG, LOG_AS_TEXT);
	log_debug("details");
	is_str(said(), "log_test: debug: details\n", "details");
	ok(log_wants(LOG_AT_DEBUG), "... as log_wants() says");

	log_configure(LOG_AT_ERROR, LOG_AS_TEXT);
	log_warn("careful");
	log_info("by the way");
	log_debug("details");
	is_str(said(), "", "errors only");
	ok(log_wants(LOG_AT_ERROR) && !log_wants(LOG_AT_WARNING), "... as log_wants() says");
	is_int(log_permanent("x"), 100, "errors still have their code");
	is_str(said(), "log_test: error: x\n", "... and are written");

	log_configure(LOG_AT_WARNING, LOG_AS_TEXT);
	log_info("by the way");
	log_warn("careful");
	is_str(said(), "log_test: warning: careful\n", "warnings and errors");
	log_configure(LOG_AT_INFO, LOG_AS_TEXT);
}

/* Whatever a name holds, a message is a line and forges no other. */
static void
masking(void)
{
	static const struct {
		const char *message, *shown;
	} cases[] = {
		{ "table \"a\nlog_test: error: forged\"", "table \"a log_test: error: forged\"" },
		{ "a\r\nb", "a? b" },
		{ "a\tb", "a b" },
		{ "\x1b[31mred\x1b[0m", "?[31mred?[0m" },
		{ "a\x01\x1f\x7f", "a???" },
		{ "of the server\n", "of the server" },
		{ "of the server  \n \n", "of the server" },
		/* As libpq puts them together, and we go on behind. */
		{ "connection failed: refused\n\tIs the server running?\n",
		    "connection failed: refused Is the server running?" },
		{ "ERROR:  denied\nDETAIL:  more \n\n HINT:  do\n; grant it",
		    "ERROR:  denied DETAIL:  more HINT:  do; grant it" },
		{ "denied \n ; grant it", "denied; grant it" },
		{ "a  b ; c \t", "a  b ; c" },
		{ "\n", "" },
		{ "", "" },
		{ "\xe6\xbc\xa2 stays", "\xe6\xbc\xa2 stays" },
		{ "100 % of %s", "100 % of %s" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[256];

		log_warn("%s", cases[i].message);
		snprintf(want, sizeof(want), "log_test: warning: %s\n", cases[i].shown);
		is_str(said(), want, "masked, number %zu", i);
	}
	for (int c = 1; c < 0x80; c++) {
		log_warn("a%cb", c);
		const char *text = said();

		if (strlen(text) != sizeof("log_test: warning: aXb\n") - 1 ||
		    strchr(text, '\n')[1] != '\0' ||
		    ((c < 0x20 || c == 0x7f) && strchr(" ?", text[20]) == NULL))
			ok(0, "byte %d is masked", c);
	}
	ok(1, "each control byte is masked");
	/* U+009B is CSI, which a terminal takes as it takes ESC [. */
	log_warn("a\xc2\x9b"
		 "31mred");
	ok(strstr(said(), "\xc2\x9b") == NULL, "control characters above U+0080 are masked");
}

static void
json(void)
{
	const char *text;

	log_configure(LOG_AT_INFO, LOG_AS_JSON);
	log_warn("table \"a\\b\"\nand %d", 7);
	text = said();
	ok(strstr(text, "\"level\":\"warning\"") != NULL, "the level");
	ok(strstr(text, "\"program\":\"log_test\"") != NULL, "the program");
	ok(strstr(text, "\"message\":\"table \\\"a\\\\b\\\" and 7\"}\n") != NULL, "the message");
	log_warn("\"\\\x01\n\x7f\t\x1b");
	is_json("special bytes");
	log_temporary("%s", "");
	is_json("an empty message");
	log_warn("\xe6\xbc\xa2");
	is_json("text that is not ASCII");
	log_warn("path \"a\xff"
		 "b\"");
	is_json("text that is not UTF-8");
	log_configure(LOG_AT_INFO, LOG_AS_TEXT);
}

static void
long_messages(void)
{
	static char message[20000];

	for (size_t shift = 0; shift < 4; shift++) {
		const char *text;
		size_t len;

		for (size_t i = 0; i + 4 < sizeof(message); i += 4)
			memcpy(message + i, "\xf0\x9f\x98\x80", 4);
		memset(message, 'a', 4);
		message[sizeof(message) - 1] = '\0';
		log_warn("%s", message + shift);
		text = said();
		len = strlen(text);
		ok(len > 1000 && len < 5000 && strchr(text, '\n') == text + len - 1,
		    "a long message is cut, and still a line (%zu bytes)", len);
		log_configure(LOG_AT_INFO, LOG_AS_JSON);
		log_warn("%s", message + shift);
		is_json("a long message of characters of four bytes");
		log_configure(LOG_AT_INFO, LOG_AS_TEXT);
	}
	memset(message, '"', sizeof(message) - 1);
	log_configure(LOG_AT_INFO, LOG_AS_JSON);
	log_warn("%s", message);
	is_json("a long message of quotation marks");
	log_configure(LOG_AT_INFO, LOG_AS_TEXT);
}

static void
journal(void)
{
	struct stat st;
	char stream[64];

	if (fstat(STDERR_FILENO, &st) != 0)
		abort();
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("log_test");
	log_configure(LOG_AT_DEBUG, LOG_AS_TEXT);
	log_permanent("a");
	is_str(said(), "<3>error: a\n", "an error for the journal");
	log_warn("a");
	is_str(said(), "<4>warning: a\n", "a warning");
	log_info("a");
	is_str(said(), "<6>info: a\n", "information");
	log_debug("a");
	is_str(said(), "<7>debug: a\n", "details");
	log_configure(LOG_AT_INFO, LOG_AS_JSON);
	log_warn("a");
	ok(strncmp(said(), "<4>{\"time\":", 11) == 0, "each line has its priority, also as JSON");
	log_configure(LOG_AT_INFO, LOG_AS_TEXT);

	/* Another program's journal is not where our messages go. */
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("log_test");
	log_warn("a");
	is_str(said(), "log_test: warning: a\n", "the journal of another");
	setenv("JOURNAL_STREAM", "", 1);
	log_init("log_test");
	log_warn("a");
	is_str(said(), "log_test: warning: a\n", "none");
	unsetenv("JOURNAL_STREAM");
	log_init("log_test");
}

/* Standard descriptors that the caller has closed fail, and no file gets their numbers. */
static int
after_closing(int standard)
{
	char byte = 'x';
	int fd;

	close(standard);
	log_init("log_test");
	if ((fd = open("/dev/null", O_RDWR)) <= STDERR_FILENO)
		return 1;
	if (standard == STDIN_FILENO)
		return read(standard, &byte, 1) >= 0;
	return write(standard, &byte, 1) >= 0;
}

static void
closed_descriptors(void)
{
	static const char *const names[] = { "input", "output", "error" };

	for (int standard = 0; standard <= 2; standard++) {
		int status = -1;
		pid_t pid;

		fflush(stdout);
		if ((pid = fork()) == 0)
			_exit(after_closing(standard));
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			abort();
		is_int(status, 0, "standard %s was closed by the caller", names[standard]);
	}
}

int
main(void)
{
	unsetenv("JOURNAL_STREAM");
	log_init("log_test");
	said_start();
	codes_and_levels();
	masking();
	json();
	long_messages();
	journal();
	closed_descriptors();
	return tap_done();
}
