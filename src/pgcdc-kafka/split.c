#include <string.h>

#include "split.h"

/* A part of the line, and what stands in its place. */
struct edit {
	struct event_span part;
	const char *with;
};

static void
sort(struct edit *edit, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && edit[k].part.p < edit[k - 1].part.p; k--) {
			struct edit later = edit[k - 1];

			edit[k - 1] = edit[k];
			edit[k] = later;
		}
}

static void
write_edited(struct buf *b, const char *line, size_t len, struct edit *edit, size_t n)
{
	const char *from = line, *end = line + len;

	sort(edit, n);
	for (size_t i = 0; i < n; i++) {
		const char *begin = edit[i].part.p, *behind = begin + edit[i].part.len;

		/* The comma was that of the first member, which is gone. */
		if (begin < from) {
			begin = from;
			behind += strspn(behind, " \t\n\r");
			behind += *behind == ',';
		}
		buf_add(b, from, (size_t)(begin - from));
		buf_str(b, edit[i].with);
		from = behind;
	}
	buf_add(b, from, (size_t)(end - from));
}

/* Add the removal of a member that may be absent. */
static void
leave_out(struct edit *edit, size_t *n, struct event_span value)
{
	if (value.p != NULL)
		edit[(*n)++] = (struct edit){ event_member(value), "" };
}

void
split_delete(struct buf *b, const char *line, size_t len, const struct event *e)
{
	struct edit edit[3] = { { e->action, "\"D\"" } };
	size_t n = 1;

	leave_out(edit, &n, e->columns.whole);
	leave_out(edit, &n, e->unchanged);
	write_edited(b, line, len, edit, n);
}

void
split_insert(struct buf *b, const char *line, size_t len, const struct event *e)
{
	struct edit edit[2] = { { e->action, "\"I\"" } };
	size_t n = 1;

	leave_out(edit, &n, e->identity.whole);
	write_edited(b, line, len, edit, n);
}
