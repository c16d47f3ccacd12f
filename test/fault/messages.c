#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"

/* The whole file, with a NUL behind it. */
static char *
slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *bytes = NULL;
	size_t size = 0;

	if (f == NULL)
		err(100, "could not open \"%s\"", path);
	*len = 0;
	do {
		size = size == 0 ? 1 << 20 : size * 2;
		if ((bytes = realloc(bytes, size)) == NULL)
			errx(111, "out of memory");
		*len += fread(bytes + *len, 1, size - *len - 1, f);
	} while (*len == size - 1);
	if (ferror(f))
		err(111, "could not read \"%s\"", path);
	bytes[*len] = '\0';
	fclose(f);
	return bytes;
}

/* The next number of the line at *p. -1, with *p NULL, when there is none. */
static long long
number(const char **p)
{
	char *end;
	long long n;

	if (*p == NULL)
		return -1;
	n = strtoll(*p, &end, 10);
	*p = end > *p && (*end == ' ' || *end == '\n') ? end + 1 : NULL;
	return n;
}

/* The message at p. Returns what is behind it; NULL: there is none. */
static const char *
read_one(struct message *m, const char *p, const char *end)
{
	size_t key_len, len;

	m->partition = (int)number(&p);
	m->offset = number(&p);
	m->key_len = (ssize_t)number(&p);
	m->len = (ssize_t)number(&p);
	if (p == NULL)
		return NULL;
	key_len = m->key_len > 0 ? (size_t)m->key_len : 0;
	len = m->len > 0 ? (size_t)m->len : 0;
	if (key_len + len + 1 > (size_t)(end - p))
		return NULL;
	m->key = p;
	m->value = p + key_len;
	return m->value[len] == '\n' ? m->value + len + 1 : NULL;
}

void
messages_read(struct messages *m, const char *path)
{
	size_t len;
	const char *p, *end;

	p = m->bytes = slurp(path, &len);
	end = p + len;
	while (p < end) {
		if ((m->n & (m->n - 1)) == 0) {
			m->all = realloc(m->all, (m->n == 0 ? 1 : m->n * 2) * sizeof(*m->all));
			if (m->all == NULL)
				errx(111, "out of memory");
		}
		p = read_one(&m->all[m->n], p, end);
		if (p == NULL)
			errx(100, "%s: message %zu is not as kcat prints it with -f '%s'", path,
			    m->n + 1, MESSAGES_FORMAT);
		m->n++;
	}
}

void
messages_free(struct messages *m)
{
	free(m->all);
	free(m->bytes);
}
