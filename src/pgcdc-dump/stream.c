#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "stream.h"

/* A wait for the last acks, in microseconds, before it is mentioned. */
#define PATIENCE 1000000

/* Descriptors that are waited for, those of the caller first. */
#define MOST_FDS 66

/* --- tokens */

static int
parse_token(void *context, uint64_t *number, const char *token, const char **why)
{
	const struct stream *s = context;

	return tokens_parse(&s->tokens, number, token, why);
}

void
stream_head(struct stream *s, const char *system_identifier)
{
	tokens_head(&s->tokens, &s->out.buf, system_identifier);
}

void
stream_mark(struct stream *s)
{
	tokens_mark(&s->tokens, &s->out.buf);
	if (s->acks.fifo != NULL || s->is_written)
		confirm_emitted(&s->confirm, s->tokens.newest);
}

/* --- output and acks */

int
stream_open(
    struct stream *s, const char *path, const struct opt_list *wait_for, int64_t shutdown_timeout)
{
	int err;

	*s = (struct stream){ .shutdown_timeout = shutdown_timeout };
	s->acks = (struct acks){ .confirm = &s->confirm,
		.context = s,
		.parse = parse_token,
		.form = "the line is no ack, \"TOKEN NAME\" is expected" };
	if (out_open(&s->out, STDOUT_FILENO) != 0)
		return log_permanent("could not use standard output: %s", strerror(errno));
	if ((err = tokens_open(&s->tokens)) != 0)
		return err;
	if (confirm_init(&s->confirm, 0, wait_for) != 0)
		return log_temporary("out of memory at the start");
	s->is_written = path != NULL && strcmp(path, "stdout") == 0;
	if (path == NULL || s->is_written)
		return 0;
	if ((err = ack_listen(&s->fifo, path)) != 0)
		return err;
	s->acks.fifo = &s->fifo;
	s->acks.path = path;
	return 0;
}

/* What is written counts as acknowledged. */
static void
ack_written(struct stream *s)
{
	if (s->mark_token != 0 && s->out.written >= s->mark_bytes) {
		confirm_ack(&s->confirm, "stdout", s->mark_token);
		s->mark_token = 0;
	}
	if (s->mark_token == 0 && s->tokens.newest > s->confirm.acked) {
		s->mark_token = s->tokens.newest;
		s->mark_bytes = s->out.written + out_pending(&s->out);
	}
}

int
stream_write(struct stream *s)
{
	int left = s->out.fd < 0 ? 0 : out_write(&s->out);

	if (left < 0 && (errno == EPIPE || errno == ECONNRESET))
		return STREAM_DOWNSTREAM_GONE;
	if (left < 0)
		return log_temporary("could not write to standard output: %s", strerror(errno));
	if (s->is_written)
		ack_written(s);
	return STREAM_GOES_ON;
}

int
stream_wait(struct stream *s, struct pollfd *fds, unsigned n, int64_t deadline)
{
	struct pollfd all[MOST_FDS];
	struct pollfd *ack = &all[n], *out = &all[n + 1];
	int err;

	if (n > 0)
		memcpy(all, fds, n * sizeof(*fds));
	*ack = (struct pollfd){ .fd = s->acks.fifo != NULL ? s->fifo.fd : -1, .events = POLLIN };
	*out = (struct pollfd){ .fd = s->out.fd, .events = out_pending(&s->out) > 0 ? POLLOUT : 0 };
	if (s->acks.left)
		deadline = loop_now();
	if (loop_wait(all, n + 2, deadline) < 0)
		return log_temporary("could not wait: %s", strerror(errno));
	if (n > 0)
		memcpy(fds, all, n * sizeof(*fds));
	if ((ack->revents != 0 || s->acks.left) && (err = acks_read(&s->acks)) != 0)
		return err;
	return (out->revents & (POLLERR | POLLHUP)) != 0 ? STREAM_DOWNSTREAM_GONE : STREAM_GOES_ON;
}

/* --- the end */

static int
flush(struct stream *s, int64_t deadline)
{
	int err;

	while ((err = stream_write(s)) == STREAM_GOES_ON && out_pending(&s->out) > 0) {
		if (loop_now() >= deadline)
			return log_temporary(
			    "could not write the last lines within --shutdown-timeout");
		if ((err = stream_wait(s, NULL, 0, deadline)) != STREAM_GOES_ON)
			return err;
	}
	return err;
}

/* The sinks have seen the end of their input: wait for their last acks. */
static int
await_acks(struct stream *s, int64_t deadline)
{
	int64_t say_so = loop_now() + PATIENCE;
	int err;

	while (!confirm_all_acked(&s->confirm)) {
		const char *slowest = confirm_slowest(&s->confirm);

		if (loop_now() >= deadline)
			return log_temporary("no ack of %s-%llu from \"%s\" within "
					     "--shutdown-timeout; what is not acknowledged is to "
					     "be sent again",
			    s->tokens.run, (unsigned long long)s->tokens.newest,
			    slowest != NULL ? slowest : "any sink");
		if (loop_now() >= say_so) {
			log_info("waiting up to %lld s for the last acks",
			    (long long)(deadline - loop_now()) / 1000000 + 1);
			say_so = LOOP_NEVER;
		}
		if ((err = stream_wait(s, NULL, 0, say_so < deadline ? say_so : deadline)) > 0)
			return err;
	}
	return 0;
}

/* The sinks have gone: what they have acknowledged is in the FIFO. */
static void
read_last_acks(struct stream *s)
{
	while (acks_read(&s->acks) == 0 && s->acks.left)
		;
}

int
stream_end(struct stream *s, int downstream_gone)
{
	int64_t deadline = loop_now() + s->shutdown_timeout;
	int err = downstream_gone ? STREAM_DOWNSTREAM_GONE : flush(s, deadline), lost = 0;

	if (err > 0)
		return err;
	if (err == STREAM_DOWNSTREAM_GONE)
		lost = log_temporary("standard output is closed: the program behind it has ended");
	if (out_close(&s->out) != 0 && lost == 0)
		return log_temporary("could not close standard output: %s", strerror(errno));
	if (s->acks.fifo == NULL)
		return lost;
	if (lost == 0)
		return await_acks(s, deadline);
	read_last_acks(s);
	return lost;
}

void
stream_free(struct stream *s)
{
	confirm_free(&s->confirm);
	buf_free(&s->out.buf);
}
