/*
 * Options.  Each command line is parsed in a process of its own, as it would be in a
 * program: --help ends it, and what was parsed stays.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "log.h"
#include "lsn.h"
#include "opt.h"
#include "said.h"

static int flag;
static const char *name = "default", *port;
static struct opt_list tables, other, texts, pairs;
static const char *note = "some";
static enum { RED, GREEN, BLUE } color;
static const char *codec;
static int64_t interval = 1000000;
static uint64_t size = 4096, count = 7, endpos;

static const struct opt options[] = {
	{ "slot-name", 'S', OPT_STRING, &name, "SLOT", "a string", 0, 0 },
	{ "port", 'p', OPT_STRING, &port, "PORT", "another", 0, 0 },
	{ "text", 0, OPT_TEXT, &note, "TEXT", "may be empty", 0, 0 },
	{ "drain", 'd', OPT_FLAG, &flag, NULL, "a flag", 0, 0 },
	{ "tables", 't', OPT_LIST, &tables, "PATTERN,...", "a list", 0, 0 },
	{ "table-space", 0, OPT_LIST, &other, "NAME,...", "another list", 0, 0 },
	{ "color", 0, OPT_CHOICE, &color, "red|green|blue", "a choice", 0, 0 },
	{ "codec", 'z', OPT_WORD, &codec, "lz|lz4", "a word", 0, 0 },
	{ "where", 0, OPT_EACH, &texts, "TEXT", "a list of texts", 0, 0 },
	{ "set", 'X', OPT_PAIR, &pairs, "NAME=VALUE", "pairs", 0, 0 },
	{ "interval", 's', OPT_DURATION, &interval, "TIME", "a duration", 10000, 3600000000 },
	{ "max-line", 0, OPT_SIZE, &size, "SIZE", "a size", 1024, INT64_C(1) << 40 },
	{ "workers", 'n', OPT_COUNT, &count, "N", "a count", 1, 2047 },
	{ "endpos", 'E', OPT_LSN, &endpos, "LSN", "a position", 0, 0 },
	{ .name = NULL },
};

static struct opt_program program = {
	.name = "opt-test",
	.prefix = "OPT_TEST_",
	.usage = "FILE",
	.purpose = "tests options",
	.options = options,
};

/* What came of it. */
struct outcome {
	int returned; /* opt_parse() did, with code; else the process has ended */
	int code;
	char values[1024];
	char out[16384], err[16384];
};

static struct outcome *outcome;

static void
append(char *to, size_t room, const char *what, const struct opt_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		size_t len = strlen(to);

		snprintf(to + len, room - len, "%s%s", i > 0 ? "|" : what, list->item[i]);
	}
}

/* What differs from the defaults, in the order of the table, then the operands. */
static void
describe(char *to, size_t room, int argc, char **argv, int operands)
{
	*to = '\0';
	if (strcmp(name, "default") != 0)
		snprintf(to, room, " slot=%s", name);
	if (port != NULL)
		snprintf(to + strlen(to), room - strlen(to), " port=%s", port);
	if (strcmp(note, "some") != 0)
		snprintf(to + strlen(to), room - strlen(to), " text=%s", note);
	if (flag != 0)
		snprintf(to + strlen(to), room - strlen(to), " drain=%d", flag);
	if (tables.n > 0)
		append(to, room, " tables=", &tables);
	if (other.n > 0)
		append(to, room, " space=", &other);
	if (texts.n > 0)
		append(to, room, " where=", &texts);
	if (pairs.n > 0)
		append(to, room, " set=", &pairs);
	if (color != RED)
		snprintf(to + strlen(to), room - strlen(to), " color=%d", (int)color);
	if (codec != NULL)
		snprintf(to + strlen(to), room - strlen(to), " codec=%s", codec);
	if (interval != 1000000)
		snprintf(to + strlen(to), room - strlen(to), " interval=%lld", (long long)interval);
	if (size != 4096)
		snprintf(to + strlen(to), room - strlen(to), " size=%lld", (long long)size);
	if (count != 7)
		snprintf(to + strlen(to), room - strlen(to), " count=%lld", (long long)count);
	if (endpos != 0)
		snprintf(to + strlen(to), room - strlen(to), " endpos=%s", lsn_text(endpos));
	for (; operands < argc; operands++)
		snprintf(to + strlen(to), room - strlen(to), " [%s]", argv[operands]);
	if (log_wants(LOG_AT_DEBUG) || !log_wants(LOG_AT_WARNING))
		snprintf(to + strlen(to), room - strlen(to), " %s",
		    log_wants(LOG_AT_DEBUG) ? "verbose" : "quiet");
}

static void
fill(char *to, size_t room, int fd)
{
	ssize_t n = pread(fd, to, room - 1, 0);

	to[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* The line is split at blanks, arguments and then variables; "" and ' ' have no place in it. */
static void
parse(const char *line, const char *environment)
{
	static char *no_environment[] = { NULL };
	char words[1024], variables[1024], *argv[32] = { words }, *rest;
	int argc = 1, operands = 0, out = memfd_create("out", 0), err = memfd_create("err", 0);
	pid_t pid;

	snprintf(words, sizeof(words), "opt-test %s", line);
	for (rest = strchr(words, ' '); rest != NULL && rest[1] != '\0'; rest = strchr(rest, ' ')) {
		*rest++ = '\0';
		argv[argc++] = rest;
	}
	memset(outcome, 0, sizeof(*outcome));
	fflush(stdout);
	if ((pid = fork()) == 0) {
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		environ = no_environment;
		snprintf(variables, sizeof(variables), "%s", environment);
		rest = variables;
		for (char *v; *environment != '\0' && (v = strsep(&rest, " ")) != NULL;)
			putenv(v);
		outcome->code = opt_parse(&program, argc, argv, &operands);
		outcome->returned = 1;
		if (outcome->code == 0)
			describe(outcome->values, sizeof(outcome->values), argc, argv, operands);
		exit(outcome->code);
	}
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	if (!outcome->returned)
		outcome->code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	fill(outcome->out, sizeof(outcome->out), out);
	fill(outcome->err, sizeof(outcome->err), err);
}

static const struct {
	const char *line, *environment, *values;
} good[] = {
	{ "", "", "" },
	{ "-S orders", "", " slot=orders" },
	{ "-Sorders", "", " slot=orders" },
	{ "--slot-name orders", "", " slot=orders" },
	{ "--slot-name=orders", "", " slot=orders" },
	{ "--slot-name=a=b", "", " slot=a=b" },
	{ "--slot-name=-x", "", " slot=-x" },
	{ "-S -?", "", " slot=-?" },
	{ "--slot=orders", "", " slot=orders" },
	{ "-d", "", " drain=1" },
	{ "--drain", "", " drain=1" },
	{ "-dS orders", "", " slot=orders drain=1" },
	{ "-vd", "", " drain=1 verbose" },
	{ "-q", "", " quiet" },
	{ "--verbose", "", " verbose" },
	{ "--text=", "", " text=" },
	{ "--text=a", "OPT_TEST_TEXT=", " text=a" },
	{ "", "OPT_TEST_TEXT=", " text=" },
	/* Operands, wherever they stand. */
	{ "file", "", " [file]" },
	{ "a -d b", "", " drain=1 [a] [b]" },
	{ "-d -- -S b", "", " drain=1 [-S] [b]" },
	{ "-", "", " [-]" },
	/* Lists. */
	{ "--tables=a,b", "", " tables=a|b" },
	{ "-t a -t b,c --tables=d", "", " tables=a|b|c|d" },
	{ "--tables=a --table-space=b", "", " tables=a space=b" },
	{ "--where=a,b --where=c", "", " where=a,b|c" },
	{ "", "OPT_TEST_WHERE=a,b", " where=a,b" },
	/* Pairs: only blanks of the environment separate them. */
	{ "-X a=1,b=2 --set=c=", "", " set=a=1,b=2|c=" },
	{ "", "OPT_TEST_SET=a=1,2\tb==\t\tc=", " set=a=1,2|b==|c=" },
	{ "-X a=1", "OPT_TEST_SET=b=2", " set=a=1" },
	/* Words of a list. */
	{ "--color=red", "OPT_TEST_COLOR=blue", "" },
	{ "--color=green", "", " color=1" },
	{ "", "OPT_TEST_COLOR=blue", " color=2" },
	{ "-z lz", "", " codec=lz" },
	{ "--codec=lz4", "", " codec=lz4" },
	/* Durations. */
	{ "-s 10", "", " interval=10000000" },
	{ "-s 10s", "", " interval=10000000" },
	{ "-s 500ms", "", " interval=500000" },
	{ "-s 20000us", "", " interval=20000" },
	{ "-s 2min", "", " interval=120000000" },
	{ "-s 1h", "", " interval=3600000000" },
	{ "-s 10ms", "", " interval=10000" },
	{ "-s 3600", "", " interval=3600000000" },
	{ "-s 007", "", " interval=7000000" },
	/* Sizes. */
	{ "--max-line=1024", "", " size=1024" },
	{ "--max-line=1024B", "", " size=1024" },
	{ "--max-line=64KiB", "", " size=65536" },
	{ "--max-line=64kB", "", " size=65536" },
	{ "--max-line=100MiB", "", " size=104857600" },
	{ "--max-line=100MB", "", " size=104857600" },
	{ "--max-line=1024GiB", "", " size=1099511627776" },
	{ "--max-line=1GB", "", " size=1073741824" },
	/* Counts. */
	{ "-n 1", "", " count=1" },
	{ "--workers=2047", "", " count=2047" },
	{ "-n 010", "", " count=10" },
	{ "", "OPT_TEST_WORKERS=3", " count=3" },
	/* LSNs. */
	{ "-E 16/B374D848", "", " endpos=16/B374D848" },
	/* The environment. */
	{ "", "OPT_TEST_SLOT_NAME=orders", " slot=orders" },
	{ "", "OPT_TEST_TABLES=a,b OPT_TEST_TABLE_SPACE=c", " tables=a|b space=c" },
	{ "", "OPT_TEST_INTERVAL=5 OPT_TEST_MAX_LINE=2KiB OPT_TEST_ENDPOS=1/0",
	    " interval=5000000 size=2048 endpos=1/0" },
	{ "", "OPT_TEST_DRAIN=1", " drain=1" },
	{ "", "OPT_TEST_DRAIN=true", " drain=1" },
	{ "", "OPT_TEST_DRAIN=On", " drain=1" },
	{ "", "OPT_TEST_DRAIN=YES", " drain=1" },
	{ "", "OPT_TEST_DRAIN=0", "" },
	{ "", "OPT_TEST_DRAIN=false", "" },
	{ "", "OPT_TEST_DRAIN=off", "" },
	{ "", "OPT_TEST_DRAIN=no", "" },
	{ "", "OPT_TEST_VERBOSE=1", " verbose" },
	{ "", "OPT_TEST_QUIET=yes", " quiet" },
	{ "", "OPT_TEST_LOG_FORMAT=text", "" },
	{ "", "OTHER_SLOT_NAME=x OPT_TES_PORT=7 opt_test_port=8", "" },
	/* The command line wins, lists are not added up, and what it sets is not looked at. */
	{ "-S a", "OPT_TEST_SLOT_NAME=b", " slot=a" },
	{ "-t a", "OPT_TEST_TABLES=b", " tables=a" },
	{ "-s 5", "OPT_TEST_INTERVAL=rubbish", " interval=5000000" },
	{ "-d", "OPT_TEST_DRAIN=0", " drain=1" },
	{ "-p 1", "OPT_TEST_SLOT_NAME=b", " slot=b port=1" },
	{ "-v", "OPT_TEST_VERBOSE=0", " verbose" },
	{ "-v", "OPT_TEST_QUIET=1", " verbose" },
	{ "-q", "OPT_TEST_VERBOSE=1", " quiet" },
};

static void
good_ones(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		parse(good[i].line, good[i].environment);
		ok(outcome->returned && outcome->code == 0, "%s%sopt-test %s", good[i].environment,
		    good[i].environment[0] != '\0' ? " " : "", good[i].line);
		is_str(outcome->values, good[i].values, "... what is set");
		is_str(outcome->err, "", "... nothing is said");
		is_str(outcome->out, "", "... nor printed");
	}
}

static const struct {
	const char *line, *environment, *message;
} bad[] = {
	{ "--bogus", "", "unknown or ambiguous option \"--bogus\"" },
	{ "--bogus=x", "", "unknown or ambiguous option \"--bogus=x\"" },
	{ "--", "OPT_TEST_DRAIN=maybe",
	    "invalid value \"maybe\" in environment variable "
	    "\"OPT_TEST_DRAIN\"; expected true or false" },
	{ "--tab=x", "", "unknown or ambiguous option \"--tab=x\"" },
	{ "--table x", "", "ambiguous option \"--table\"" },
	{ "-x", "", "unknown option \"-x\"" },
	{ "-dx", "", "unknown option \"-x\"" },
	{ "-S", "", "option \"-S\" needs an argument" },
	{ "--slot-name", "", "option \"--slot-name\" needs an argument" },
	{ "-d --port", "", "option \"--port\" needs an argument" },
	{ "--drain=1", "", "option \"--drain=1\" takes no argument" },
	{ "--help=x", "", "option \"--help=x\" takes no argument" },
	{ "-S a -S b", "", "option \"--slot-name\" is given twice" },
	{ "-S a --slot-name=a", "", "option \"--slot-name\" is given twice" },
	{ "-d -d", "", "option \"--drain\" is given twice" },
	{ "-vv", "", "option \"--verbose\" is given twice" },
	{ "-v -q", "", "options --verbose and --quiet exclude each other" },
	{ "--slot-name=", "", "invalid value \"\" for option \"--slot-name\"" },
	{ "", "OPT_TEST_SLOT_NAME=", "invalid value \"\" in environment variable" },
	{ "--tables=", "", "names separated by commas" },
	{ "--where=", "", "a value that is not empty" },
	{ "-X a", "", "invalid value number 1 for option \"--set\"; expected NAME=VALUE" },
	{ "-X a=1 -X =b", "", "invalid value number 2 for option \"--set\"; expected NAME=VALUE" },
	{ "--set=", "", "expected NAME=VALUE" },
	{ "", "OPT_TEST_SET=a=1\tb=2\tc",
	    "invalid value number 3 in environment variable \"OPT_TEST_SET\"; expected NAME=VALUE" },
	{ "--tables=,a", "", "invalid value \",a\" for option \"--tables\"" },
	{ "--tables=a,", "", "names separated by commas" },
	{ "--tables=a,,b", "", "names separated by commas" },
	{ "", "OPT_TEST_TABLES=a,", "names separated by commas" },
	{ "--color=yellow", "",
	    "value \"yellow\" for option \"--color\"; expected \"red\", \"green\" or \"blue\"" },
	{ "--color=gree", "", "expected \"red\"" },
	{ "--color=red|green", "", "expected \"red\"" },
	{ "--color=", "", "expected \"red\"" },
	{ "", "OPT_TEST_COLOR=Red", "variable \"OPT_TEST_COLOR\"; expected \"red\"" },
	{ "--codec=l", "", "for option \"--codec\"; expected \"lz\" or \"lz4\"" },
	{ "-s 9ms", "", "a duration from 10ms to 1h" },
	{ "-s 3600001ms", "", "a duration" },
	{ "-s 61min", "", "a duration" },
	{ "-s 0", "", "a duration" },
	{ "-s -1", "", "invalid value \"-1\" for option \"--interval\"" },
	{ "-s +1", "", "a duration" },
	{ "-s 1.5s", "", "a duration" },
	{ "-s x", "", "a duration" },
	{ "-s s", "", "a duration" },
	{ "-s 1m", "", "a duration" },
	{ "-s 1S", "", "a duration" },
	{ "-s 1sx", "", "a duration" },
	{ "-s 0x10", "", "a duration" },
	{ "-s 18446744073709551616", "", "a duration" },
	{ "-s 18446744073709551615", "", "a duration" },
	{ "-s 5124095576031h", "", "a duration" },
	{ "--max-line=1023", "", "a size from 1KiB to 1024GiB" },
	{ "--max-line=1099511627777", "", "a size" },
	{ "--max-line=1025GiB", "", "a size" },
	{ "--max-line=18446744073709551615", "", "a size" },
	{ "--max-line=17179869184GiB", "", "a size" },
	{ "--max-line=-1", "", "a size" },
	{ "--max-line=1K", "", "a size" },
	{ "--max-line=1kb", "", "a size" },
	{ "--max-line=4kB,", "", "a size" },
	{ "-n 0", "", "invalid value \"0\" for option \"--workers\"; expected a number" },
	{ "-n 2048", "", "expected a number from 1 to 2047" },
	{ "-n -1", "", "a number" },
	{ "-n +1", "", "a number" },
	{ "-n 1KiB", "", "a number" },
	{ "-n 1B", "", "a number" },
	{ "-n 1.5", "", "a number" },
	{ "-n 0x10", "", "a number" },
	{ "-n 18446744073709551617", "", "a number" },
	{ "--workers=", "", "a number" },
	{ "", "OPT_TEST_WORKERS=1kB", "\"OPT_TEST_WORKERS\"; expected a number from" },
	{ "-E 16-B374D848", "", "an LSN such as" },
	{ "-E 0", "", "an LSN such as" },
	{ "", "OPT_TEST_ENDPOS=x", "\"OPT_TEST_ENDPOS\"; expected an LSN" },
	{ "--log-format=xml", "", "invalid value \"xml\" for option \"--log-format\"" },
	{ "", "OPT_TEST_LOG_FORMAT=xml", "\"xml\"" },
};

static void
bad_ones(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *lf;

		parse(bad[i].line, bad[i].environment);
		lf = strchr(outcome->err, '\n');
		ok(outcome->returned && outcome->code == EXIT_PERMANENT, "%s%sopt-test %s",
		    bad[i].environment, bad[i].environment[0] != '\0' ? " " : "", bad[i].line);
		if (!ok(strstr(outcome->err, bad[i].message) != NULL && lf != NULL && lf[1] == '\0',
			"... one line says: %s", bad[i].message))
			printf("#   got %s\n", outcome->err);
		is_str(outcome->out, "", "... and nothing is printed");
	}
}

/* A pair may be a password. */
static void
secrets(void)
{
	static const struct {
		const char *line, *environment;
	} cases[] = {
		{ "-X =hush", "" },
		{ "-X hush", "" },
		{ "--set=hush", "" },
		{ "", "OPT_TEST_SET=user=bob\tpassword=hush\thush" },
		{ "", "OPT_TEST_SET==hush" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(cases[i].line, cases[i].environment);
		ok(outcome->code == EXIT_PERMANENT && strstr(outcome->err, "hush") == NULL,
		    "the value of a pair is not shown: %s%s", cases[i].line, cases[i].environment);
	}
}

static void
unknown_variables(void)
{
	parse("-S a", "OPT_TEST_SLOT=x");
	ok(outcome->code == 0, "an unknown variable is no error");
	ok(strstr(outcome->err, "warning: unknown environment variable \"OPT_TEST_SLOT\"") != NULL,
	    "... but warned about");
	is_str(outcome->values, " slot=a", "... and ignored");
	parse("", "OPT_TEST_=x OPT_TEST_slot_name=y OPT_TEST_PORTS=z OPT_TEST_TABLE-SPACE=q");
	ok(outcome->code == 0 && strstr(outcome->err, "\"OPT_TEST_\"") != NULL &&
		strstr(outcome->err, "\"OPT_TEST_slot_name\"") != NULL &&
		strstr(outcome->err, "\"OPT_TEST_PORTS\"") != NULL &&
		strstr(outcome->err, "\"OPT_TEST_TABLE-SPACE\"") != NULL,
	    "each of several");
	is_str(outcome->values, "", "... and ignored");
	ok(strstr(outcome->err, "=x") == NULL, "what they hold is not shown");
	parse("", "OPT_TEST_HELP=1 OPT_TEST_VERSION=1");
	ok(outcome->code == 0 && outcome->returned &&
		strstr(outcome->err, "\"OPT_TEST_HELP\" is ignored") != NULL &&
		strstr(outcome->err, "\"OPT_TEST_VERSION\" is ignored") != NULL,
	    "also --help and --version, which only the command line has");
	parse("-q", "OPT_TEST_SLOT=x");
	is_str(outcome->err, "", "--quiet: no warning");
	parse("--log-format=json", "OPT_TEST_SLOT=x");
	ok(outcome->code == 0 && outcome->returned, "--log-format=json");
	ok(strncmp(outcome->err, "{\"time\":", 8) == 0, "... warns so");
	parse("", "OPT_TEST_SLOT=x OPT_TEST_LOG_FORMAT=json");
	ok(strncmp(outcome->err, "{\"time\":", 8) == 0, "... also from the environment");
}

static void
help_and_version(void)
{
	static const char *const ways[] = { "-?", "--help", "--he", "-S a -?", "-? -S a", "a -? b",
		"-d?", "-?d", "--help --interval=5" };
	static const char *const common[] = { "-?, --help", "-V, --version", "-v, --verbose",
		"-q, --quiet", "--log-format=" };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		parse(ways[i], "OPT_TEST_INTERVAL=rubbish");
		ok(!outcome->returned && outcome->code == 0, "opt-test %s", ways[i]);
		ok(strncmp(outcome->out, "opt-test: tests options\n", 24) == 0, "... prints help");
		is_str(outcome->err, "", "... and no error");
	}
	parse("--help", "");
	ok(strstr(outcome->out, "Usage: opt-test [OPTION]... FILE\n") != NULL, "usage");
	for (const struct opt *o = options; o->name != NULL; o++) {
		char text[64];

		snprintf(text, sizeof(text), "--%s%s%s ", o->name, o->argument != NULL ? "=" : "",
		    o->argument != NULL ? o->argument : "");
		ok(strstr(outcome->out, text) != NULL, "help has %s", text);
	}
	ok(strstr(outcome->out, "-S, --slot-name=SLOT") != NULL, "... with their letters");
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		ok(strstr(outcome->out, common[i]) != NULL, "help has %s", common[i]);
	ok(strstr(outcome->out, "OPT_TEST_SLOT_NAME") != NULL, "... and the environment");
	for (int i = 0; i < 2; i++) {
		parse(i == 0 ? "-V" : "--version", "");
		ok(!outcome->returned && outcome->code == 0, "the version");
		is_str(outcome->out, "opt-test (pgcdc) " PGCDC_VERSION "\n", "... is printed");
	}
	parse("--help --bogus", "");
	is_int(outcome->code, EXIT_PERMANENT, "an unknown option is an error also with --help");
}

/* A program with a configuration file. */
static int
read_file(const struct opt_program *p)
{
	if (opt_of_variable(p, "OPT_TEST_SLOT_NAME") != &options[0] ||
	    opt_of_variable(p, "OPT_TEST_SLOT") != NULL ||
	    opt_of_variable(p, "OPT_TEST_VERBOSE") == NULL)
		return log_permanent("another opinion about options");
	if (getenv("OPT_TEST_FAILS") != NULL)
		return log_permanent("the file is not there");
	return setenv("OPT_TEST_INTERVAL", getenv("FILE"), 0);
}

static const char *
origin(const char *variable)
{
	return strcmp(variable, "OPT_TEST_INTERVAL") == 0 ? "file \"f\" line 3" : NULL;
}

static void
with_a_file(void)
{
	program.configure = read_file;
	program.origin = origin;
	parse("-S a", "FILE=7s");
	is_str(outcome->values, " slot=a interval=7000000", "the file is read");
	parse("-s 5s", "FILE=7s");
	is_str(outcome->values, " interval=5000000", "... but the command line wins");
	parse("", "FILE=7s OPT_TEST_INTERVAL=6s OPT_TEST_OTHER=x");
	is_str(outcome->values, " interval=6000000", "... and the environment");
	is_str(outcome->err, "", "... where unknown variables are not our business");
	parse("", "FILE=x");
	ok(outcome->code == EXIT_PERMANENT &&
		strstr(outcome->err,
		    "invalid value \"x\" of \"OPT_TEST_INTERVAL\" in file \"f\" line 3; "
		    "expected a duration") != NULL,
	    "the place of an invalid value is named");
	parse("--log-format=json", "FILE=1s OPT_TEST_FAILS=1");
	ok(outcome->code == EXIT_PERMANENT && strncmp(outcome->err, "{\"time\":", 8) == 0,
	    "a file that cannot be read ends it, in the format of the command line");
	parse("--help", "OPT_TEST_FAILS=1");
	is_int(outcome->code, 0, "--help needs no file");
	program.configure = NULL;
	program.origin = NULL;
}

static void
one_value(void)
{
	int64_t usec = -7;
	uint64_t n = 7;

	ok(opt_duration(&usec, "9223372036854775807us") == 0 && usec == INT64_MAX, "a long time");
	is_int(opt_duration(&usec, "9223372036854775808us"), -1, "one more is too long");
	ok(opt_duration(&usec, "0") == 0 && usec == 0, "no time");
	is_int(opt_duration(&usec, ""), -1, "no text");
	is_int(opt_duration(&usec, " 1"), -1, "a blank before");
	is_int(opt_duration(&usec, "1 s"), -1, "a blank between");
	ok(opt_size(&n, "18446744073709551615") == 0 && n == UINT64_MAX, "the largest size");
	is_int(opt_size(&n, "18446744073709551616"), -1, "one more is too large");
	ok(opt_size(&n, "17179869183GiB") == 0 && n == UINT64_C(17179869183) << 30, "many GiB");
	is_int(opt_size(&n, "17179869184GiB"), -1, "one more are too many");
	is_int(opt_size(&n, "GiB"), -1, "a unit alone");
	is_int(opt_size(&n, ""), -1, "no text");
}

int
main(void)
{
	outcome = mmap(
	    NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcome == MAP_FAILED)
		return 1;
	log_init("opt-test");
	good_ones();
	bad_ones();
	secrets();
	unknown_variables();
	help_and_version();
	with_a_file();
	one_value();
	return tap_done();
}
