#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "foreign.h"

static int
refuse(struct decode *d, const char *why)
{
	snprintf(d->error, sizeof(d->error), "%s", why);
	errno = EBADMSG;
	return -1;
}

static int
no_memory(struct decode *d)
{
	refuse(d, "out of memory");
	errno = ENOMEM;
	return -1;
}

/* In JSON a bare line feed is blank space; on a stream it would end the line. */
static int
join_lines(struct decode *d, struct event_span *line)
{
	if (memchr(line->p, '\n', line->len) == NULL)
		return 0;
	d->buf.len = 0;
	buf_add(&d->buf, line->p, line->len);
	if (d->buf.failed)
		return no_memory(d);
	for (size_t i = 0; i < d->buf.len; i++)
		if (d->buf.data[i] == '\n')
			d->buf.data[i] = ' ';
	*line = (struct event_span){ d->buf.data, d->buf.len };
	return 0;
}

/* What may stand inside a transaction: the brackets around it are the consumer's. */
static int
check(struct decode *d)
{
	const struct event *e = &d->event;

	switch (e->code) {
	case 'I':
	case 'U':
	case 'D':
	case 'T':
	case 'R':
		if (e->schema.p == NULL || e->table.p == NULL)
			return refuse(d, "a row without \"schema\" and \"table\"");
		break;
	case 'M':
		break;
	default:
		return refuse(d, "its action is not that of a row or a message");
	}
	if (e->ack.p != NULL || e->prev.p != NULL)
		return refuse(d, "it has a token, \"ack\" or \"prev\", of another stream");
	return 0;
}

int
decode_value(struct decode *d, const void *value, size_t len, struct event_span *line)
{
	const char *why;

	*line = (struct event_span){ value, len };
	d->buf.len = 0;
	switch (foreign_read(&d->buf, value, len, &why)) {
	case FOREIGN_OURS:
		if (join_lines(d, line) != 0)
			return -1;
		break;
	case FOREIGN_EVENT:
		*line = (struct event_span){ d->buf.data, d->buf.len };
		break;
	case FOREIGN_NOTHING:
		return d->buf.failed ? no_memory(d) : DECODE_NOTHING;
	case FOREIGN_BAD:
		return d->buf.failed ? no_memory(d) : refuse(d, why);
	}
	if (d->buf.failed)
		return no_memory(d);
	if (event_scan(&d->event, line->p, line->len) != 0) {
		if (errno == ENOMEM)
			return no_memory(d);
		snprintf(d->error, sizeof(d->error), "%s at byte %zu", d->event.error,
		    d->event.error_at);
		errno = EBADMSG;
		return -1;
	}
	return check(d);
}

void
decode_free(struct decode *d)
{
	event_free(&d->event);
	buf_free(&d->buf);
}
