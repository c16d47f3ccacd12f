#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "log.h"
#include "tokens.h"

int
tokens_open(struct tokens *t)
{
	uint64_t number;

	*t = (struct tokens){ .newest = 0 };
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return log_temporary("could not get random bytes: %s", strerror(errno));
	snprintf(t->run, sizeof(t->run), "%016llx", (unsigned long long)number);
	return 0;
}

int
tokens_parse(const struct tokens *t, uint64_t *number, const char *token, const char **why)
{
	size_t len = strlen(t->run);
	char *end;

	if (strncmp(token, t->run, len) != 0 || token[len] != '-') {
		*why = "it is not a token of this run";
		return -1;
	}
	token += len + 1;
	errno = 0;
	*number = strtoull(token, &end, 10);
	return *token >= '0' && *token <= '9' && *end == '\0' && errno == 0 ? 0 : -1;
}

static void
add(const struct tokens *t, struct buf *b, const char *key, uint64_t n)
{
	buf_str(b, key);
	buf_str(b, t->run);
	buf_str(b, "-");
	buf_uint(b, n);
	buf_str(b, "\"");
}

void
tokens_head(const struct tokens *t, struct buf *b, const char *system_identifier)
{
	buf_str(b, "{\"action\":\"H\",\"format\":1,\"system_identifier\":\"");
	buf_str(b, system_identifier);
	add(t, b, "\",\"start\":\"", 0);
	buf_str(b, "}\n");
}

void
tokens_mark(struct tokens *t, struct buf *b)
{
	buf_str(b, "{\"action\":\"C\"");
	add(t, b, ",\"prev\":\"", t->newest);
	add(t, b, ",\"ack\":\"", ++t->newest);
	buf_str(b, "}\n");
}
