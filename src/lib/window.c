#include <stdlib.h>
#include <string.h>

#include "window.h"

#define BITS 64
#define FIRST_CAP 4096

struct mark {
	uint64_t until; /* units below this must be done */
	size_t len;     /* of the token, which follows */
};

static uint64_t
bit(uint64_t unit)
{
	return UINT64_C(1) << unit % BITS;
}

static uint64_t *
word(const struct window *w, uint64_t unit)
{
	return &w->done[unit % w->cap / BITS];
}

/*
 * A larger ring.  Words move whole; what they bring along of units that are not in the window
 * is overwritten when those are added.
 */
static int
grow(struct window *w)
{
	struct window larger = { .cap = w->cap == 0 ? FIRST_CAP : 2 * w->cap };

	larger.done = calloc(larger.cap / BITS, sizeof(*larger.done));
	if (larger.done == NULL)
		return -1;
	for (uint64_t unit = w->first - w->first % BITS; unit < w->next; unit += BITS)
		*word(&larger, unit) = *word(w, unit);
	free(w->done);
	w->done = larger.done;
	w->cap = larger.cap;
	return 0;
}

int
window_add(struct window *w, uint64_t *unit)
{
	if (w->next - w->first == w->cap && grow(w) != 0)
		return -1;
	*unit = w->next++;
	*word(w, *unit) &= ~bit(*unit);
	w->open++;
	return 0;
}

int
window_mark(struct window *w, const char *token, size_t len)
{
	struct mark m = { .until = w->next, .len = len };

	if (w->given > 0 && w->given >= w->marks.len / 2) {
		buf_drop(&w->marks, w->given);
		w->given = 0;
	}
	buf_add(&w->marks, &m, sizeof(m));
	buf_add(&w->marks, token, len);
	return w->marks.failed ? -1 : 0;
}

void
window_done(struct window *w, uint64_t unit)
{
	*word(w, unit) |= bit(unit);
	w->open--;
	while (w->first < w->next) {
		uint64_t left = ~*word(w, w->first) >> w->first % BITS;

		if (left != 0) {
			w->first += (uint64_t)__builtin_ctzll(left);
			break;
		}
		w->first += BITS - w->first % BITS;
	}
	/* The last word may have bits of an earlier round above the newest unit. */
	if (w->first > w->next)
		w->first = w->next;
}

const char *
window_token(struct window *w)
{
	const char *found = NULL;
	struct mark m;

	while (w->given < w->marks.len) {
		memcpy(&m, w->marks.data + w->given, sizeof(m));
		if (m.until > w->first)
			break;
		found = w->marks.data + w->given + sizeof(m);
		w->given += sizeof(m) + m.len;
		memcpy(w->token, found, m.len);
		w->token[m.len] = '\0';
	}
	return found != NULL ? w->token : NULL;
}

void
window_free(struct window *w)
{
	free(w->done);
	buf_free(&w->marks);
}
