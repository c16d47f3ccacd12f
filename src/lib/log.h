/*
 * Messages on standard error, and the exit codes that go with them.
 *
 * One line a message, written with one write(2), in the wording of
 * PostgreSQL's error message style guide: lower case, "could not ...", names
 * in double quotes, and what to do about it after a semicolon.  Control bytes
 * are masked, so a table named with a line feed cannot forge a line; a message of
 * libpq can be put in as it is, its line feeds become blanks or go.  Under systemd
 * each line is prefixed with its sd-daemon(3) priority, "<3>".
 */
#ifndef LOG_H
#define LOG_H

enum exit_code {
	EXIT_DONE = 0,
	EXIT_NEGATIVE = 1,    /* the answer of a check is no */
	EXIT_PERMANENT = 100, /* do not restart: a human has to act */
	EXIT_TEMPORARY = 111, /* restart me */
};

enum log_level { LOG_AT_ERROR, LOG_AT_WARNING, LOG_AT_INFO, LOG_AT_DEBUG };
enum log_format { LOG_AS_TEXT, LOG_AS_JSON };

/*
 * Name the program.  Call it first of all: it also sees to it that a standard
 * descriptor that the caller has closed fails when it is used (EBADF).
 */
void log_init(const char *program);

/* Messages above the level are dropped. Default: LOG_AT_INFO as text. */
void log_configure(enum log_level level, enum log_format format);
void log_set_level(enum log_level level);

/* As configured, for a program that starts others. */
enum log_format log_used_format(void);

#define LOG_PRINTF __attribute__((format(printf, 1, 2)))

/*
 * Report an error and return the exit code that it deserves, so that the
 * function which first sees a failure reports it and its callers pass the
 * code up: return log_permanent("slot \"%s\" ...", name);
 */
int log_permanent(const char *fmt, ...) LOG_PRINTF;
int log_temporary(const char *fmt, ...) LOG_PRINTF;

void log_warn(const char *fmt, ...) LOG_PRINTF;
void log_info(const char *fmt, ...) LOG_PRINTF;
void log_debug(const char *fmt, ...) LOG_PRINTF;

/* Is a message at this level printed? For messages that cost to build. */
int log_wants(enum log_level level);

#endif
