#include <string.h>

#include "object.h"
#include "scan.h"

int
object_is(struct event_span string, const char *text)
{
	size_t len = strlen(text);

	return string.p != NULL && string.len == len + 2 && string.p[0] == '"' &&
	       memcmp(string.p + 1, text, len) == 0;
}

/* A key and its value, and p behind them; NULL: there is none. */
static const char *
next_member(struct scan *s, const char *p, struct event_span *key, struct event_span *value)
{
	if (!scan_at(s, p, '"'))
		return NULL;
	key->p = p;
	if ((p = scan_string(s, p)) == NULL)
		return NULL;
	key->len = (size_t)(p - key->p);
	if ((p = scan_colon(s, p)) == NULL)
		return NULL;
	value->p = p;
	if ((p = scan_value(s, p, 1)) != NULL)
		value->len = (size_t)(p - value->p);
	return p;
}

static struct scan
scan_of(struct event_span text, char *error, size_t error_size)
{
	return (struct scan){
		.start = text.p,
		.end = text.p + text.len,
		.depth = EVENT_DEPTH,
		.error = error,
		.error_size = error_size,
	};
}

static int
is_between(struct event_span text, char open)
{
	return text.p != NULL && text.len >= 2 && *text.p == open;
}

int
object_each(struct event_span object,
    int (*each)(void *context, struct event_span key, struct event_span value), void *context)
{
	char error[96];
	struct scan s;
	struct event_span key, value;
	const char *p;
	int last, result;

	if (!is_between(object, '{'))
		return -1;
	s = scan_of(object, error, sizeof(error));
	p = scan_space(&s, object.p + 1);
	if ((last = scan_at(&s, p, '}')))
		p++;
	while (!last) {
		if ((p = next_member(&s, p, &key, &value)) == NULL)
			return -1;
		if ((result = each(context, key, value)) != 0)
			return result;
		if ((p = scan_next(&s, p, '}', &last)) == NULL)
			return -1;
	}
	return scan_space(&s, p) == s.end ? 0 : -1;
}

int
object_each_of(
    struct event_span array, int (*each)(void *context, struct event_span element), void *context)
{
	char error[96];
	struct scan s;
	struct event_span element;
	const char *p;
	int last, result;

	if (!is_between(array, '['))
		return -1;
	s = scan_of(array, error, sizeof(error));
	p = scan_space(&s, array.p + 1);
	for (last = scan_at(&s, p, ']'); !last;) {
		element.p = p;
		if ((p = scan_value(&s, p, 1)) == NULL)
			return -1;
		element.len = (size_t)(p - element.p);
		if ((result = each(context, element)) != 0)
			return result;
		if ((p = scan_next(&s, p, ']', &last)) == NULL)
			return -1;
	}
	return 0;
}

struct search {
	const char *key;
	struct event_span found;
};

static int
compare(void *context, struct event_span key, struct event_span value)
{
	struct search *search = context;

	if (!object_is(key, search->key))
		return 0;
	search->found = value;
	return 1;
}

struct event_span
object_member(struct event_span object, const char *key)
{
	struct search search = { key, { NULL, 0 } };

	object_each(object, compare, &search);
	return search.found;
}
