/*
 * The line reader at every split point: whatever pieces an input arrives in, the lines are
 * the same.  The first two bytes choose the size of the buffer and the longest line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the reader was given, and where in it the reader must be. */
struct input {
	const uint8_t *data;
	size_t written;  /* into the pipe */
	size_t at;       /* behind the last line */
	uint64_t number; /* of that line */
};

static void
check(int good, const char *what)
{
	if (!good) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* Take all the lines that were read.  1 if more may come. */
static int
drain(struct line_reader *r, struct input *in)
{
	const size_t read = in->at + (r->end - r->start), first_at = in->at;
	const char *first = NULL, *line;

	for (;;) {
		const uint8_t *rest = in->data + in->at;
		const uint8_t *lf = memchr(rest, '\n', read - in->at);
		size_t want = lf != NULL ? (size_t)(lf - rest) : read - in->at, len;
		enum line_status status = line_next(r, &line, &len);

		switch (status) {
		case LINE_READY:
			check(lf != NULL && len == want && len <= r->max, "another line");
			check(r->number == ++in->number, "another number");
			if (first == NULL)
				first = line;
			in->at += len + 1;
			check(memcmp(first, in->data + first_at, in->at - first_at - 1) == 0,
			    "other bytes");
			break;
		case LINE_MORE:
			check(!r->eof && lf == NULL && want <= r->max, "a line is held back");
			return 1;
		case LINE_END:
			check(r->eof && read == in->written && want == 0 && lf == NULL,
			    "an end before the end");
			return 0;
		case LINE_CUT:
			check(r->eof && read == in->written && lf == NULL && want <= r->max,
			    "not cut");
			/* FALLTHROUGH */
		case LINE_TOO_LONG:
			check(len == want && memcmp(line, rest, len) == 0, "another rest");
			check(status == LINE_CUT ? len > 0 : len > r->max, "not too long");
			check(line_next(r, &line, &len) == status, "another answer");
			check(r->number == in->number + 1, "another number of the rest");
			return 0;
		}
	}
}

/* Write data in pieces up to each of the n ends, and read what there is of it. */
static void
run(const uint8_t *data, size_t usual, size_t max, const size_t *ends, size_t n)
{
	struct input in = { .data = data };
	struct line_reader r;
	int fd[2], more = 1;

	check(pipe2(fd, O_NONBLOCK) == 0, "no pipe");
	line_open(&r, fd[0], max);
	r.usual = usual;
	for (size_t i = 0; i <= n; i++) {
		size_t got;

		if (i < n && ends[i] > in.written)
			check(write(fd[1], data + in.written, ends[i] - in.written) ==
				  (ssize_t)(ends[i] - in.written),
			    "no room in the pipe");
		if (i < n)
			in.written = ends[i];
		else
			close(fd[1]);
		do {
			got = in.at + (r.end - r.start);
			if (more)
				check(line_fill(&r) == 0, "no fill");
			if (more)
				more = drain(&r, &in);
		} while (more && in.at + (r.end - r.start) != got);
	}
	if (more)
		fprintf(stderr,
		    "read %zu of %zu bytes, end of file %d, errno %d: ", in.at + (r.end - r.start),
		    in.written, r.eof, errno);
	check(!more, "no end");
	check(r.cap <= usual || r.cap <= max + 1, "too large a buffer");
	close(fd[0]);
	line_close(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t usual, max, ends[512];

	if (size < 2 || size - 2 > sizeof(ends) / sizeof(ends[0]))
		return 0;
	usual = 1 + data[0] % 64;
	max = data[1];
	data += 2;
	size -= 2;
	for (size_t i = 0; i <= size; i++)
		run(data, usual, max, (const size_t[]){ i, size }, 2);
	for (size_t i = 0; i < size; i++)
		ends[i] = i + 1;
	run(data, usual, max, ends, size);
	return 0;
}
