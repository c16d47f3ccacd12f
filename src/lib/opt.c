#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "lsn.h"
#include "opt.h"

#define MAX_OPTIONS 64
/* getopt_long()'s code of an option without a letter: beyond any character. */
#define CODE_BASE 1000

extern char **environ;

static int verbose, quiet, help, version;
static const char *log_format;

static const struct opt common[] = {
	{ "verbose", 'v', OPT_FLAG, &verbose, NULL, "say more", 0, 0 },
	{ "quiet", 'q', OPT_FLAG, &quiet, NULL, "say only errors", 0, 0 },
	{ "log-format", 0, OPT_STRING, &log_format, "FORMAT", "text or json (default: text)", 0,
	    0 },
	{ "help", '?', OPT_FLAG, &help, NULL, "print this help and exit", 0, 0 },
	{ "version", 'V', OPT_FLAG, &version, NULL, "print the version and exit", 0, 0 },
};
#define N_COMMON (sizeof(common) / sizeof(common[0]))

/* The program's table and the common one, as one. */
struct table {
	const struct opt_program *program;
	const struct opt *option[MAX_OPTIONS];
	int given[MAX_OPTIONS];
	size_t n;
};

struct unit {
	const char *name;
	uint64_t factor;
};

/* A bare number counts in the first one; of two names for one size the last one is printed. */
static const struct unit durations[] = {
	{ "s", 1000000 },
	{ "ms", 1000 },
	{ "us", 1 },
	{ "min", 60000000 },
	{ "h", 3600000000 },
	{ NULL, 0 },
};
static const struct unit sizes[] = {
	{ "B", 1 },
	{ "kB", 1 << 10 },
	{ "MB", 1 << 20 },
	{ "GB", 1 << 30 },
	{ "KiB", 1 << 10 },
	{ "MiB", 1 << 20 },
	{ "GiB", 1 << 30 },
	{ NULL, 0 },
};
static const struct unit counts[] = {
	{ "", 1 },
	{ NULL, 0 },
};

/* A whole number and one of the units; a bare number counts in units[0]. */
static int
number_with_unit(uint64_t *value, const char *s, const struct unit *units)
{
	unsigned long long number;
	char *end;

	if (!isdigit((unsigned char)*s))
		return -1;
	errno = 0;
	number = strtoull(s, &end, 10);
	if (errno != 0)
		return -1;
	if (*end == '\0')
		return __builtin_mul_overflow(number, units[0].factor, value) ? -1 : 0;
	for (; units->name != NULL; units++)
		if (strcmp(end, units->name) == 0)
			return __builtin_mul_overflow(number, units->factor, value) ? -1 : 0;
	return -1;
}

int
opt_duration(int64_t *usec, const char *s)
{
	uint64_t v;

	if (number_with_unit(&v, s, durations) != 0 || v > INT64_MAX)
		return -1;
	*usec = (int64_t)v;
	return 0;
}

int
opt_size(uint64_t *bytes, const char *s)
{
	return number_with_unit(bytes, s, sizes);
}

int
opt_count(uint64_t *n, const char *s)
{
	return number_with_unit(n, s, counts);
}

static int
set_flag(int *flag, const char *s)
{
	static const char *const yes[] = { "1", "true", "on", "yes" };
	static const char *const no[] = { "0", "false", "off", "no", "" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (strcasecmp(s, yes[i]) == 0) {
			*flag = 1;
			return 0;
		}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (strcasecmp(s, no[i]) == 0)
			return 0;
	return -1;
}

static int
add_item(struct opt_list *list, const char *s, size_t len)
{
	char **grown = realloc(list->item, (list->n + 1) * sizeof(*grown));

	if (grown != NULL)
		list->item = grown;
	if (grown == NULL || len == 0 || (grown[list->n] = strndup(s, len)) == NULL)
		return -1;
	list->n++;
	return 0;
}

static int
add_items(struct opt_list *list, const char *s)
{
	for (;; s++) {
		size_t len = strcspn(s, ",");

		if (add_item(list, s, len) != 0)
			return -1;
		s += len;
		if (*s == '\0')
			return 0;
	}
}

/* A value may have commas, so only blanks of the environment part one pair from the next. */
static int
add_pairs(struct opt_list *list, const char *s, int in_environment)
{
	list->in_environment = in_environment;
	for (;;) {
		size_t len = in_environment ? strcspn(s, " \t") : strlen(s);
		const char *equals = memchr(s, '=', len);

		if (equals == NULL || equals == s || add_item(list, s, len) != 0)
			return -1;
		s += len;
		s += in_environment ? strspn(s, " \t") : 0;
		if (*s == '\0')
			return 0;
	}
}

/* A value in the largest unit that it is a whole number of, in text. */
static const char *
with_unit(char text[32], int64_t value, const struct unit *units)
{
	struct unit largest = { "", 1 };

	for (; value != 0 && units->name != NULL; units++)
		if ((uint64_t)value % units->factor == 0 && units->factor >= largest.factor)
			largest = *units;
	snprintf(text, 32, "%lld%s", (long long)value / (long long)largest.factor, largest.name);
	return text;
}

/* What an option of this kind expects, for the error message. */
static const char *
expected(const struct opt *o)
{
	static char text[128];
	char min[32], max[32];

	switch (o->kind) {
	case OPT_DURATION:
		snprintf(text, sizeof(text),
		    "a duration from %s to %s such as \"10s\" or \"500ms\"",
		    with_unit(min, o->min, durations), with_unit(max, o->max, durations));
		return text;
	case OPT_SIZE:
		snprintf(text, sizeof(text), "a size from %s to %s such as \"64KiB\" or \"1GiB\"",
		    with_unit(min, o->min, sizes), with_unit(max, o->max, sizes));
		return text;
	case OPT_COUNT:
		snprintf(text, sizeof(text), "a number from %s to %s",
		    with_unit(min, o->min, counts), with_unit(max, o->max, counts));
		return text;
	case OPT_LSN:
		return "an LSN such as \"16/B374D848\"";
	case OPT_LIST:
		return "names separated by commas, none of them empty";
	case OPT_PAIR:
		return "NAME=VALUE, in the environment with blanks between them";
	case OPT_FLAG:
		return "true or false";
	case OPT_STRING:
	case OPT_TEXT:
		break;
	}
	return "a value that is not empty";
}

/* A value, for the error message. Pairs may be passwords: those before it are counted. */
static const char *
shown(const struct opt *o, const char *value)
{
	const struct opt_list *before = o->value;
	static char *text;

	if (o->kind == OPT_PAIR ? asprintf(&text, "number %zu", before->n + 1) < 0
				: asprintf(&text, "\"%s\"", value) < 0)
		return "...";
	return text;
}

static int
in_range(const struct opt *o, int64_t v)
{
	return v >= o->min && v <= o->max;
}

static int
set(const struct opt *o, const char *s, int in_environment)
{
	uint64_t number;
	int64_t usec;
	int err;

	switch (o->kind) {
	case OPT_FLAG:
		return set_flag(o->value, s);
	case OPT_STRING:
		*(const char **)o->value = s;
		return *s != '\0' ? 0 : -1;
	case OPT_TEXT:
		*(const char **)o->value = s;
		return 0;
	case OPT_LIST:
		return add_items(o->value, s);
	case OPT_PAIR:
		return add_pairs(o->value, s, in_environment);
	case OPT_DURATION:
		if (opt_duration(&usec, s) != 0 || !in_range(o, usec))
			return -1;
		*(int64_t *)o->value = usec;
		return 0;
	case OPT_SIZE:
	case OPT_COUNT:
		err = o->kind == OPT_SIZE ? opt_size(&number, s) : opt_count(&number, s);
		if (err != 0 || number > INT64_MAX || !in_range(o, (int64_t)number))
			return -1;
		*(uint64_t *)o->value = number;
		return 0;
	case OPT_LSN:
		return lsn_parse(o->value, s, strlen(s));
	}
	return -1;
}

/* "status-interval" is PGCDC_READ_STATUS_INTERVAL. */
static void
variable_name(char *dst, size_t size, const char *prefix, const char *name)
{
	size_t len = (size_t)snprintf(dst, size, "%s", prefix);

	for (; *name != '\0' && len + 1 < size; name++)
		dst[len++] = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
	dst[len] = '\0';
}

/* The command line wins: its --verbose over a --quiet in the environment, too. */
static int
is_overruled(const struct table *t, const struct opt *o)
{
	const void *rival = o->value == &verbose ? &quiet : o->value == &quiet ? &verbose : NULL;

	for (size_t i = 0; i < t->n; i++)
		if (rival != NULL && t->option[i]->value == rival)
			return t->given[i];
	return 0;
}

/* The index of the option that a variable, len bytes long, sets; t->n if none, as --help. */
static size_t
find_variable(const struct table *t, const char *variable, size_t len)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		char name[128];

		if (t->option[i]->value == &help || t->option[i]->value == &version)
			continue;
		variable_name(name, sizeof(name), t->program->prefix, t->option[i]->name);
		if (strlen(name) == len && memcmp(name, variable, len) == 0)
			break;
	}
	return i;
}

static int
invalid_variable(const struct table *t, const struct opt *o, const char *value)
{
	const char *origin = NULL;
	char name[128];

	variable_name(name, sizeof(name), t->program->prefix, o->name);
	if (t->program->origin != NULL)
		origin = t->program->origin(name);
	if (origin != NULL)
		return log_permanent("invalid value %s of \"%s\" in %s; expected %s",
		    shown(o, value), name, origin, expected(o));
	return log_permanent("invalid value %s in environment variable \"%s\"; expected %s",
	    shown(o, value), name, expected(o));
}

/* With warn: say which variables name no option. Otherwise: set the options. */
static int
parse_environment(const struct table *t, int warn)
{
	const char *prefix = t->program->prefix;

	for (char **e = environ; *e != NULL; e++) {
		const char *value = strchr(*e, '=');
		size_t i, len;

		if (value == NULL || strncmp(*e, prefix, strlen(prefix)) != 0)
			continue;
		len = (size_t)(value++ - *e);
		i = find_variable(t, *e, len);
		if (i == t->n && warn)
			log_warn("unknown environment variable \"%.*s\" is ignored; "
				 "see --help for the options it could name",
			    (int)len, *e);
		if (i == t->n || warn || t->given[i] || is_overruled(t, t->option[i]))
			continue;
		if (set(t->option[i], value, 1) != 0)
			return invalid_variable(t, t->option[i], value);
	}
	return 0;
}

static int
parse_command_line(struct table *t, int argc, char **argv, int *operands)
{
	struct option longs[MAX_OPTIONS + 1] = { { .name = NULL } };
	char shorts[2 * MAX_OPTIONS + 2] = ":";
	size_t s = 1;
	int code;

	for (size_t i = 0; i < t->n; i++) {
		const struct opt *o = t->option[i];

		longs[i] = (struct option){ o->name,
			o->kind == OPT_FLAG ? no_argument : required_argument, NULL,
			CODE_BASE + (int)i };
		if (o->letter != 0 && o->letter != '?') {
			shorts[s++] = (char)o->letter;
			if (o->kind != OPT_FLAG)
				shorts[s++] = ':';
		}
	}
	opterr = 0;
	while (optopt = 0, (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		size_t i = (size_t)(code - CODE_BASE);
		/* To getopt_long() all letters that are not in shorts are unknown, '?' too. */
		int unknown = code == '?' && optopt != '?';

		if (code == ':')
			return log_permanent(
			    "option \"%s\" needs an argument; see --help", argv[optind - 1]);
		if (unknown && optopt >= CODE_BASE)
			return log_permanent(
			    "option \"%s\" takes no argument; see --help", argv[optind - 1]);
		if (unknown && optopt != 0)
			return log_permanent("unknown option \"-%c\"; see --help", optopt);
		if (unknown)
			return log_permanent(
			    "unknown or ambiguous option \"%s\"; see --help", argv[optind - 1]);
		if (code < CODE_BASE)
			for (i = 0; t->option[i]->letter != code; i++)
				;
		const struct opt *o = t->option[i];
		if (t->given[i]++ && o->kind != OPT_LIST && o->kind != OPT_PAIR)
			return log_permanent(
			    "option \"--%s\" is given twice; give it once", o->name);
		if (set(o, o->kind == OPT_FLAG ? "1" : optarg, 0) != 0)
			return log_permanent("invalid value %s for option \"--%s\"; expected %s",
			    shown(o, optarg), o->name, expected(o));
	}
	if (operands != NULL)
		*operands = optind;
	else if (optind < argc)
		return log_permanent("unexpected argument \"%s\"; see --help", argv[optind]);
	return 0;
}

static void
print_options(const struct opt *o, size_t n)
{
	for (size_t i = 0; i < n && o[i].name != NULL; i++) {
		char left[64], letter[8] = "    ";

		if (o[i].letter != 0)
			snprintf(letter, sizeof(letter), "-%c, ", o[i].letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o[i].name,
		    o[i].argument != NULL ? "=" : "", o[i].argument != NULL ? o[i].argument : "");
		printf("  %-32s %s\n", left, o[i].help);
	}
}

/* Standard output is checked: --help into a full disk is an error, too. */
static _Noreturn void
exit_printed(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		exit(log_temporary("could not write to standard output: %s", strerror(errno)));
	exit(EXIT_DONE);
}

static _Noreturn void
print_help(const struct opt_program *p)
{
	printf("%s: %s\n\nUsage: %s [OPTION]...%s%s\n\nOptions:\n", p->name, p->purpose, p->name,
	    *p->usage != '\0' ? " " : "", p->usage);
	print_options(p->options, MAX_OPTIONS);
	print_options(common, N_COMMON);
	printf("\nEach option is also read from the environment: --%s as %s", p->options[0].name,
	    p->prefix);
	for (const char *c = p->options[0].name; *c != '\0'; c++)
		putchar(*c == '-' ? '_' : toupper((unsigned char)*c));
	printf(".\nExit codes: 0 done, 100 permanent error, 111 temporary error.\n");
	exit_printed();
}

static int
configure_log(void)
{
	enum log_format format = LOG_AS_TEXT;

	if (log_format != NULL && strcmp(log_format, "json") == 0)
		format = LOG_AS_JSON;
	else if (log_format != NULL && strcmp(log_format, "text") != 0)
		return log_permanent("invalid value \"%s\" for option \"--log-format\"; "
				     "expected text or json",
		    log_format);
	if (verbose && quiet)
		return log_permanent("options --verbose and --quiet exclude each other");
	log_configure(verbose ? LOG_AT_DEBUG : quiet ? LOG_AT_ERROR : LOG_AT_INFO, format);
	return 0;
}

static void
fill_table(struct table *t, const struct opt_program *program)
{
	*t = (struct table){ .program = program };
	for (const struct opt *o = program->options; o->name != NULL; o++)
		t->option[t->n++] = o;
	for (size_t i = 0; i < N_COMMON; i++)
		t->option[t->n++] = &common[i];
}

const struct opt *
opt_of_variable(const struct opt_program *program, const char *variable)
{
	struct table t;
	size_t i;

	fill_table(&t, program);
	i = find_variable(&t, variable, strlen(variable));
	return i < t.n ? t.option[i] : NULL;
}

int
opt_parse(const struct opt_program *program, int argc, char **argv, int *operands)
{
	struct table t;
	int err;

	fill_table(&t, program);
	if ((err = parse_command_line(&t, argc, argv, operands)) != 0)
		return err;
	if (help)
		print_help(program);
	if (version) {
		printf("%s (pgcdc) %s\n", program->name, PGCDC_VERSION);
		exit_printed();
	}
	if (program->configure != NULL &&
	    ((err = configure_log()) != 0 || (err = program->configure(program)) != 0))
		return err;
	if ((err = parse_environment(&t, 0)) != 0 || (err = configure_log()) != 0)
		return err;
	return program->configure == NULL ? parse_environment(&t, 1) : 0;
}
