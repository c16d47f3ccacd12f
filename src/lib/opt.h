/*
 * Options of a program: one table is the source of parsing and of --help.
 *
 * Each option can also be set in the environment, as the program's prefix and
 * the long name in capitals with '_' for '-': PGCDC_READ_STATUS_INTERVAL.
 * The command line wins.  An option given twice is an error, unless it is a list.
 * A variable with the prefix that names no option is warned about.
 *
 * Every program has, besides its table: -v/--verbose, -q/--quiet,
 * --log-format=text|json, and on the command line alone -?/--help and -V/--version.
 */
#ifndef OPT_H
#define OPT_H

#include <stddef.h>
#include <stdint.h>

enum opt_kind {
	OPT_FLAG,   /* int *: set to 1; in the environment 1/0, true/false, on/off, yes/no */
	OPT_STRING, /* const char **, not empty */
	OPT_TEXT,   /* const char **, may be empty */
	OPT_CHOICE, /* int *, or an enum: the place of a word in its argument, "first|second" */
	OPT_WORD,   /* const char **, a word of such an argument */
	OPT_LIST,   /* struct opt_list *: repeated, or separated by commas */
	OPT_EACH,   /* struct opt_list *: repeated, commas and all; in the environment just one */
	/*
	 * struct opt_list *: NAME=VALUE, repeated; in the environment between blanks.  As they may
	 * be passwords, error messages do not show them.
	 */
	OPT_PAIR,
	OPT_DURATION, /* int64_t *, microseconds: 10, 10s, 500ms, 2min, 1h; bare: seconds */
	OPT_SIZE,     /* uint64_t *, bytes: 4096, 64KiB, 100MiB, 1GiB (kB, MB, GB the same) */
	OPT_COUNT,    /* uint64_t *, a whole number: 10000 */
	OPT_LSN,      /* uint64_t *, as lsn.h */
};

struct opt_list {
	char **item; /* allocated, for the life of the program */
	size_t n;
	int in_environment; /* OPT_PAIR: where others do not see it, and not on the command line */
};

struct opt {
	const char *name; /* long name; NULL ends the table */
	int letter;       /* short name, or 0 */
	enum opt_kind kind;
	void *value;          /* where it goes; holds the default before */
	const char *argument; /* what --help calls its argument */
	const char *help;     /* one line */
	int64_t min, max;     /* of OPT_DURATION, OPT_SIZE and OPT_COUNT */
};

/*
 * Rows of programs that read event lines from standard input, and their defaults; o points to a
 * struct with shutdown_timeout, in microseconds, and max_line.
 */
#define OPT_INPUT(o)                                                                               \
	{ "shutdown-timeout", 0, OPT_DURATION, &(o)->shutdown_timeout, "TIME",                     \
		"after SIGTERM, longest wait for the end of input (default: 5s)", 0, 3600000000 }, \
	{                                                                                          \
		"max-line", 0, OPT_SIZE, &(o)->max_line, "SIZE", "longest line (default: 1GiB)",   \
		    1024, INT64_C(1) << 40                                                         \
	}
#define OPT_INPUT_DEFAULTS .shutdown_timeout = 5000000, .max_line = UINT64_C(1) << 30

/* Rows of sinks; o points to a struct with ack and ack_name, which is the name own by default. */
#define OPT_ACK(o, own)                                                                   \
	{ "ack", 0, OPT_STRING, &(o)->ack, "PATH", "FIFO of the stream's source", 0, 0 }, \
	{                                                                                 \
		"ack-name", 0, OPT_STRING, &(o)->ack_name, "NAME",                        \
		    "name to acknowledge under (default: " own ")", 0, 0                  \
	}

struct opt_program {
	const char *name;    /* "pgcdc-read" */
	const char *prefix;  /* "PGCDC_READ_" */
	const char *usage;   /* operands, after "[OPTION]..." */
	const char *purpose; /* one line */
	const struct opt *options;
	/*
	 * NULL, or of a program with a configuration file: called between the command line
	 * and the environment, to put into the environment what the file says.  0, or the exit
	 * code after reporting.  Variables that name no option are its business, too.
	 */
	int (*configure)(const struct opt_program *);
	/* Where a variable was set, as 'file "f" line 3', or NULL: in the environment. */
	const char *(*origin)(const char *variable);
};

/*
 * Parse the environment and the command line, and configure log.h.
 * 0: *operands is the index of the first operand in argv; with NULL there may be none.
 * Otherwise the exit code; an error was reported.  --help and --version print and exit with 0.
 */
int opt_parse(const struct opt_program *program, int argc, char **argv, int *operands);

/* The option that a variable of the environment sets, NULL if none. */
const struct opt *opt_of_variable(const struct opt_program *program, const char *variable);

/*
 * Range-checked readers of one value, as the kinds above describe them.
 * 0, or -1 if s is none.
 */
int opt_duration(int64_t *usec, const char *s);
int opt_size(uint64_t *bytes, const char *s);
int opt_count(uint64_t *n, const char *s);

#endif
