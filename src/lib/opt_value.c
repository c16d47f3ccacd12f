#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lsn.h"
#include "opt_list.h"
#include "opt_value.h"

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

/* The place of a word among those that are listed with '|' between. */
static int
find_choice(int *index, const char *list, const char *word)
{
	size_t len = strlen(word);

	for (int i = 0;; i++) {
		size_t n = strcspn(list, "|");

		if (n == len && memcmp(list, word, n) == 0) {
			*index = i;
			return 0;
		}
		if (list[n] == '\0')
			return -1;
		list += n + 1;
	}
}

/* Such a list in words: "a", "b" or "c". */
static const char *
choices(const char *list)
{
	static char text[256];
	size_t len = 0;

	for (const char *p = list; *p != '\0' && len < sizeof(text);) {
		size_t n = strcspn(p, "|");
		const char *between = p == list ? "" : strchr(p, '|') == NULL ? " or " : ", ";

		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s\"%.*s\"", between, (int)n, p);
		p += n + (p[n] == '|');
	}
	return text;
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

const char *
opt_value_expected(const struct opt *o)
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
	case OPT_CHOICE:
	case OPT_WORD:
		return choices(o->argument);
	case OPT_STRING:
	case OPT_TEXT:
	case OPT_EACH:
		break;
	}
	return "a value that is not empty";
}

const char *
opt_value_shown(const struct opt *o, const char *value)
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

int
opt_value_set(const struct opt *o, const char *s, int in_environment)
{
	uint64_t number;
	int64_t usec;
	int index, err;

	switch (o->kind) {
	case OPT_FLAG:
		return set_flag(o->value, s);
	case OPT_CHOICE:
		return find_choice(o->value, o->argument, s);
	case OPT_WORD:
		*(const char **)o->value = s;
		return find_choice(&index, o->argument, s);
	case OPT_STRING:
		*(const char **)o->value = s;
		return *s != '\0' ? 0 : -1;
	case OPT_TEXT:
		*(const char **)o->value = s;
		return 0;
	case OPT_LIST:
		return opt_list_add(o->value, s, ",");
	case OPT_EACH:
		return opt_list_add(o->value, s, "");
	case OPT_PAIR:
		return opt_list_add_pairs(o->value, s, in_environment);
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
