#include <errno.h>
#include <string.h>

#include "feedback.h"
#include "finish.h"
#include "log.h"
#include "loop.h"
#include "lsn.h"

/* A wait for the last acks, in microseconds, before it is mentioned. */
#define PATIENCE 1000000

/* Write out what waits, by the deadline. 0, STREAM_DOWNSTREAM_GONE, or the exit code. */
static int
flush_output(struct stream *st, int64_t deadline)
{
	int err;

	while ((err = stream_write(st)) == STREAM_GOES_ON && out_pending(&st->out) > 0) {
		if ((err = feedback_send(st, 0)) != 0)
			return err;
		if (loop_now() >= deadline)
			return log_temporary("could not write the last lines within "
					     "--shutdown-timeout; they will come again");
		if ((err = stream_wait(st, 0, deadline)) != STREAM_GOES_ON)
			return err;
	}
	return err;
}

/* The sinks have seen the end of their input: wait for their last acks. */
static int
await_acks(struct stream *st, int64_t deadline)
{
	int64_t say_so = loop_now() + PATIENCE;
	int err;

	while (st->acks.fifo != NULL && !confirm_all_acked(&st->confirm)) {
		const char *slowest = confirm_slowest(&st->confirm);

		if ((err = feedback_send(st, 0)) != 0)
			return err;
		if (loop_now() >= deadline)
			return log_temporary(
			    "no ack of %s from \"%s\" within --shutdown-timeout; what "
			    "is not acknowledged will come again",
			    lsn_text(st->confirm.emitted), slowest != NULL ? slowest : "any sink");
		if (loop_now() >= say_so) {
			log_info("waiting up to %lld s for the last acks",
			    (long long)(deadline - loop_now()) / 1000000 + 1);
			say_so = LOOP_NEVER;
		}
		if ((err = stream_wait(st, 0, say_so < deadline ? say_so : deadline)) !=
		    STREAM_GOES_ON)
			return err;
	}
	return 0;
}

/* The sinks have gone: what they have acknowledged is in the FIFO. */
static int
read_last_acks(struct stream *st, int64_t deadline)
{
	int err = 0;

	if (st->acks.fifo == NULL)
		return 0;
	do
		err = acks_read(&st->acks);
	while (err == 0 && st->acks.left && loop_now() < deadline);
	return err;
}

/*
 * Has the server ended the copy, and so released the slot?  What it still sends is not
 * wanted.  *err is the exit code, after reporting, when it ended with an error.
 */
static int
is_released(struct stream *st, int *err)
{
	PGconn *conn = st->session->stream;
	char *message;
	int len;

	while ((len = PQgetCopyData(conn, &message, 1)) > 0)
		PQfreemem(message);
	if (len == 0)
		return 0;
	while (!PQisBusy(conn)) {
		PGresult *res = PQgetResult(conn);

		if (res == NULL)
			return 1;
		if (PQresultStatus(res) == PGRES_FATAL_ERROR && *err == 0)
			*err = session_stream_error(st->session, res, st->received);
		PQclear(res);
	}
	return 0;
}

/*
 * The last confirmation, then CopyDone.  The server takes messages in order, so its
 * own end of the copy tells that the confirmation arrived.
 */
static int
end_copy(struct stream *st, int64_t deadline)
{
	PGconn *conn = st->session->stream;
	int err;

	burst_end(&st->burst);
	if ((err = feedback_send(st, 1)) != 0)
		return err;
	if (PQputCopyEnd(conn, NULL) < 0 || PQflush(conn) < 0)
		return log_temporary("could not end the stream: %s", PQerrorMessage(conn));
	for (;;) {
		struct pollfd p = { .fd = PQsocket(conn), .events = POLLIN };

		if (PQflush(conn) > 0)
			p.events |= POLLOUT;
		if (PQconsumeInput(conn) == 0)
			return log_temporary(
			    "lost the connection before the last position was taken: %s",
			    PQerrorMessage(conn));
		if (is_released(st, &err))
			return err;
		if (loop_now() >= deadline)
			return log_temporary("the server did not take the last position within "
					     "--shutdown-timeout; some changes may come again");
		loop_wait(&p, 1, deadline);
	}
}

int
finish_run(struct stream *st, int downstream_gone)
{
	int64_t deadline = loop_now() + st->options->shutdown_timeout;
	int err = 0, lost = 0;

	if (!downstream_gone)
		err = flush_output(st, deadline);
	if (st->acks.fifo == NULL && st->options->ack != NULL && err == 0)
		feedback_ack_written(st);
	if (err == STREAM_DOWNSTREAM_GONE)
		downstream_gone = 1;
	else if (err != 0)
		return err;
	if (downstream_gone && !loop_ending())
		lost = log_temporary("standard output is closed: the program behind it has ended");
	if (st->acks.fifo != NULL && out_close(&st->out) != 0 && !downstream_gone)
		return log_temporary("could not close standard output: %s", strerror(errno));
	if (downstream_gone)
		err = read_last_acks(st, deadline);
	else
		err = await_acks(st, deadline);
	if (err != 0)
		return err;
	if ((err = end_copy(st, deadline)) != 0)
		return err;
	if (st->out.fd >= 0 && out_close(&st->out) != 0)
		return log_temporary("could not close standard output: %s", strerror(errno));
	return lost;
}

void
finish_write_rest(struct stream *st)
{
	int64_t deadline = loop_now() + st->options->shutdown_timeout;
	struct pollfd p = { .fd = st->out.fd, .events = POLLOUT };

	while (out_write(&st->out) == 1 && loop_now() < deadline && !loop_ending())
		loop_wait(&p, 1, deadline);
}
