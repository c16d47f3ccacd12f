/*
 * pgcdc-read: a Postgres replication slot as event lines on standard output,
 * its position confirmed by what comes back through the ack FIFO.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "feedback.h"
#include "log.h"
#include "loop.h"
#include "slot.h"
#include "stream.h"

/* The walsender gives up on us after its timeout: be heard three times in it. */
static int64_t
feedback_interval(const struct options *o, const struct session *s)
{
	int64_t interval = o->status_interval;

	if (s->wal_sender_timeout > 0 && s->wal_sender_timeout / 3 < interval)
		interval = s->wal_sender_timeout / 3;
	return interval;
}

static void
set_goal(struct stream *st)
{
	st->goal = st->options->endpos;
	if (st->options->drain && (st->goal == 0 || st->session->server_lsn < st->goal))
		st->goal = st->session->server_lsn;
}

static int
run(struct stream *st, uint64_t confirmed, uint64_t prev)
{
	const struct options *o = st->options;
	struct types *types = types_new(session_ask_type, st->session);
	int err;

	if (types == NULL || confirm_init(&st->confirm, confirmed, &o->wait_for) != 0 ||
	    events_init(&st->events, &st->out.buf, types, &o->filter, confirmed, o->max_line) != 0)
		return log_temporary("out of memory at the start");
	st->feedback_interval = feedback_interval(o, st->session);
	set_goal(st);
	err = stream_run(st, confirmed, prev);

	events_free(&st->events);
	confirm_free(&st->confirm);
	types_free(types);
	buf_free(&st->out.buf);
	return err;
}

int
main(int argc, char **argv)
{
	static struct options options; /* for the life of the program */
	struct session session = { .options = NULL };
	struct ack_fifo fifo = { .fd = -1 };
	struct state state;
	struct stream stream = { .options = &options,
		.session = &session,
		.acks = { .form = "the line is no ack, \"LSN NAME\" is expected",
		    .parse = feedback_parse_token } };
	uint64_t confirmed, prev = 0;
	int err;

	log_init("pgcdc-read");
	loop_init();
	if ((err = options_parse(&options, argc, argv)) != 0)
		return err;

	/* What is ours: standard output, the FIFO, the state file. */
	if (out_open(&stream.out, STDOUT_FILENO) != 0)
		return log_permanent("could not use standard output: %s", strerror(errno));
	if (options.ack != NULL && strcmp(options.ack, "stdout") != 0) {
		if ((err = ack_listen(&fifo, options.ack)) != 0)
			return err;
		stream.acks.fifo = &fifo;
		stream.acks.path = options.ack;
		stream.acks.confirm = &stream.confirm;
	}
	if (options.state != NULL) {
		if ((err = state_read(&state, options.state)) != 0)
			return err;
		stream.state = &state;
	}

	/* What is the server's: the slot and the publications, then the stream. */
	if ((err = session_open_side(&session, &options)) == 0 &&
	    (err = slot_check(&session, &confirmed)) == 0 &&
	    (err = session_open_stream(&session)) == 0 &&
	    (stream.state == NULL ||
		(err = slot_compare_state(&session, &state, confirmed, &prev)) == 0) &&
	    (err = session_start(&session)) == 0) {
		loop_start();
		err = run(&stream, confirmed, prev);
	}
	session_close(&session);
	return err;
}
