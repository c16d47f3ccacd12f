#include <jansson.h>

#include "text.h"

void
text_add(struct buf *b, struct event_span string)
{
	struct event_span plain;
	json_t *json;

	if (event_text(&plain, string) == 0) {
		buf_add(b, plain.p, plain.len);
		return;
	}
	json = json_loadb(string.p, string.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (json != NULL)
		buf_add(b, json_string_value(json), json_string_length(json));
	else
		b->failed = 1;
	json_decref(json);
}
