#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_consume.h"
#include "consume.h"
#include "leave.h"
#include "log.h"
#include "loop.h"

/* Lines waiting for stdout: above this no more messages are taken. */
#define HIGH_WATER (256 * 1024)

/* librdkafka leaves the group when it is not asked for max.poll.interval.ms; in microseconds. */
#define LONGEST_WAIT 1000000

/* Microseconds until a wait for partitions is mentioned; a new group takes 3 s to gather. */
#define PATIENCE 5000000

/* Microseconds for the first answer of a broker, with --drain: the next run may find one. */
#define LONGEST_SILENCE (INT64_C(30) * 1000000)

int
consume_has_room(const struct consume *c)
{
	return out_pending(&c->out) < HIGH_WATER &&
	       (c->options.ack == NULL || c->marks.messages + c->taken < c->options.max_unacked);
}

int
consume_is_acked(const struct consume *c)
{
	return confirm_all_acked(&c->confirm);
}

/* --- acks */

static int
parse_token(void *context, uint64_t *number, const char *token, const char **why)
{
	const struct consume *c = context;

	return tokens_parse(&c->tokens, number, token, why);
}

static void
ack_stdout(struct consume *c, uint64_t token)
{
	confirm_ack(&c->confirm, "stdout", token);
	marks_acked(&c->marks, c->confirm.acked);
}

/* With --ack=stdout: what is written counts as acknowledged; once closed, nothing more is. */
static void
ack_written(struct consume *c)
{
	if (c->out.fd < 0)
		return;
	if (c->mark_token != 0 && c->out.written >= c->mark_bytes) {
		ack_stdout(c, c->mark_token);
		c->mark_token = 0;
	}
	if (c->mark_token != 0 || c->tokens.newest == c->confirm.acked)
		return;
	c->mark_token = c->tokens.newest;
	c->mark_bytes = c->out.written + out_pending(&c->out);
	if (out_pending(&c->out) == 0) {
		ack_stdout(c, c->mark_token);
		c->mark_token = 0;
	}
}

static int
read_acks(struct consume *c)
{
	int err = acks_read(&c->acks);

	marks_acked(&c->marks, c->confirm.acked);
	return err;
}

/* --- the loop */

static int
write_out(struct consume *c)
{
	if (c->out.fd < 0 || out_write(&c->out) >= 0)
		return CONSUME_GOES_ON;
	if (errno == EPIPE || errno == ECONNRESET)
		return CONSUME_DOWNSTREAM_GONE;
	return log_temporary("could not write to standard output: %s", strerror(errno));
}

int
consume_tend(struct consume *c)
{
	int err;

	if ((err = write_out(c)) != CONSUME_GOES_ON)
		return err;
	if (c->options.ack != NULL && c->acks.fifo == NULL)
		ack_written(c);
	if ((err = rebalance_tend(c)) != 0)
		return err;
	return committer_tend(&c->committer);
}

static int64_t
earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

enum { FD_EVENTS, FD_MESSAGES, FD_ACK, FD_OUT, N_FDS };

int
consume_wait(struct consume *c, int taking, int64_t deadline)
{
	struct pollfd fds[N_FDS] = {
		[FD_EVENTS] = { .fd = c->consumer.events_fd, .events = POLLIN },
		[FD_MESSAGES] = { .fd = taking ? c->consumer.messages_fd : -1, .events = POLLIN },
		[FD_ACK] = { .fd = c->acks.fifo != NULL ? c->acks.fifo->fd : -1, .events = POLLIN },
		[FD_OUT] = { .fd = c->out.fd, .events = out_pending(&c->out) > 0 ? POLLOUT : 0 },
	};
	int err;

	deadline = earliest(deadline, loop_now() + LONGEST_WAIT);
	deadline = earliest(deadline, rebalance_deadline(c));
	deadline = earliest(deadline, committer_deadline(&c->committer));
	/* What is in a buffer makes no descriptor ready. */
	if ((taking && !intake_is_empty(c)) || c->acks.left)
		deadline = loop_now();
	if (loop_wait(fds, N_FDS, deadline) < 0)
		return log_temporary("could not wait: %s", strerror(errno));
	if ((fds[FD_ACK].revents != 0 || c->acks.left) && (err = read_acks(c)) != 0)
		return err;
	if ((fds[FD_OUT].revents & (POLLERR | POLLHUP)) != 0)
		return CONSUME_DOWNSTREAM_GONE;
	return taking ? CONSUME_GOES_ON : intake_serve(c);
}

/* What is to be drained is not when no broker tells of it.  0, or the exit code after reporting. */
static int
check_answer(struct consume *c)
{
	char brokers[CONSUMER_BROKERS_SIZE];

	if (c->answer_deadline == LOOP_NEVER)
		return 0;
	if (consumer_is_answered(&c->consumer)) {
		c->answer_deadline = LOOP_NEVER;
		return 0;
	}
	consumer_brokers(&c->consumer, brokers);
	if (loop_ending())
		return log_temporary("the end came before a broker of \"%s\" answered", brokers);
	if (loop_now() >= c->answer_deadline)
		return log_temporary("no broker of \"%s\" has answered within %d s", brokers,
		    (int)(LONGEST_SILENCE / 1000000));
	return 0;
}

/* There is nothing to read, and nothing was. */
static int
nothing_matches(const struct consume *c)
{
	return patterns_match_nothing(&c->patterns) && c->partitions.n == 0;
}

/* The group may be waiting, too, for a member that has died. */
static void
report_wait(struct consume *c)
{
	if (c->rebalance.is_answered || loop_now() < c->patience_end || nothing_matches(c) ||
	    !consumer_is_answered(&c->consumer))
		return;
	log_info("waiting for group \"%s\" to give us partitions", c->options.group);
	c->patience_end = LOOP_NEVER;
}

/* With --drain: we were given partitions, and have all of them to their ends; or there are none. */
static int
is_drained(const struct consume *c)
{
	const struct rebalance *r = &c->rebalance;

	if (!c->options.drain)
		return 0;
	if (nothing_matches(c))
		return 1;
	if (!r->is_answered || r->coming != NULL || r->going != NULL)
		return 0;
	for (size_t i = 0; i < c->partitions.n; i++)
		if (!c->partitions.item[i]->is_drained)
			return 0;
	return 1;
}

/* Drained, but nothing was ours. */
static void
report_nothing(const struct consume *c)
{
	if (c->rebalance.is_answered && c->partitions.n == 0)
		log_info("group \"%s\" has no partition for us: its other members read them",
		    c->options.group);
}

/* Until a clean end is due: 0, CONSUME_DOWNSTREAM_GONE, or the exit code after reporting. */
static int
flow(struct consume *c)
{
	int err;

	for (;;) {
		if (consume_has_room(c))
			err = intake_take(c);
		else
			err = intake_serve(c);
		/* A sink acknowledges tokens: none may be missing when we wait for it. */
		if (err == 0 && (intake_is_empty(c) || !consume_has_room(c)))
			err = intake_mark(c);
		if (err != 0)
			return err;
		if ((err = consume_tend(c)) != CONSUME_GOES_ON || (err = check_answer(c)) != 0)
			return err;
		report_wait(c);
		if (is_drained(c)) {
			report_nothing(c);
			return 0;
		}
		if (loop_ending())
			return 0;
		if ((err = consume_wait(c, consume_has_room(c), LOOP_NEVER)) != CONSUME_GOES_ON)
			return err;
	}
}

static void
report_totals(const struct consume *c)
{
	log_debug("%llu messages, %llu of them passed over and %llu put aside, %llu bytes, "
		  "%llu acks (%llu ignored), %llu commits",
	    (unsigned long long)c->n_messages, (unsigned long long)c->n_nothing,
	    (unsigned long long)c->aside.n, (unsigned long long)c->out.written,
	    (unsigned long long)c->acks.n_taken, (unsigned long long)c->acks.n_ignored,
	    (unsigned long long)c->committer.n);
}

static int
run(struct consume *c)
{
	int err, left = 0;

	c->patience_end = loop_now() + PATIENCE;
	c->answer_deadline = c->options.drain ? loop_now() + LONGEST_SILENCE : LOOP_NEVER;
	err = flow(c);
	/* Sinks may have what came before; else no restart would ever bring the group further. */
	if (err == CONSUME_GOES_ON || err == CONSUME_DOWNSTREAM_GONE || c->is_bad_data)
		left = leave_run(c, err == CONSUME_DOWNSTREAM_GONE);
	else
		leave_quickly(c);
	report_totals(c);
	return err > 0 ? err : left;
}

/* --- the program */

static int
open_ours(struct consume *c)
{
	int err;

	if (out_open(&c->out, STDOUT_FILENO) != 0)
		return log_permanent("could not use standard output: %s", strerror(errno));
	if ((err = tokens_open(&c->tokens)) != 0 ||
	    (err = aside_open(&c->aside, c->options.dead_letter)) != 0)
		return err;
	if (patterns_open(&c->patterns, &c->options.topics) != 0 ||
	    confirm_init(&c->confirm, 0, &c->options.wait_for) != 0)
		return log_temporary("out of memory at the start");
	if (!consume_options_have_fifo(&c->options))
		return 0;
	if ((err = ack_listen(&c->fifo, c->options.ack)) != 0)
		return err;
	c->acks.fifo = &c->fifo;
	c->acks.path = c->options.ack;
	return 0;
}

static void
release(struct consume *c, int code)
{
	consumer_close(&c->consumer, code);
	partition_free(&c->partitions);
	marks_free(&c->marks);
	confirm_free(&c->confirm);
	decode_free(&c->decode);
	aside_close(&c->aside);
	buf_free(&c->out.buf);
	patterns_free(&c->patterns);
}

int
consume_main(int argc, char **argv)
{
	static struct consume c = { .consumer = { .events_fd = -1, .messages_fd = -1 },
		.aside = { .fd = -1 },
		.acks = { .confirm = &c.confirm,
		    .context = &c,
		    .parse = parse_token,
		    .form = "the line is no ack, \"TOKEN NAME\" is expected" },
		.committer = { .options = &c.options,
		    .consumer = &c.consumer,
		    .partitions = &c.partitions,
		    .out = &c.out },
		.held = { .is_last = 1 } };
	int err;

	if ((err = consume_options_parse(&c.options, argc, argv)) != 0)
		return err;
	if (c.options.check.wanted)
		return check_consume(&(struct check_consume){
		    .client = &c.options.client,
		    .rules = consumer_rules,
		    .topics = &c.options.topics,
		    .group = c.options.group,
		    .resets = c.options.reset != RESET_STOP,
		    .as_json = c.options.check.as_json,
		});
	loop_start();
	if ((err = open_ours(&c)) == 0 && (err = consumer_open(&c.consumer, &c.options)) == 0)
		err = run(&c);
	/* Before its first assignment librdkafka would abort, until 2.3.0: its issue 4312. */
	if (c.consumer.rk != NULL && !c.rebalance.is_answered)
		_exit(err);
	intake_drop(&c, NULL);
	release(&c, err);
	return err;
}
