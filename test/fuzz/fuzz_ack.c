/*
 * The ack FIFO's lines at fuzzed split points: whatever pieces they arrive in, each
 * line gives one ack, as a plain reading of the grammar has it, and what is handed
 * out can be sent again by a sink.  The first byte of an input is the number of split
 * points, which follow it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int good, const char *what)
{
	if (!good) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* line = token [SP name]; the length of the token, or 0. */
static size_t
plain_line(const uint8_t *p, size_t len)
{
	size_t token = 0;

	while (token < len && p[token] >= 0x21 && p[token] <= 0x7e)
		token++;
	if (token < 1 || token > 127)
		return 0;
	if (token == len)
		return token;
	if (p[token] != ' ' || len - token - 1 < 1 || len - token - 1 > 63)
		return 0;
	for (size_t i = token + 1; i < len; i++) {
		int c = p[i], letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.')
			return 0;
	}
	return token;
}

/* Send it by the sink's end; the FIFO must give the same. */
static void
send_again(const struct ack *ack)
{
	struct ack_sink sink = { .path = "again", .name = *ack->name != '\0' ? ack->name : "none" };
	struct ack_fifo fifo = { .fd = -1 };
	struct ack back;
	int fd[2];

	check(pipe2(fd, O_NONBLOCK) == 0, "no pipe");
	sink.fd = fd[1];
	fifo.fd = fd[0];
	check(ack_send(&sink, ack->token, strlen(ack->token)) == 0, "it cannot be sent");
	check(ack_flush(&sink) == 0, "it was not sent");
	check(ack_next(&fifo, &back) == 1 && !back.malformed, "it does not come back");
	check(strcmp(back.token, ack->token) == 0 && strcmp(back.name, sink.name) == 0,
	    "something else comes back");
	check(ack_next(&fifo, &back) == 0, "there is more");
	ack_disconnect(&sink);
	close(fd[0]);
}

/* All acks that are there; *at is behind the last line that gave one. */
static void
drain(struct ack_fifo *f, const uint8_t *data, size_t written, size_t *at)
{
	struct ack ack;
	int got;

	memset(&ack, 'x', sizeof(ack));
	while ((got = ack_next(f, &ack)) == 1) {
		const uint8_t *line = data + *at, *lf = memchr(line, '\n', written - *at);
		size_t len = lf != NULL ? (size_t)(lf - line) : 0, token = plain_line(line, len);

		check(lf != NULL, "an ack without a line");
		check(ack.malformed == (token == 0), "another opinion");
		check(strlen(ack.token) == token && memcmp(ack.token, line, token) == 0,
		    "another token");
		if (token > 0 && token < len)
			check(strlen(ack.name) == len - token - 1 &&
				  memcmp(ack.name, line + token + 1, len - token - 1) == 0,
			    "another name");
		else
			check(ack.name[0] == '\0', "a name that is not there");
		if (token > 0)
			send_again(&ack);
		*at += len + 1;
		memset(&ack, 'x', sizeof(ack));
	}
	check(got == 0, "an error");
	check(memchr(data + *at, '\n', written - *at) == NULL, "a line is held back");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ack_fifo *f = malloc(sizeof(*f));
	size_t written = 0, at = 0;
	const uint8_t *splits = data + 1;
	int fd[2], n;

	check(f != NULL && pipe2(fd, O_NONBLOCK) == 0, "no pipe");
	*f = (struct ack_fifo){ .fd = fd[0] };
	n = size > 0 ? data[0] : 0;
	if (size > 0 && size - 1 >= (size_t)n) {
		data += 1 + n;
		size -= 1 + (size_t)n;
	} else {
		n = 0;
	}
	for (int i = 0; written < size; i++) {
		/* Small and large pieces; the rest at once, as far as a pipe takes it. */
		size_t piece = i >= n ? 60000 : splits[i] < 128 ? splits[i] : 100u * splits[i];

		if (piece > size - written)
			piece = size - written;
		check(write(fd[1], data + written, piece) == (ssize_t)piece, "no room in the pipe");
		written += piece;
		drain(f, data, written, &at);
	}
	close(fd[0]);
	close(fd[1]);
	free(f);
	return 0;
}
