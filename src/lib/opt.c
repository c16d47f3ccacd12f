#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "opt.h"
#include "opt_value.h"

#define MAX_OPTIONS 64
/* getopt_long()'s code of an option without a letter: beyond any character. */
#define CODE_BASE 1000

extern char **environ;

static int verbose, quiet, help, version;
static enum log_format log_format;

static const struct opt common[] = {
	{ "verbose", 'v', OPT_FLAG, &verbose, NULL, "say more", 0, 0 },
	{ "quiet", 'q', OPT_FLAG, &quiet, NULL, "say only errors", 0, 0 },
	{ "log-format", 0, OPT_CHOICE, &log_format, "text|json", "form of messages (default: text)",
	    0, 0 },
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
		    opt_value_shown(o, value), name, origin, opt_value_expected(o));
	return log_permanent("invalid value %s in environment variable \"%s\"; expected %s",
	    opt_value_shown(o, value), name, opt_value_expected(o));
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
		if (opt_value_set(t->option[i], value, 1) != 0)
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
		if (t->given[i]++ && o->kind != OPT_LIST && o->kind != OPT_EACH &&
		    o->kind != OPT_PAIR)
			return log_permanent(
			    "option \"--%s\" is given twice; give it once", o->name);
		if (opt_value_set(o, o->kind == OPT_FLAG ? "1" : optarg, 0) != 0)
			return log_permanent("invalid value %s for option \"--%s\"; expected %s",
			    opt_value_shown(o, optarg), o->name, opt_value_expected(o));
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
	if (verbose && quiet)
		return log_permanent("options --verbose and --quiet exclude each other");
	log_configure(verbose ? LOG_AT_DEBUG : quiet ? LOG_AT_ERROR : LOG_AT_INFO, log_format);
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
