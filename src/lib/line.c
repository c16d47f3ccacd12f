#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"

/* A buffer of more than this many times its usual size was made for a huge line. */
#define HUGE 4

void
line_open(struct line_reader *r, int fd, size_t max)
{
	*r = (struct line_reader){ .fd = fd, .max = max, .usual = LINE_BUFFER };
}

enum line_status
line_next(struct line_reader *r, const char **line, size_t *len)
{
	const char *lf = NULL;

	if (r->start == r->end)
		return r->eof ? LINE_END : LINE_MORE;
	if (r->searched < r->end)
		lf = memchr(r->buffer + r->searched, '\n', r->end - r->searched);
	r->searched = lf != NULL ? (size_t)(lf - r->buffer) : r->end;
	*line = r->buffer + r->start;
	*len = r->searched - r->start;
	if (lf != NULL && *len <= r->max) {
		r->start = ++r->searched;
		r->number++;
		return LINE_READY;
	}
	if (*len <= r->max && !r->eof)
		return LINE_MORE;
	if (!r->stuck)
		r->number++;
	r->stuck = 1;
	return *len > r->max ? LINE_TOO_LONG : LINE_CUT;
}

static int
resize(struct line_reader *r, size_t cap)
{
	char *buffer = realloc(r->buffer, cap);

	if (buffer == NULL)
		return -1;
	r->buffer = buffer;
	r->cap = cap;
	return 0;
}

static void
move_to_front(struct line_reader *r)
{
	if (r->start == 0)
		return;
	memmove(r->buffer, r->buffer + r->start, r->end - r->start);
	r->end -= r->start;
	r->searched -= r->start;
	r->start = 0;
}

/*
 * Room for at least one more byte.  Bytes are moved only when at least as many
 * were handed out since the last move, so the cost of a byte is constant;
 * else the buffer is doubled.
 */
static int
make_room(struct line_reader *r)
{
	size_t most = r->max < SIZE_MAX ? r->max + 1 : r->max;

	if (r->end - r->start <= r->start || (r->end == r->cap && r->cap >= most))
		move_to_front(r);
	if (r->cap / HUGE > r->usual && r->start == 0 && r->end <= r->usual / 2)
		return resize(r, r->usual);
	if (r->end < r->cap)
		return 0;
	if (r->cap == 0)
		return resize(r, r->usual);
	if (r->cap >= most) {
		errno = ENOBUFS; /* line_next() has said LINE_TOO_LONG */
		return -1;
	}
	return resize(r, r->cap > most / 2 ? most : 2 * r->cap);
}

static int
fill(struct line_reader *r)
{
	ssize_t n;

	do
		n = read(r->fd, r->buffer + r->end, r->cap - r->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
	if (n == 0)
		r->eof = 1;
	r->end += (size_t)n;
	return 0;
}

int
line_fill(struct line_reader *r)
{
	if (r->eof)
		return 0;
	return make_room(r) == 0 ? fill(r) : -1;
}

/* Go on in a new buffer, with what was not given of the old one. */
static int
change_buffer(struct line_reader *r, char **kept, size_t *size)
{
	struct line_reader old = *r;

	r->buffer = NULL;
	r->cap = 0;
	if (resize(r, old.end - old.start > r->usual / 2 ? 2 * (old.end - old.start) : r->usual) !=
	    0) {
		*r = old;
		return -1;
	}
	memcpy(r->buffer, old.buffer + old.start, old.end - old.start);
	r->end -= old.start;
	r->searched -= old.start;
	r->start = 0;
	*kept = old.buffer;
	*size = old.cap;
	return 0;
}

int
line_fill_keeping(struct line_reader *r, char **kept, size_t *size)
{
	*kept = NULL;
	if (r->eof)
		return 0;
	if (r->start == 0)
		return line_fill(r);
	/* Behind lines that stay, room becomes small; a read should not. */
	if (r->cap - r->end < r->usual / 16 && change_buffer(r, kept, size) != 0)
		return -1;
	return fill(r);
}

void
line_close(struct line_reader *r)
{
	free(r->buffer);
	*r = (struct line_reader){ .fd = -1 };
}
