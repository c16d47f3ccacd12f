#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "source.h"

/* A wait for the last acks, in microseconds, before it is mentioned. */
#define PATIENCE 1000000

/* Descriptors that are waited for, those of the caller first. */
#define MOST_FDS 66

/* --- tokens */

static int
parse_token(void *context, uint64_t *number, const char *token, const char **why)
{
	const struct source *s = context;
	size_t len = strlen(s->run);
	char *end;

	if (strncmp(token, s->run, len) != 0 || token[len] != '-') {
		*why = "it is not a token of this run";
		return -1;
	}
	token += len + 1;
	errno = 0;
	*number = strtoull(token, &end, 10);
	return *token >= '0' && *token <= '9' && *end == '\0' && errno == 0 ? 0 : -1;
}

static void
add_token(struct source *s, const char *key, uint64_t token)
{
	struct buf *b = &s->out.buf;

	buf_str(b, key);
	buf_str(b, s->run);
	buf_str(b, "-");
	buf_uint(b, token);
	buf_str(b, "\"");
}

void
source_head(struct source *s, const char *system_identifier)
{
	buf_str(&s->out.buf, "{\"action\":\"H\",\"format\":1,\"system_identifier\":\"");
	buf_str(&s->out.buf, system_identifier);
	add_token(s, "\",\"start\":\"", 0);
	buf_str(&s->out.buf, "}\n");
}

void
source_mark(struct source *s)
{
	buf_str(&s->out.buf, "{\"action\":\"C\"");
	add_token(s, ",\"prev\":\"", s->token);
	add_token(s, ",\"ack\":\"", ++s->token);
	buf_str(&s->out.buf, "}\n");
	if (s->acks.fifo != NULL || s->is_written)
		confirm_emitted(&s->confirm, s->token);
}

/* --- output and acks */

int
source_open(
    struct source *s, const char *path, const struct opt_list *wait_for, int64_t shutdown_timeout)
{
	uint64_t number;
	int err;

	*s = (struct source){ .shutdown_timeout = shutdown_timeout };
	s->acks = (struct acks){ .confirm = &s->confirm,
		.context = s,
		.parse = parse_token,
		.form = "the line is no ack, \"TOKEN NAME\" is expected" };
	if (out_open(&s->out, STDOUT_FILENO) != 0)
		return log_permanent("could not use standard output: %s", strerror(errno));
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return log_temporary("could not get random bytes: %s", strerror(errno));
	snprintf(s->run, sizeof(s->run), "%016llx", (unsigned long long)number);
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
ack_written(struct source *s)
{
	if (s->mark_token != 0 && s->out.written >= s->mark_bytes) {
		confirm_ack(&s->confirm, "stdout", s->mark_token);
		s->mark_token = 0;
	}
	if (s->mark_token == 0 && s->token > s->confirm.acked) {
		s->mark_token = s->token;
		s->mark_bytes = s->out.written + out_pending(&s->out);
	}
}

int
source_write(struct source *s)
{
	int left = s->out.fd < 0 ? 0 : out_write(&s->out);

	if (left < 0 && (errno == EPIPE || errno == ECONNRESET))
		return SOURCE_DOWNSTREAM_GONE;
	if (left < 0)
		return log_temporary("could not write to standard output: %s", strerror(errno));
	if (s->is_written)
		ack_written(s);
	return SOURCE_GOES_ON;
}

int
source_wait(struct source *s, struct pollfd *fds, unsigned n, int64_t deadline)
{
	struct pollfd all[MOST_FDS];
	struct pollfd *ack = &all[n], *out = &all[n + 1];
	int err;

	memcpy(all, fds, n * sizeof(*fds));
	*ack = (struct pollfd){ .fd = s->acks.fifo != NULL ? s->fifo.fd : -1, .events = POLLIN };
	*out = (struct pollfd){ .fd = s->out.fd, .events = out_pending(&s->out) > 0 ? POLLOUT : 0 };
	if (s->acks.left)
		deadline = loop_now();
	if (loop_wait(all, n + 2, deadline) < 0)
		return log_temporary("could not wait: %s", strerror(errno));
	memcpy(fds, all, n * sizeof(*fds));
	if ((ack->revents != 0 || s->acks.left) && (err = acks_read(&s->acks)) != 0)
		return err;
	return (out->revents & (POLLERR | POLLHUP)) != 0 ? SOURCE_DOWNSTREAM_GONE : SOURCE_GOES_ON;
}

/* --- the end */

static int
flush(struct source *s, int64_t deadline)
{
	int err;

	while ((err = source_write(s)) == SOURCE_GOES_ON && out_pending(&s->out) > 0) {
		if (loop_now() >= deadline)
			return log_temporary(
			    "could not write the last lines within --shutdown-timeout");
		if ((err = source_wait(s, NULL, 0, deadline)) != SOURCE_GOES_ON)
			return err;
	}
	return err;
}

/* The sinks have seen the end of their input: wait for their last acks. */
static int
await_acks(struct source *s, int64_t deadline)
{
	int64_t say_so = loop_now() + PATIENCE;
	int err;

	while (!confirm_all_acked(&s->confirm)) {
		const char *slowest = confirm_slowest(&s->confirm);

		if (loop_now() >= deadline)
			return log_temporary("no ack of %s-%llu from \"%s\" within "
					     "--shutdown-timeout; what is not acknowledged is to "
					     "be sent again",
			    s->run, (unsigned long long)s->token,
			    slowest != NULL ? slowest : "any sink");
		if (loop_now() >= say_so) {
			log_info("waiting up to %lld s for the last acks",
			    (long long)(deadline - loop_now()) / 1000000 + 1);
			say_so = LOOP_NEVER;
		}
		if ((err = source_wait(s, NULL, 0, say_so < deadline ? say_so : deadline)) > 0)
			return err;
	}
	return 0;
}

int
source_end(struct source *s, int downstream_gone)
{
	int64_t deadline = loop_now() + s->shutdown_timeout;
	int err = downstream_gone ? SOURCE_DOWNSTREAM_GONE : flush(s, deadline), lost = 0;

	if (err > 0)
		return err;
	if (err == SOURCE_DOWNSTREAM_GONE)
		lost = log_temporary("standard output is closed: the program behind it has ended");
	if (out_close(&s->out) != 0 && lost == 0)
		return log_temporary("could not close standard output: %s", strerror(errno));
	if (s->acks.fifo == NULL || lost != 0)
		return lost;
	return await_acks(s, deadline);
}

void
source_free(struct source *s)
{
	confirm_free(&s->confirm);
	buf_free(&s->out.buf);
}
