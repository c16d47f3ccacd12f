#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "problem.h"

const char *
line_lsn_text(uint64_t lsn)
{
	static char texts[4][32];
	static unsigned next;
	char *text = texts[next++ % 4];

	snprintf(text, sizeof(texts[0]), "%X/%X", (unsigned)(lsn >> 32), (unsigned)lsn);
	return text;
}

int
line_lsn(uint64_t *lsn, const char *s)
{
	unsigned high, low;

	if (sscanf(s, "%8X/%8X", &high, &low) != 2)
		return -1;
	*lsn = (uint64_t)high << 32 | low;
	return strcmp(line_lsn_text(*lsn), s) == 0 ? 0 : -1;
}

/* The length of the number at s (RFC 8259, section 6), or 0. */
static size_t
number_length(const char *s)
{
	const char *p = s;

	if (*p == '-')
		p++;
	if (!isdigit((unsigned char)*p))
		return 0;
	if (*p == '0')
		p++;
	else
		while (isdigit((unsigned char)*p))
			p++;
	if (*p == '.') {
		if (!isdigit((unsigned char)*++p))
			return 0;
		while (isdigit((unsigned char)*p))
			p++;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		if (!isdigit((unsigned char)*p))
			return 0;
		while (isdigit((unsigned char)*p))
			p++;
	}
	return (size_t)(p - s);
}

/* Past the string that begins at s, or to the end of the text. */
static size_t
string_length(const char *s)
{
	size_t i = 1;

	while (s[i] != '\0' && s[i] != '"')
		i += s[i] == '\\' && s[i + 1] != '\0' ? 2 : 1;
	return s[i] == '"' ? i + 1 : i;
}

/* A copy of s with marked numbers, in a buffer that lives until the next call; NULL: no JSON. */
static const char *
mark_numbers(const char *s, size_t n, size_t *len)
{
	static char *marked;
	static size_t size;
	size_t used = 0;

	if (n * 5 + 16 > size) {
		size = n * 5 + 16;
		marked = realloc(marked, size);
		if (marked == NULL)
			errx(111, "out of memory");
	}
	for (size_t i = 0, step; i < n; i += step) {
		if (s[i] == '"') {
			step = string_length(s + i);
			memcpy(marked + used, s + i, step);
			used += step;
		} else if (s[i] == '-' || isdigit((unsigned char)s[i])) {
			step = number_length(s + i);
			if (step == 0)
				return NULL;
			used += (size_t)sprintf(
			    marked + used, "{\"#\":\"%.*s\"}", (int)step, s + i);
		} else {
			step = 1;
			marked[used++] = s[i];
		}
	}
	*len = used;
	return marked;
}

const char *
line_number(const json_t *value)
{
	return json_string_value(json_object_get(value, "#"));
}

static const char *
text_of(const struct line *l, const char *key)
{
	return json_string_value(json_object_get(l->json, key));
}

static int64_t
integer_of(const struct line *l, const char *key)
{
	const char *text = line_number(json_object_get(l->json, key));
	char *end;
	long long n;

	if (text == NULL)
		return -1;
	n = strtoll(text, &end, 10);
	return *end == '\0' ? n : -1;
}

/* 1 when the key holds an LSN, 0 when there is no such key, -1 after reporting. */
static int
lsn_of(const struct line *l, const char *key, uint64_t *lsn)
{
	const json_t *value = json_object_get(l->json, key);

	if (value == NULL)
		return 0;
	if (json_is_string(value) && line_lsn(lsn, json_string_value(value)) == 0)
		return 1;
	problem("\"%s\" is no LSN", key);
	return -1;
}

/* "2026-11-20 23:34:49.387783+00" */
static int
is_timestamp(const char *s)
{
	static const char form[] = "dddd-dd-dd dd:dd:dd.dddddd+00";

	if (s == NULL || strlen(s) != sizeof(form) - 1)
		return 0;
	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != form[i])
			return 0;
	return 1;
}

static int
complain(const struct line *l, const char *what)
{
	problem("line of action \"%c\": %s", l->action, what);
	return -1;
}

static int
check_header(const struct line *l)
{
	if (l->system_identifier == NULL || l->slot == NULL ||
	    json_object_get(l->json, "start") == NULL || integer_of(l, "timeline") < 1)
		return complain(l, "system_identifier, timeline, slot or start is missing");
	if (integer_of(l, "format") != 1)
		return complain(l, "format is not 1");
	return 0;
}

static int
check_row(const struct line *l)
{
	if (l->schema == NULL || l->table == NULL)
		return complain(l, "schema or table is missing");
	if ((strchr("IUR", l->action) != NULL) != json_is_array(l->columns))
		return complain(l, "columns are missing or too much");
	if ((l->action == 'U' || l->action == 'D') != json_is_array(l->identity))
		return complain(l, "identity is missing or too much");
	if (l->unchanged != NULL && (l->action != 'U' || json_array_size(l->unchanged) == 0))
		return complain(l, "unchanged is too much");
	return 0;
}

/* A row of a dump is of no transaction. */
static int
check_read(const struct line *l)
{
	if (l->seq >= 0 || l->xid >= 0 || l->timestamp != NULL || l->has_ack)
		return complain(l, "seq, xid, timestamp or ack is too much");
	return check_row(l);
}

static int
check_message(const struct line *l)
{
	if (!json_is_boolean(json_object_get(l->json, "transactional")))
		return complain(l, "transactional is missing");
	if (l->prefix == NULL || (l->content == NULL) == (l->content_hex == NULL))
		return complain(l, "prefix or content is missing");
	return 0;
}

static int
check(const struct line *l)
{
	int loose = l->action == 'M' && !l->transactional;

	if (strchr("HBCIUDTMR", l->action) == NULL)
		return complain(l, "no such action");
	if (l->action == 'H')
		return check_header(l);
	/* What pgcdc-translate adds is no event. */
	if (json_is_true(json_object_get(l->json, "baseline")))
		return check_row(l);
	if (json_object_get(l->json, "lsn") == NULL)
		return complain(l, "lsn is missing");
	if (l->action == 'R')
		return check_read(l);
	if ((l->seq >= 0) != (strchr("IUDTM", l->action) != NULL))
		return complain(l, "seq is missing or too much");
	if (loose ? l->xid >= 0 || l->timestamp != NULL : l->xid < 0 || !is_timestamp(l->timestamp))
		return complain(l, "xid or timestamp is missing, or no such, or too much");
	if (l->has_ack != (l->action == 'C' || loose) || l->has_prev != l->has_ack)
		return complain(l, "ack or prev is missing or too much");
	if (strchr("IUDT", l->action) != NULL)
		return check_row(l);
	return l->action == 'M' ? check_message(l) : 0;
}

static int
read_members(struct line *l)
{
	const char *action = text_of(l, "action");

	if (action == NULL || strlen(action) != 1) {
		problem("line without an action");
		return -1;
	}
	l->action = *action;
	l->seq = integer_of(l, "seq");
	l->xid = integer_of(l, "xid");
	l->transactional = json_is_true(json_object_get(l->json, "transactional"));
	l->timestamp = text_of(l, "timestamp");
	l->origin = text_of(l, "origin");
	l->schema = text_of(l, "schema");
	l->table = text_of(l, "table");
	l->prefix = text_of(l, "prefix");
	l->content = text_of(l, "content");
	l->content_hex = text_of(l, "content_hex");
	l->system_identifier = text_of(l, "system_identifier");
	l->slot = text_of(l, "slot");
	l->columns = json_object_get(l->json, "columns");
	l->identity = json_object_get(l->json, "identity");
	l->unchanged = json_object_get(l->json, "unchanged");
	l->has_prev = lsn_of(l, "prev", &l->prev);
	l->has_ack = lsn_of(l, "ack", &l->ack);
	if (l->has_prev < 0 || l->has_ack < 0 || lsn_of(l, "lsn", &l->lsn) < 0 ||
	    lsn_of(l, "start", &l->start) < 0)
		return -1;
	return check(l);
}

json_t *
line_json(const char *s, size_t n)
{
	json_error_t error;
	size_t len;
	const char *marked = mark_numbers(s, n, &len);
	json_t *json;

	if (marked == NULL) {
		problem("no JSON: a malformed number");
		return NULL;
	}
	json = json_loadb(marked, len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(json))
		return json;
	problem("no JSON object: %s", error.text);
	json_decref(json);
	return NULL;
}

int
line_read(struct line *l, const char *s, size_t n)
{
	memset(l, 0, sizeof(*l));
	l->json = line_json(s, n);
	return l->json != NULL ? read_members(l) : -1;
}

void
line_free(struct line *l)
{
	json_decref(l->json);
	l->json = NULL;
}

static uint64_t
hash_bytes(uint64_t hash, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)s[i]) * 1099511628211u;
	return hash;
}

uint64_t
line_hash(const struct line *l, uint64_t hash, const char *s, size_t n)
{
	char key[64];
	size_t key_len;
	const char *at;

	if (!l->has_prev)
		return hash_bytes(hash, s, n);
	/* the quotation marks of a key cannot stand inside a string */
	key_len = (size_t)snprintf(key, sizeof(key), "\"prev\":\"%s\"", line_lsn_text(l->prev));
	at = memmem(s, n, key, key_len);
	if (at == NULL)
		return hash_bytes(hash, s, n);
	hash = hash_bytes(hash, s, (size_t)(at - s));
	at += key_len;
	return hash_bytes(hash, at, n - (size_t)(at - s));
}
