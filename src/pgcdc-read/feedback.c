#include <endian.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "feedback.h"
#include "log.h"
#include "loop.h"
#include "lsn.h"

/* Seconds from the epoch of Unix to that of Postgres, 2000-01-01. */
#define POSTGRES_EPOCH INT64_C(946684800)

int
feedback_parse_token(void *context, uint64_t *number, const char *token, const char **why)
{
	(void)context;
	(void)why;
	return lsn_parse(number, token, strlen(token));
}

void
feedback_ack_written(struct stream *st)
{
	if (st->mark_token != 0 && st->out.written >= st->mark_bytes) {
		confirm_ack(&st->confirm, "stdout", st->mark_token);
		st->mark_token = 0;
	}
	if (st->mark_token == 0 && st->events.prev > st->confirm.acked) {
		st->mark_token = st->events.prev;
		st->mark_bytes = st->out.written + out_pending(&st->out);
		if (st->mark_bytes == st->out.written) {
			confirm_ack(&st->confirm, "stdout", st->mark_token);
			st->mark_token = 0;
		}
	}
}

/* Nothing may be confirmed that a crash of this machine could take back. */
static int
make_durable(struct stream *st)
{
	struct state *state = st->state;
	/* The start is no token: a sink has never seen it. */
	uint64_t ack = st->confirm.acked > st->start ? st->confirm.acked : 0;

	/* A file is synced; a pipe cannot be, and says so. */
	if (st->acks.fifo == NULL && st->out.fd >= 0 && fdatasync(st->out.fd) != 0 &&
	    errno != EINVAL && errno != EROFS && errno != ENOTSUP)
		return log_temporary("could not sync standard output: %s", strerror(errno));
	/* The position may be ahead of us, after a server's crash took the slot back. */
	if (state == NULL || (state->position >= st->confirm.position && state->ack >= ack))
		return 0;
	if (state->position < st->confirm.position)
		state->position = st->confirm.position;
	if (state->ack < ack)
		state->ack = ack;
	return state_write(state);
}

static void
put_64(char *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

/* Our clock in the server's microseconds: it only shows it, as reply_time. */
static uint64_t
wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)((now.tv_sec - POSTGRES_EPOCH) * 1000000 + now.tv_nsec / 1000);
}

static int
send_status(struct stream *st, uint64_t confirmed)
{
	char message[1 + 4 * 8 + 1] = { 'r' };
	PGconn *conn = st->session->stream;

	put_64(message + 1, st->received);
	put_64(message + 9, confirmed);
	put_64(message + 17, confirmed);
	put_64(message + 25, wall_clock());
	/* On a quiet server, only an answer tells that the goal is reached. */
	message[33] = st->goal != 0;
	if (PQputCopyData(conn, message, sizeof(message)) < 0 || PQflush(conn) < 0)
		return log_temporary(
		    "could not send the position to the server: %s", PQerrorMessage(conn));
	st->n_feedbacks++;
	return 0;
}

int
feedback_send(struct stream *st, int now)
{
	int64_t clock = loop_now();
	int err;

	if (!now && !st->reply_requested && clock < st->next_feedback)
		return 0;
	st->reply_requested = 0;
	st->next_feedback = clock + st->feedback_interval;
	if (st->options->ack == NULL)
		return send_status(st, 0); /* "invalid": confirms nothing */
	if ((err = make_durable(st)) != 0)
		return err;
	return send_status(st, st->confirm.position);
}
