#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "blocks.h"
#include "chain.h"
#include "dead_letter.h"
#include "delivery.h"
#include "event.h"
#include "line.h"
#include "log.h"
#include "loop.h"
#include "produce.h"
#include "produce_options.h"
#include "producer.h"
#include "send.h"
#include "transaction.h"
#include "window.h"

/* Microseconds without all deliveries between two looks whether the topics are still there. */
#define LOOK_PAUSE (INT64_C(3) * 1000000)

struct produce {
	struct produce_options options;
	struct producer producer;
	struct sender sender;
	struct delivery delivery;
	struct transaction transaction;
	struct line_reader reader;
	struct blocks blocks; /* of input, with messages that are on their way */
	struct event event;
	struct chain chain;
	struct window window;
	struct ack_sink sink;
	struct dead_letter dead_letter;
	struct buf head; /* the last H line */
	int64_t give_up; /* when the end that was asked for has to be there */
};

/* --- lines */

static int
take_head(struct produce *p, const char *line, size_t len)
{
	int err;

	send_begin(&p->sender, NULL);
	p->head.len = 0;
	buf_add(&p->head, line, len);
	if (p->head.failed)
		return log_temporary("out of memory");
	if ((err = dead_letter_check(&p->dead_letter, p->chain.system_identifier)) != 0 ||
	    p->options.ack == NULL)
		return err;
	return ack_connect(&p->sink, p->options.ack, p->options.ack_name);
}

static int
take_row(struct produce *p, const char *line, size_t len)
{
	int err = 0;

	if (p->options.transactional_id != NULL)
		err = transaction_row(&p->transaction, &p->event, len);
	if (err == TRANSACTION_DONE)
		return 0;
	if (err == 0)
		err = send_line(&p->sender, &p->event, line, len, p->reader.number);
	return err == PRODUCER_FATAL ? delivery_fatal(&p->delivery) : err;
}

static void
acknowledge(struct produce *p, const char *token)
{
	if (token != NULL && p->options.ack != NULL)
		ack_send(&p->sink, token, strlen(token));
}

/* At least once: what is delivered may be acknowledged. */
static int
take_token(struct produce *p)
{
	if (p->event.ack.p == NULL ||
	    window_mark(&p->window, p->chain.last, strlen(p->chain.last)) == 0)
		return 0;
	return log_temporary("out of memory");
}

/* Exactly once: what is committed may be. */
static int
take_note(struct produce *p)
{
	const char *token = p->event.ack.p != NULL ? p->chain.last : NULL;
	int err = transaction_line(&p->transaction, &p->event, token);

	if (err != 0 || token == NULL)
		return err;
	if ((err = transaction_commit(&p->transaction, 0, &token)) == 0)
		acknowledge(p, token);
	return err;
}

static int
take_line(struct produce *p, const char *line, size_t len)
{
	unsigned long long number = p->reader.number;
	int err;

	if (event_scan(&p->event, line, len) != 0)
		return errno == ENOMEM
		           ? log_temporary("out of memory at line %llu", number)
		           : log_permanent(
				 "line %llu is no event line: %s at byte %zu; nothing more is "
				 "acknowledged",
				 number, p->event.error, p->event.error_at);
	if (chain_take(&p->chain, &p->event) != 0)
		return log_permanent(
		    "line %llu breaks the stream: %s; nothing more is acknowledged", number,
		    p->chain.error);
	switch (p->event.code) {
	case 'H':
		if ((err = take_head(p, line, len)) != 0)
			return err;
		break;
	case 'B':
		send_begin(&p->sender, &p->event);
		break;
	case 'I':
	case 'U':
	case 'D':
	case 'T':
	case 'R':
		if ((err = take_row(p, line, len)) != 0)
			return err;
		break;
	default:
		break;
	}
	return p->options.transactional_id != NULL ? take_note(p) : take_token(p);
}

static int
is_full(const struct produce *p)
{
	return p->producer.bytes >= p->options.queue_bytes ||
	       p->blocks.bytes >= p->options.queue_bytes;
}

/* Take lines until there are none, or too much is on its way. */
static int
take_lines(struct produce *p, enum line_status *status)
{
	const char *line;
	size_t len;
	int err;

	while (!is_full(p)) {
		*status = line_next(&p->reader, &line, &len);
		if (*status == LINE_TOO_LONG)
			return log_permanent(
			    "line %llu is longer than --max-line=%llu; give a larger one",
			    (unsigned long long)p->reader.number,
			    (unsigned long long)p->options.max_line);
		if (*status != LINE_READY)
			return 0;
		if ((err = take_line(p, line, len)) != 0)
			return err;
	}
	return 0;
}

/* Lines that are on their way as messages stay where they are. */
static int
read_more(struct produce *p)
{
	char *kept = NULL;
	size_t size;

	if ((p->window.open > 0 ? line_fill_keeping(&p->reader, &kept, &size)
				: line_fill(&p->reader)) != 0)
		return log_temporary("could not read standard input: %s", strerror(errno));
	if (kept != NULL && blocks_keep(&p->blocks, kept, size, p->window.next) != 0)
		return log_temporary("out of memory");
	return 0;
}

/* --- what the producer tells */

static int
serve(void *context)
{
	struct produce *p = context;
	int err = delivery_serve(&p->delivery);

	blocks_done(&p->blocks, p->window.first);
	acknowledge(p, window_token(&p->window));
	return err;
}

/* The time that is left after a signal; LOOP_NEVER: none came. */
static int64_t
deadline(struct produce *p)
{
	if (loop_ending() && p->give_up == LOOP_NEVER)
		p->give_up = loop_now() + p->options.shutdown_timeout;
	return p->give_up;
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int
not_delivered(const struct produce *p)
{
	return log_temporary("%llu messages were not delivered within --shutdown-timeout",
	    (unsigned long long)p->window.open);
}

static int
settle(void *context)
{
	struct produce *p = context;
	int64_t look = loop_now() + LOOK_PAUSE;
	int err;

	while ((err = serve(p)) == 0 && p->window.open > 0) {
		struct pollfd producer = { .fd = p->producer.fd, .events = POLLIN };
		int64_t again = producer_hurry(&p->producer);

		if (loop_now() >= deadline(p))
			return not_delivered(p);
		if (loop_now() >= look) {
			if ((err = topics_look(&p->sender.topics)) != 0)
				return err;
			look = loop_now() + LOOK_PAUSE;
		}
		if (loop_wait(&producer, 1, sooner(sooner(look, again), p->give_up)) < 0)
			return log_temporary("could not wait: %s", strerror(errno));
	}
	return err;
}

/* --- the whole */

static int
wait_for_any(struct produce *p, enum line_status status, int64_t until)
{
	int reading = status == LINE_MORE && !is_full(p);
	struct pollfd fds[] = {
		{ .fd = reading ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = p->producer.fd, .events = POLLIN },
		{ .fd = p->sink.len > 0 ? p->sink.fd : -1, .events = POLLOUT },
	};

	/* Lines that were read already make no descriptor ready. */
	if (status == LINE_READY && !is_full(p))
		until = loop_now();
	until = sooner(until, transaction_deadline(&p->transaction));
	if (loop_wait(fds, 3, until) < 0)
		return log_temporary("could not wait: %s", strerror(errno));
	if (fds[2].revents != 0)
		ack_flush(&p->sink);
	return fds[0].revents != 0 ? read_more(p) : 0;
}

/* Is there no input to be had now? */
static int
is_idle(enum line_status status)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	return status == LINE_END || (status == LINE_MORE && poll(&input, 1, 0) == 0);
}

/* Commit what is open, unless more is to come at once. */
static int
commit(struct produce *p, enum line_status status)
{
	const char *token;
	int err;

	if (p->options.transactional_id == NULL || status == LINE_READY)
		return 0;
	if ((err = transaction_commit(&p->transaction, is_idle(status), &token)) == 0)
		acknowledge(p, token);
	return err;
}

static int
end_of_input(const struct produce *p, enum line_status status)
{
	if (status == LINE_CUT)
		return log_temporary("the input ends inside a line: the stage before has died");
	if (p->chain.in_transaction)
		return log_temporary(
		    "the input ends inside a transaction: the stage before has died");
	return 0;
}

/* The end was asked for, and the stage before has not come to its own. */
static int
end_inside(const struct produce *p)
{
	if (p->chain.in_transaction || p->transaction.is_open)
		return log_temporary("the end came inside a transaction, and no more of it within "
				     "--shutdown-timeout; it will come again, whole");
	return 0;
}

/* When the whole line is told to end, the stage before still has a transaction to finish. */
static int
flow(struct produce *p)
{
	enum line_status status = LINE_MORE;
	int64_t again;
	int has_ended, err;

	for (;;) {
		if ((err = take_lines(p, &status)) != 0 || (err = serve(p)) != 0 ||
		    (err = commit(p, status)) != 0)
			return err;
		has_ended = status == LINE_END || status == LINE_CUT;
		if (has_ended && p->window.open == 0)
			return end_of_input(p, status);
		/* Nothing more comes to fill batches. */
		again = has_ended || is_full(p) ? producer_hurry(&p->producer) : LOOP_NEVER;
		if (loop_now() >= deadline(p))
			return p->window.open > 0 ? not_delivered(p) : end_inside(p);
		if ((err = wait_for_any(p, status, sooner(again, p->give_up))) != 0)
			return err;
	}
}

static int
start(struct produce *p)
{
	int64_t longest = 0;
	int err;

	p->sender = (struct sender){
		.options = &p->options,
		.producer = &p->producer,
		.window = &p->window,
		.system_identifier = p->chain.system_identifier,
		.settle = settle,
		.context = p,
	};
	p->delivery = (struct delivery){
		.producer = &p->producer,
		.window = &p->window,
		.dead_letter = &p->dead_letter,
		.head = &p->head,
	};
	p->transaction = (struct transaction){
		.options = &p->options,
		.producer = &p->producer,
		.window = &p->window,
		.settle = settle,
		.context = p,
		.claim = {
		    .options = &p->options,
		    .producer = &p->producer,
		    .serve = serve,
		    .context = p,
		},
	};
	if (p->options.transactional_id != NULL &&
	    (err = claim_longest(&p->options, &longest)) != 0)
		return err;
	if ((err = dead_letter_open(&p->dead_letter, p->options.dead_letter)) != 0 ||
	    (err = producer_open(&p->producer, &p->options, longest)) != 0)
		return err;
	if (p->options.transactional_id != NULL &&
	    (err = claim_take(&p->transaction.claim, &p->transaction.position)) != 0)
		return err;
	return send_open(&p->sender, serve);
}

static void
release(struct produce *p)
{
	transaction_stop(&p->transaction);
	send_close(&p->sender);
	/* Before what its messages lie in. */
	producer_close(&p->producer);
	blocks_free(&p->blocks);
	line_close(&p->reader);
	event_free(&p->event);
	buf_free(&p->head);
	dead_letter_close(&p->dead_letter);
	window_free(&p->window);
	ack_disconnect(&p->sink);
}

int
produce_main(int argc, char **argv)
{
	static struct produce p = {
		.sink = { .fd = -1 },
		.producer = { .fd = -1 },
		.dead_letter = { .fd = -1 },
		.give_up = LOOP_NEVER,
	};
	int err;

	if ((err = produce_options_parse(&p.options, argc, argv)) != 0)
		return err;
	if (p.options.check.wanted)
		return check_produce(&p.options);
	line_open(&p.reader, STDIN_FILENO, p.options.max_line);
	loop_start();
	if ((err = start(&p)) == 0)
		err = flow(&p);
	/*
	 * librdkafka 2.0.2 frees something twice when a producer is fenced while it is used, and
	 * aborts where its threads end.  So they end with the program, and what they use, too.
	 */
	if (p.producer.is_lost)
		_exit(err);
	release(&p);
	return err;
}
