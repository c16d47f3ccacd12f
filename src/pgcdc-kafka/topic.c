#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "topic.h"

static const char schema_field[] = "%{schema}", table_field[] = "%{table}";

static int
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static int
is_plain(char c)
{
	return isascii(c) && (isalnum(c) || c == '_');
}

static int
is_allowed(char c)
{
	return is_plain(c) || c == '.' || c == '-';
}

int
topic_may_have(const char *text)
{
	while (is_allowed(*text))
		text++;
	return *text == '\0';
}

int
topic_is_template(const char *topic)
{
	return strstr(topic, "%{") != NULL;
}

int
topic_check(const char *topic)
{
	const char *p = topic;

	while (*p != '\0') {
		if (begins(p, schema_field)) {
			p += strlen(schema_field);
		} else if (begins(p, table_field)) {
			p += strlen(table_field);
		} else if (*p == '%') {
			return log_permanent("unknown field in topic \"%s\" at \"%s\"; expected "
					     "%%{schema} or %%{table}",
			    topic, p);
		} else if (!is_allowed(*p)) {
			return log_permanent("invalid topic \"%s\"; expected letters, digits, "
					     "\".\", \"_\" and \"-\"",
			    topic);
		} else {
			p++;
		}
	}
	if (strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0 || strlen(topic) >= TOPIC_SIZE)
		return log_permanent("invalid topic \"%s\"; expected at most %d characters, and "
				     "neither \".\" nor \"..\"",
		    topic, TOPIC_SIZE - 1);
	return 0;
}

/* What has been written so far, and whether it was too long. */
struct text {
	char *p, *end;
	int is_cut;
};

static void
add(struct text *t, char c)
{
	if (t->p < t->end)
		*t->p++ = c;
	else
		t->is_cut = 1;
}

static void
add_name(struct text *t, const char *name, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		if (is_plain(name[i])) {
			add(t, name[i]);
			continue;
		}
		add(t, '-');
		add(t, digits[(unsigned char)name[i] >> 4]);
		add(t, digits[name[i] & 15]);
	}
}

int
topic_expand(char dst[TOPIC_SIZE], const char *template, const char *schema, size_t schema_len,
    const char *table, size_t table_len)
{
	struct text t = { dst, dst + TOPIC_SIZE - 1, 0 };

	while (*template != '\0') {
		if (begins(template, schema_field)) {
			add_name(&t, schema, schema_len);
			template += strlen(schema_field);
		} else if (begins(template, table_field)) {
			add_name(&t, table, table_len);
			template += strlen(table_field);
		} else {
			add(&t, *template ++);
		}
	}
	if (t.is_cut)
		return -1;
	*t.p = '\0';
	return 0;
}

/* How long the field is that the template begins with; 0: none. */
static size_t
field(const char *template)
{
	if (begins(template, schema_field))
		return strlen(schema_field);
	return begins(template, table_field) ? strlen(table_field) : 0;
}

/* How long what add_name() makes of one byte is, at the begin of a name; 0: it is none of that. */
static size_t
encoded(const char *name)
{
	static const char digits[] = "0123456789abcdef";
	const char *high, *low;

	if (is_plain(*name))
		return 1;
	if (*name != '-' || name[1] == '\0' || name[2] == '\0' ||
	    (high = strchr(digits, name[1])) == NULL || (low = strchr(digits, name[2])) == NULL)
		return 0;
	int byte = (int)((high - digits) << 4 | (low - digits));
	return byte != 0 && !is_plain((char)byte) ? 3 : 0;
}

int
topic_matches(const char *template, const char *name)
{
	for (; *template != '\0'; template ++, name++) {
		size_t len = field(template), one;

		/* Each length that the name of a schema or table may have. */
		while (len > 0 && (one = encoded(name)) > 0)
			if (topic_matches(template + len, name += one))
				return 1;
		if (len > 0 || *template != *name)
			return 0;
	}
	return *name == '\0';
}
