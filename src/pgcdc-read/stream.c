#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "encode.h"
#include "feedback.h"
#include "finish.h"
#include "log.h"
#include "loop.h"
#include "lsn.h"
#include "stream.h"

/* Lines waiting for stdout: above this nothing more is taken from the server. */
#define HIGH_WATER (256 * 1024)
#define MAX_GROWTHS 5 /* of libpq's buffer: from 16 KiB to 512 */

/* A server that was quiet for so long, in microseconds, may have reached the goal. */
#define ASK_INTERVAL 20000

/* While standard output is blocked, time between two looks at the slot, in microseconds. */
#define LOOK_INTERVAL 1000000

#define XLOGDATA_HEADER (1 + 8 + 8 + 8)
#define KEEPALIVE_SIZE (1 + 8 + 8 + 1)

static uint64_t
get_64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static int
is_open(const struct stream *st)
{
	return st->events.in_transaction;
}

static int
take_xlogdata(struct stream *st, const char *message, size_t len)
{
	enum events_result result;
	uint64_t lsn = 0;
	int err;

	err = events_take(&st->events, get_64(message + 1), message + XLOGDATA_HEADER,
	    len - XLOGDATA_HEADER, &result, &lsn);
	if (err != 0)
		return err;
	if (result == EVENTS_TOKEN)
		confirm_emitted(&st->confirm, lsn);
	else if (result == EVENTS_SILENT)
		confirm_idle(&st->confirm, lsn);
	if (result != EVENTS_NOTHING && lsn > st->received)
		st->received = lsn;
	return 0;
}

/* Primary keepalive: position, clock, and whether a reply is wanted at once. */
static void
take_keepalive(struct stream *st, const char *message)
{
	uint64_t lsn = get_64(message + 1);

	if (lsn > st->received)
		st->received = lsn;
	if (!is_open(st))
		confirm_idle(&st->confirm, lsn);
	if (message[17] != 0)
		st->reply_requested = 1;
}

static int
take_message(struct stream *st, const char *message, size_t len)
{
	if (*message == 'w' && len >= XLOGDATA_HEADER)
		return take_xlogdata(st, message, len);
	if (*message == 'k' && len == KEEPALIVE_SIZE) {
		take_keepalive(st, message);
		return 0;
	}
	return log_permanent("the server sent an unknown replication message (type %d, %zu bytes) "
			     "behind %s; nothing after it is confirmed",
	    *message, len, lsn_text(st->received));
}

/* The goal is reached, and what stands on the stream is whole. */
static int
at_goal(const struct stream *st)
{
	return st->goal != 0 && st->received >= st->goal && !is_open(st);
}

static int
copy_ended(struct stream *st)
{
	PGconn *conn = st->session->stream;
	PGresult *res = PQgetResult(conn);
	int err;

	if (PQresultStatus(res) == PGRES_FATAL_ERROR)
		err = session_stream_error(st->session, res, st->received);
	else
		err = log_temporary(
		    "the server ended the stream behind %s", lsn_text(st->received));
	PQclear(res);
	return err;
}

/*
 * Take all messages that are here, until the output is full or it is time to
 * end.  Adds to *bytes.  0, or the exit code after reporting.
 */
static int
take_messages(struct stream *st, size_t *bytes)
{
	PGconn *conn = st->session->stream;

	st->unread = 0;
	while (out_pending(&st->out) < HIGH_WATER && !at_goal(st) &&
	       (!loop_ending() || st->events.open)) {
		char *message;
		int len = PQgetCopyData(conn, &message, 1), err;

		if (len == 0)
			return 0;
		if (len < 0)
			return copy_ended(st);
		*bytes += (size_t)len;
		/* The warning came before this message, which may lack what it warns of. */
		if (st->session->warning[0] != '\0')
			err = session_refuse_warning(st->session, st->received);
		else
			err = take_message(st, message, (size_t)len);
		PQfreemem(message);
		if (err != 0)
			return err;
	}
	st->unread = 1;
	return 0;
}

/*
 * Let libpq read the socket.  While messages are left in its buffer and that is full,
 * it would double it each time, without end where the output is slower than the
 * server.  A few times that is wanted: much that is read at once wakes us less often.
 * 0, or the exit code after reporting.
 */
static int
consume(struct stream *st)
{
	PGconn *conn = st->session->stream;
	int left;

	if (st->unread && st->full) {
		if (st->growths == MAX_GROWTHS)
			return 0;
		st->growths++;
	}
	if (PQconsumeInput(conn) == 0)
		return log_temporary("lost the connection behind %s: %s", lsn_text(st->received),
		    PQerrorMessage(conn));
	st->full = ioctl(PQsocket(conn), FIONREAD, &left) == 0 && left > 0;
	return 0;
}

/* Read the socket until it is empty or the output is full. */
static int
receive(struct stream *st)
{
	size_t bytes = 0, before;
	int err;

	do {
		before = bytes;
		if ((err = consume(st)) != 0 || (err = take_messages(st, &bytes)) != 0)
			return err;
		if (st->session->warning[0] != '\0')
			return session_refuse_warning(st->session, st->received);
	} while (bytes > before && out_pending(&st->out) < HIGH_WATER);
	burst_received(&st->burst, bytes);
	if (bytes > 0 && st->goal != 0)
		st->next_ask = loop_now() + ASK_INTERVAL;
	return 0;
}

int
stream_write(struct stream *st)
{
	if (out_write(&st->out) >= 0)
		return STREAM_GOES_ON;
	if (errno == EPIPE || errno == ECONNRESET)
		return STREAM_DOWNSTREAM_GONE;
	return log_temporary("could not write to standard output: %s", strerror(errno));
}

enum { FD_STREAM, FD_SIDE, FD_ACK, FD_OUT, N_FDS };

/*
 * The ordinary connection has nothing to say between our questions, unless the
 * server ends it.
 */
static int
check_side(struct stream *st)
{
	PGconn *side = st->session->side;

	if (PQconsumeInput(side) != 0) {
		PQisBusy(side); /* parses what the server says */
		return 0;
	}
	return log_temporary("the server has ended our connection: %s",
	    st->session->farewell[0] != '\0' ? st->session->farewell : PQerrorMessage(side));
}

int
stream_wait(struct stream *st, int taking, int64_t deadline)
{
	PGconn *conn = st->session->stream;
	int unsent = PQflush(conn);
	struct pollfd fds[N_FDS] = {
		[FD_STREAM] = { .fd = PQsocket(conn),
		    .events = (short)((taking ? POLLIN : POLLRDHUP) | (unsent ? POLLOUT : 0)) },
		[FD_SIDE] = { .fd = PQsocket(st->session->side), .events = POLLIN },
		[FD_ACK] = { .fd = st->acks.fifo != NULL ? st->acks.fifo->fd : -1,
		    .events = POLLIN },
		[FD_OUT] = { .fd = st->out.fd, .events = out_pending(&st->out) > 0 ? POLLOUT : 0 },
	};
	int err;

	if (taking)
		deadline = burst_deadline(&st->burst, deadline);
	if (st->next_feedback < deadline)
		deadline = st->next_feedback;
	if (taking && st->goal != 0 && st->next_ask < deadline)
		deadline = st->next_ask;
	/* What is in a buffer makes no descriptor ready. */
	if ((taking && st->unread) || st->acks.left)
		deadline = loop_now();
	if (loop_wait(fds, N_FDS, deadline) < 0)
		return log_temporary("could not wait: %s", strerror(errno));
	if (!taking && (fds[FD_STREAM].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
		return log_temporary("the server has ended the stream, and standard output takes "
				     "nothing; see the server's log");
	if (fds[FD_SIDE].revents != 0 && (err = check_side(st)) != 0)
		return err;
	if ((fds[FD_ACK].revents != 0 || st->acks.left) && (err = acks_read(&st->acks)) != 0)
		return err;
	if ((fds[FD_OUT].revents & (POLLERR | POLLHUP)) != 0)
		return STREAM_DOWNSTREAM_GONE;
	return STREAM_GOES_ON;
}

static int
write_head(struct stream *st, uint64_t start, uint64_t prev)
{
	struct encode_head head = {
		.system_identifier = st->session->system_identifier,
		.timeline = st->session->timeline,
		.slot = st->options->slot,
		.start = start,
		.prev = prev,
	};

	encode_head(&st->out.buf, &head);
	return stream_write(st);
}

/*
 * A walsender that cannot send cannot end either, and a checkpoint that wants to
 * invalidate the slot waits for it: so look, while blocked, whether that is near.
 */
static int
look_at_slot(struct stream *st)
{
	const char *name = st->options->slot;
	PGresult *res;
	int err, threatened;

	if (loop_now() < st->next_look)
		return 0;
	st->next_look = loop_now() + LOOK_INTERVAL;
	res = session_query(st->session, &err,
	    "SELECT FROM pg_catalog.pg_replication_slots"
	    " WHERE slot_name = $1 AND wal_status IN ('unreserved', 'lost')",
	    1, &name);
	if (res == NULL)
		return err;
	threatened = PQntuples(res) > 0;
	PQclear(res);
	if (!threatened)
		return 0;
	return log_temporary("standard output takes nothing, and slot \"%s\" holds more WAL than "
			     "max_slot_wal_keep_size: making way for the server",
	    name);
}

/* Stream until a clean end is due: 0, STREAM_DOWNSTREAM_GONE, or the exit code. */
static int
flow(struct stream *st)
{
	int64_t give_up = LOOP_NEVER;
	int err, taking, ask;

	for (;;) {
		taking = out_pending(&st->out) < HIGH_WATER;
		if (taking && (err = receive(st)) != 0)
			return err;
		if ((err = stream_write(st)) != STREAM_GOES_ON)
			return err;
		if (st->acks.fifo == NULL && st->options->ack != NULL)
			feedback_ack_written(st);
		ask = st->goal != 0 && loop_now() >= st->next_ask;
		if (ask)
			st->next_ask = loop_now() + ASK_INTERVAL;
		if ((err = feedback_send(st, ask)) != 0)
			return err;
		if (at_goal(st) || (loop_ending() && !st->events.open))
			return 0;
		if (loop_ending() && give_up == LOOP_NEVER)
			give_up = loop_now() + st->options->shutdown_timeout;
		if (loop_now() >= give_up)
			return log_temporary("could not finish the transaction in hand within "
					     "--shutdown-timeout; it will come again, whole");
		taking = out_pending(&st->out) < HIGH_WATER;
		if (taking)
			st->next_look = loop_now() + LOOK_INTERVAL;
		else if ((err = look_at_slot(st)) != 0)
			return err;
		if ((err = stream_wait(st, taking, give_up)) != STREAM_GOES_ON)
			return err;
	}
}

static void
report_start(const struct stream *st)
{
	const struct opt_list *publications = &st->options->publications;
	struct buf names = BUF_INIT;

	for (size_t i = 0; i < publications->n; i++) {
		buf_str(&names, i > 0 ? "\", \"" : "");
		buf_str(&names, publications->item[i]);
	}
	buf_add(&names, "", 1);
	if (!names.failed)
		log_info("streaming slot \"%s\" from %s, publication%s \"%s\"", st->options->slot,
		    lsn_text(st->start), publications->n > 1 ? "s" : "", names.data);
	buf_free(&names);
}

static void
report_totals(const struct stream *st)
{
	log_debug("%llu events in %llu transactions, %llu bytes, %llu acks (%llu ignored), "
		  "%llu confirmations; confirmed %s",
	    (unsigned long long)st->events.n_events, (unsigned long long)st->events.n_transactions,
	    (unsigned long long)st->out.written, (unsigned long long)st->acks.n_taken,
	    (unsigned long long)st->acks.n_ignored, (unsigned long long)st->n_feedbacks,
	    lsn_text(st->confirm.position));
}

int
stream_run(struct stream *st, uint64_t start, uint64_t prev)
{
	int err;

	st->start = st->received = start;
	burst_init(&st->burst, PQsocket(st->session->stream));
	report_start(st);
	err = write_head(st, start, prev);
	if (err == STREAM_GOES_ON)
		err = flow(st);
	if (err == STREAM_GOES_ON || err == STREAM_DOWNSTREAM_GONE)
		err = finish_run(st, err == STREAM_DOWNSTREAM_GONE);
	else if (err == EXIT_PERMANENT)
		finish_write_rest(st);
	report_totals(st);
	return err;
}
