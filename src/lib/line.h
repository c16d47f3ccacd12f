/*
 * The line reader.  A line ends with LF; any other byte may stand in it, NUL
 * too.  Nothing is copied: lines lie in the reader's buffer.
 *
 *	line_open(&r, STDIN_FILENO, max);
 *	for (;;)
 *		switch (line_next(&r, &line, &len)) {
 *		case LINE_READY:
 *			...
 *		case LINE_MORE:
 *			wait for POLLIN on r.fd
 *			if (line_fill(&r) != 0)
 *				"could not read ...", errno
 *			...
 *
 * The buffer has LINE_BUFFER bytes.  For a longer line it is doubled as often
 * as the bytes that arrive ask for it, up to max, and what a huge line took is
 * given back at a line_fill() after it.
 */
#ifndef LINE_H
#define LINE_H

#include <stddef.h>
#include <stdint.h>

#define LINE_BUFFER ((size_t)256 * 1024)

/* Only line_* write the fields; those of the first paragraph may be read. */
struct line_reader {
	int fd;
	size_t max;      /* bytes a line may have, without its LF */
	uint64_t number; /* of the line that line_next() gave last, from 1 */

	size_t usual; /* bytes of the buffer; a test may lower it first */
	char *buffer;
	size_t cap;
	size_t start, end; /* of what was read and not given */
	size_t searched;   /* there is no LF between start and this */
	int eof;
	int stuck; /* line_next() said LINE_CUT or LINE_TOO_LONG */
};

enum line_status {
	LINE_READY,    /* a line, without its LF */
	LINE_MORE,     /* none yet: line_fill() */
	LINE_END,      /* end of input, after the last LF */
	LINE_CUT,      /* end of input inside a line: as much as there is of it */
	LINE_TOO_LONG, /* a line of more than max bytes: what was read of it */
};

/* Read lines from fd. Nothing is allocated before the first line_fill(). */
void line_open(struct line_reader *r, int fd, size_t max);

/*
 * The next line, or why there is none.  *line and *len are set with LINE_READY,
 * LINE_CUT and LINE_TOO_LONG, and valid until the next line_fill(); after
 * the last two it is the same again.
 */
enum line_status line_next(struct line_reader *r, const char **line, size_t *len);

/*
 * Read once, when line_next() says LINE_MORE.  End of input and EAGAIN are no
 * errors.  0, or -1 with errno: of read(2), or ENOMEM.
 */
int line_fill(struct line_reader *r);

/*
 * As line_fill(), but lines that were given stay where they are.  When there is no room behind
 * them the buffer changes hands: *kept is the one that they lie in, of *size bytes, which is the
 * caller's to free from now on; else NULL.
 */
int line_fill_keeping(struct line_reader *r, char **kept, size_t *size);

/* Free the buffer.  The descriptor stays open. */
void line_close(struct line_reader *r);

#endif
