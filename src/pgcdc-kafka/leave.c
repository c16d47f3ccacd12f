#include <errno.h>
#include <string.h>

#include "intake.h"
#include "leave.h"
#include "log.h"
#include "loop.h"

/* A wait for the last acks, in microseconds, before it is mentioned. */
#define PATIENCE 1000000

/* Microseconds for leaving the group. */
#define FAREWELL (INT64_C(5) * 1000000)

/* Write out what waits, by the deadline. 0, CONSUME_DOWNSTREAM_GONE, or the exit code. */
static int
flush_output(struct consume *c, int64_t deadline)
{
	int err;

	if ((err = intake_mark(c)) != 0)
		return err;
	while ((err = consume_tend(c)) == CONSUME_GOES_ON && out_pending(&c->out) > 0) {
		if (loop_now() >= deadline)
			return log_temporary("could not write the last lines within "
					     "--shutdown-timeout; they will come again");
		if ((err = consume_wait(c, 0, deadline)) != CONSUME_GOES_ON)
			return err;
	}
	return err;
}

/* The sinks have seen the end of their input: wait for their last acks. */
static int
await_acks(struct consume *c, int64_t deadline)
{
	int64_t say_so = loop_now() + PATIENCE;
	int err;

	while (!consume_is_acked(c)) {
		const char *slowest = confirm_slowest(&c->confirm);

		if ((err = consume_tend(c)) != CONSUME_GOES_ON)
			return err;
		if (loop_now() >= deadline)
			return log_temporary(
			    "no ack of %s-%llu from \"%s\" within --shutdown-timeout; what is "
			    "not acknowledged will come again",
			    c->tokens.run, (unsigned long long)c->tokens.newest,
			    slowest != NULL ? slowest : "any sink");
		if (loop_now() >= say_so) {
			log_info("waiting up to %lld s for the last acks",
			    (long long)(deadline - loop_now()) / 1000000 + 1);
			say_so = LOOP_NEVER;
		}
		if ((err = consume_wait(c, 0, say_so < deadline ? say_so : deadline)) !=
		    CONSUME_GOES_ON)
			return err;
	}
	return 0;
}

/* The sinks have gone: what they have acknowledged is in the FIFO. */
static int
read_last_acks(struct consume *c, int64_t deadline)
{
	int err;

	do
		err = acks_read(&c->acks);
	while (err == 0 && c->acks.left && loop_now() < deadline);
	marks_acked(&c->marks, c->confirm.acked);
	return err;
}

/* What was acknowledged goes to the group. */
static int
commit_last(struct consume *c, int64_t deadline)
{
	int err;

	while (!committer_is_settled(&c->committer)) {
		committer_hurry(&c->committer);
		if ((err = consume_tend(c)) != CONSUME_GOES_ON)
			return err;
		if (loop_now() >= deadline)
			return log_temporary("could not commit the last offsets within "
					     "--shutdown-timeout; some messages will come again");
		if ((err = consume_wait(c, 0, deadline)) != CONSUME_GOES_ON)
			return err;
	}
	return 0;
}

/* A static member stays one when its program ends, and has its partitions when it comes back. */
static int
is_static(const struct consume *c)
{
	char id[512];

	client_get(rd_kafka_conf(c->consumer.rk), "group.instance.id", id, sizeof(id));
	return id[0] != '\0';
}

static int
has_left(const struct consume *c)
{
	char *id = rd_kafka_memberid(c->consumer.rk);
	int is_member = id != NULL && *id != '\0';

	rd_kafka_mem_free(c->consumer.rk, id);
	return !is_member;
}

static int
is_closed(const struct consume *c)
{
	return rd_kafka_consumer_closed(c->consumer.rk);
}

/* Answer the group until that is so, by the deadline. */
static void
serve_until(struct consume *c, int (*is_so)(const struct consume *), int64_t deadline)
{
	while (!is_so(c) && loop_now() < deadline)
		if (consume_tend(c) != CONSUME_GOES_ON ||
		    consume_wait(c, 0, deadline) != CONSUME_GOES_ON)
			return;
}

/*
 * Whatever the group says now, the run is over: nothing is lost when it does not hear of it.  When
 * librdkafka 2.0.2 is closed without a partition it does not tell the group; unsubscribed it does.
 */
static void
leave_group(struct consume *c, int64_t deadline)
{
	c->is_ending = c->rebalance.is_over = 1;
	rebalance_end(c);
	if (!is_static(c)) {
		rd_kafka_unsubscribe(c->consumer.rk);
		serve_until(c, has_left, deadline);
		if (!has_left(c))
			log_warn("could not leave group \"%s\" while it agrees anew; it does "
				 "without us after session.timeout.ms",
			    c->options.group);
	}
	rd_kafka_error_destroy(rd_kafka_consumer_close_queue(c->consumer.rk, c->consumer.events));
	serve_until(c, is_closed, deadline);
}

static int
settle(struct consume *c, int64_t deadline, int downstream_gone)
{
	int lost = 0, err = 0;

	if (!downstream_gone)
		err = flush_output(c, deadline);
	if (err == CONSUME_DOWNSTREAM_GONE)
		downstream_gone = 1;
	else if (err != 0)
		return err;
	if (downstream_gone && !loop_ending())
		lost = log_temporary("standard output is closed: the program behind it has ended");
	if ((err = committer_sync(&c->committer)) != 0)
		return err;
	if (out_close(&c->out) != 0 && !downstream_gone)
		return log_temporary("could not close standard output: %s", strerror(errno));
	if (c->acks.fifo != NULL)
		err = downstream_gone ? read_last_acks(c, deadline) : await_acks(c, deadline);
	else
		err = 0;
	if (err == 0)
		err = commit_last(c, deadline);
	return err != 0 ? err : lost;
}

int
leave_run(struct consume *c, int downstream_gone)
{
	int64_t deadline = loop_now() + c->options.shutdown_timeout;
	int err;

	c->is_ending = 1;
	intake_drop(c, NULL);
	rebalance_end(c);
	err = settle(c, deadline, downstream_gone);
	leave_group(c, loop_now() + FAREWELL);
	return err;
}

void
leave_quickly(struct consume *c)
{
	int64_t deadline = loop_now() + c->options.shutdown_timeout;
	struct pollfd p = { .fd = c->out.fd, .events = POLLOUT };

	while (out_write(&c->out) == 1 && loop_now() < deadline && !loop_ending())
		loop_wait(&p, 1, deadline);
	if (rd_kafka_fatal_error(c->consumer.rk, NULL, 0) == RD_KAFKA_RESP_ERR_NO_ERROR)
		leave_group(c, loop_now() + FAREWELL);
}
