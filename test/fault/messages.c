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

/* The message at p, which is NULL when there is none. Returns what is behind it. */
static const char *
read_one(struct message *m, const char *p, const char *end)
{
	const char *feed = memchr(p, '\n', (size_t)(end - p));
	long long offset, key_len, len;
	size_t rest;

	if (feed == NULL ||
	    sscanf(p, "%d %lld %lld %lld", &m->partition, &offset, &key_len, &len) != 4)
		return NULL;
	m->offset = offset;
	m->key_len = (ssize_t)key_len;
	m->len = (ssize_t)len;
	m->key = feed + 1;
	rest = (size_t)(end - m->key);
	key_len = key_len > 0 ? key_len : 0;
	len = len > 0 ? len : 0;
	if ((size_t)key_len + (size_t)len + 1 > rest)
		return NULL;
	m->value = m->key + key_len;
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
