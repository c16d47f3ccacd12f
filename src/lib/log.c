#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "utf8.h"

/* A longer message is cut: one line, one write. */
#define MESSAGE_SIZE 4096

static const struct {
	const char *name;
	int priority; /* syslog(3) */
} levels[] = {
	[LOG_AT_ERROR] = { "error", 3 },
	[LOG_AT_WARNING] = { "warning", 4 },
	[LOG_AT_INFO] = { "info", 6 },
	[LOG_AT_DEBUG] = { "debug", 7 },
};

static const char *program_name = "";
static enum log_level max_level = LOG_AT_INFO;
static enum log_format log_format = LOG_AS_TEXT;
static int to_journal;

/* systemd puts the device and inode of the journal's stream in the environment. */
static int
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char here[64];

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return 0;
	snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, here) == 0;
}

/*
 * A closed standard descriptor would be given to the next file that is opened,
 * and messages or lines would end up there.  Fill it with one that cannot be used.
 */
static void
keep_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void
log_init(const char *program)
{
	keep_standard_descriptors();
	program_name = program;
	to_journal = stderr_is_journal();
}

void
log_configure(enum log_level level, enum log_format format)
{
	max_level = level;
	log_format = format;
}

void
log_set_level(enum log_level level)
{
	max_level = level;
}

enum log_format
log_used_format(void)
{
	return log_format;
}

int
log_wants(enum log_level level)
{
	return level <= max_level;
}

/* The control characters of ASCII, and those from U+0080 to U+009F. */
static int
is_control(const char *s, size_t len)
{
	const unsigned char *b = (const unsigned char *)s;

	return len == 1 ? b[0] < 0x20 || b[0] == 0x7f : len == 2 && b[0] == 0xc2 && b[1] < 0xa0;
}

/*
 * Messages of libpq end in a line feed, and have more of them inside.  With the blanks around
 * it one becomes a blank; at the end of our message, and where that goes on with what to do
 * about it behind a semicolon, it becomes nothing.
 */
static void
join_lines(char *s)
{
	char *to = s;

	while (*s != '\0') {
		size_t blanks = strspn(s, " \t\n");
		char next = s[blanks];

		if (next != '\0' && memchr(s, '\n', blanks) == NULL) {
			*to++ = *s++;
			continue;
		}
		if (next != '\0' && next != ';')
			*to++ = ' ';
		s += blanks;
	}
	*to = '\0';
}

/* Tabs become blanks, control characters and bytes that are not UTF-8 become '?'. */
static void
mask(char *s)
{
	size_t left = strlen(s), len;

	for (; left > 0; s += len, left -= len) {
		len = utf8_sequence(s, left);
		if (*s == '\t')
			*s = ' ';
		else if (len == 0 || is_control(s, len))
			memset(s, '?', len == 0 ? (len = 1) : len);
	}
}

static int
format_text(char *dst, size_t size, enum log_level level, const char *message)
{
	if (to_journal)
		return snprintf(dst, size, "%s: %s\n", levels[level].name, message);
	return snprintf(dst, size, "%s: %s: %s\n", program_name, levels[level].name, message);
}

static int
format_json(char *dst, size_t size, enum log_level level, const char *message)
{
	char quoted[2 * MESSAGE_SIZE], when[32];
	struct timespec now;
	struct tm utc;
	char *q = quoted;

	for (const char *s = message; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			*q++ = '\\';
		*q++ = *s;
	}
	*q = '\0';
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
	return snprintf(dst, size,
	    "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%ld,\"message\":\"%s\"}\n",
	    when, now.tv_nsec / 1000000, levels[level].name, program_name, (long)getpid(), quoted);
}

static void __attribute__((format(printf, 2, 0)))
print(enum log_level level, const char *fmt, va_list args)
{
	char message[MESSAGE_SIZE], text[2 * MESSAGE_SIZE + 256];
	int len = 0;

	if (level > max_level)
		return;
	vsnprintf(message, sizeof(message), fmt, args);
	join_lines(message);
	mask(message);
	if (to_journal)
		len = snprintf(text, sizeof(text), "<%d>", levels[level].priority);
	if (log_format == LOG_AS_JSON)
		len += format_json(text + len, sizeof(text) - (size_t)len, level, message);
	else
		len += format_text(text + len, sizeof(text) - (size_t)len, level, message);
	/* Nothing can be done, or said, about a log that cannot be written. */
	if (write(STDERR_FILENO, text, (size_t)len) < 0)
		return;
}

#define PRINT_AT(level)                  \
	do {                             \
		va_list args;            \
		va_start(args, fmt);     \
		print(level, fmt, args); \
		va_end(args);            \
	} while (0)

int
log_permanent(const char *fmt, ...)
{
	PRINT_AT(LOG_AT_ERROR);
	return EXIT_PERMANENT;
}

int
log_temporary(const char *fmt, ...)
{
	PRINT_AT(LOG_AT_ERROR);
	return EXIT_TEMPORARY;
}

void
log_warn(const char *fmt, ...)
{
	PRINT_AT(LOG_AT_WARNING);
}

void
log_info(const char *fmt, ...)
{
	PRINT_AT(LOG_AT_INFO);
}

void
log_debug(const char *fmt, ...)
{
	PRINT_AT(LOG_AT_DEBUG);
}
