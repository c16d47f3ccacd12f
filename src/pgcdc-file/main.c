/*
 * pgcdc-file: the recording sink.  Event lines from standard input are checked,
 * appended to a file, and acknowledged when they are durable there.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "file.h"
#include "line.h"
#include "log.h"
#include "loop.h"
#include "opt.h"
#include "out.h"

/* While lines keep coming, sync and acknowledge after so many microseconds. */
#define LONGEST_UNSYNCED 100000

/* Bytes waiting for a slow output before no more input is taken. */
#define HIGH_WATER (256 * 1024)

struct options {
	const char *ack, *ack_name, *file;
	int no_sync;
	int64_t shutdown_timeout; /* microseconds */
	uint64_t max_line;
};

struct recorder {
	const struct options *options;
	struct file file;
	struct line_reader reader;
	struct event event;
	struct chain chain;
	struct out out;
	struct ack_sink sink;
	char token[ACK_TOKEN_SIZE]; /* newest whose lines are taken; empty: none to ack */
	int64_t since;              /* when the oldest line that is not synced came */
};

static int
parse_options(struct options *o, int argc, char **argv)
{
	*o = (struct options){ .ack_name = "file", OPT_INPUT_DEFAULTS };
	const struct opt table[] = {
		OPT_ACK(o, "file"),
		{ "no-sync", 0, OPT_FLAG, &o->no_sync, NULL,
		    "acknowledge what is written but not yet durable", 0, 0 },
		OPT_INPUT(o),
		{ .name = NULL },
	};
	const struct opt_program program = {
		.name = "pgcdc-file",
		.prefix = "PGCDC_FILE_",
		.usage = "FILE",
		.purpose = "record event lines from standard input into a file",
		.options = table,
	};
	int operands, err;

	if ((err = opt_parse(&program, argc, argv, &operands)) != 0)
		return err;
	if (operands == argc)
		return log_permanent("no file is named; give one, or \"-\" for standard output");
	if (operands + 1 < argc)
		return log_permanent("unexpected argument \"%s\"; see --help", argv[operands + 1]);
	if ((err = ack_check_name(o->ack_name)) != 0)
		return err;
	o->file = argv[operands];
	return 0;
}

static int
check_line(struct recorder *r, const char *line, size_t len)
{
	unsigned long long number = r->reader.number;

	if (event_scan(&r->event, line, len) != 0)
		return errno == ENOMEM
		           ? log_temporary("out of memory at line %llu", number)
		           : log_permanent(
				 "line %llu is no event line: %s at byte %zu; nothing more is "
				 "acknowledged",
				 number, r->event.error, r->event.error_at);
	if (chain_take(&r->chain, &r->event) != 0)
		return log_permanent(
		    "line %llu breaks the stream: %s; nothing more is acknowledged", number,
		    r->chain.error);
	return 0;
}

static int
take_line(struct recorder *r, const char *line, size_t len)
{
	int err;

	if ((err = check_line(r, line, len)) != 0)
		return err;
	if (r->event.code == 'H' && r->options->ack != NULL &&
	    (err = ack_connect(&r->sink, r->options->ack, r->options->ack_name)) != 0)
		return err;
	buf_add(&r->out.buf, line, len + 1); /* its LF follows in the reader's buffer */
	if (r->out.buf.failed)
		return log_temporary("out of memory");
	if (r->since == 0)
		r->since = loop_now();
	if (r->event.ack.p != NULL)
		strcpy(r->token, r->chain.last);
	return 0;
}

/* Take lines until input or output must be waited for. */
static int
take_lines(struct recorder *r, enum line_status *status)
{
	const char *line;
	size_t len;
	int err;

	while (out_pending(&r->out) < HIGH_WATER) {
		*status = line_next(&r->reader, &line, &len);
		if (*status == LINE_TOO_LONG)
			return log_permanent(
			    "line %llu is longer than --max-line=%llu; give a larger one",
			    (unsigned long long)r->reader.number,
			    (unsigned long long)r->options->max_line);
		if (*status != LINE_READY)
			return 0;
		if ((err = take_line(r, line, len)) != 0)
			return err;
	}
	return 0;
}

static int
write_out(struct recorder *r)
{
	size_t pending = out_pending(&r->out);
	int left = out_write(&r->out), reason = errno;

	if (left == 0)
		file_appended(&r->file, pending);
	if (left >= 0)
		return 0;
	file_take_back(&r->file);
	return log_temporary("could not write to \"%s\": %s", r->options->file, strerror(reason));
}

/* All that was taken is written: make it durable and say so. */
static int
settle(struct recorder *r)
{
	int err;

	if ((err = file_check(&r->file)) != 0 ||
	    (!r->options->no_sync && (err = file_sync(&r->file)) != 0))
		return err;
	r->since = 0;
	if (r->token[0] != '\0' && r->options->ack != NULL)
		ack_send(&r->sink, r->token, strlen(r->token));
	r->token[0] = '\0';
	return 0;
}

/*
 * When the whole line is told to end, the stage before still has a transaction to
 * finish: go on to the end of input, for a while.
 */
static int64_t
end_by(const struct recorder *r, int64_t now)
{
	return loop_ending() ? now + r->options->shutdown_timeout : LOOP_NEVER;
}

/* Wait until something can go on; *more: standard input has something. */
static int
wait_for_any(struct recorder *r, enum line_status status, int64_t deadline, int *more)
{
	int reading = status == LINE_MORE && out_pending(&r->out) < HIGH_WATER;
	struct pollfd fds[] = {
		{ .fd = reading ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = out_pending(&r->out) > 0 ? r->out.fd : -1, .events = POLLOUT },
		{ .fd = r->sink.len > 0 ? r->sink.fd : -1, .events = POLLOUT },
	};
	int settling = r->since != 0 && out_pending(&r->out) == 0;
	int ready;

	/* Lines that are not settled yet: only look whether more have come. */
	ready = loop_wait(fds, 3, settling ? 0 : deadline);
	if (ready < 0)
		return log_temporary("could not wait: %s", strerror(errno));
	*more = fds[0].revents != 0;
	if (fds[2].revents != 0)
		ack_flush(&r->sink);
	if (settling &&
	    ((status == LINE_MORE && !*more) || loop_now() - r->since >= LONGEST_UNSYNCED))
		return settle(r);
	return 0;
}

static int
end_of_input(struct recorder *r, enum line_status status)
{
	int err = settle(r);

	if (err != 0)
		return err;
	if (status == LINE_CUT)
		return log_temporary("the input ends inside a line: the stage before has died");
	if (r->chain.in_transaction)
		return log_temporary(
		    "the input ends inside a transaction: the stage before has died");
	return 0;
}

static int
record(struct recorder *r)
{
	enum line_status status = LINE_MORE;
	int64_t deadline = LOOP_NEVER;
	int more = 0, err;

	for (;;) {
		if ((err = take_lines(r, &status)) != 0 || (err = write_out(r)) != 0)
			return err;
		if (out_pending(&r->out) == 0 && status != LINE_MORE && status != LINE_READY)
			return end_of_input(r, status);
		if (deadline == LOOP_NEVER)
			deadline = end_by(r, loop_now());
		if (loop_now() >= deadline)
			return out_pending(&r->out) == 0
			           ? settle(r)
			           : log_temporary(
					 "could not write the last lines within --shutdown-timeout");
		if ((err = wait_for_any(r, status, deadline, &more)) != 0)
			return err;
		if (more && line_fill(&r->reader) != 0)
			return log_temporary("could not read standard input: %s", strerror(errno));
	}
}

int
main(int argc, char **argv)
{
	struct options options;
	struct recorder r = { .options = &options, .sink = { .fd = -1 } };
	int err;

	log_init("pgcdc-file");
	loop_init();
	if ((err = parse_options(&options, argc, argv)) != 0)
		return err;
	if ((err = file_open(&r.file, options.file)) != 0)
		return err;
	if (out_open(&r.out, r.file.fd) != 0)
		return log_permanent("could not use \"%s\": %s", options.file, strerror(errno));
	line_open(&r.reader, STDIN_FILENO, options.max_line);

	loop_start();
	err = record(&r);

	line_close(&r.reader);
	event_free(&r.event);
	if (out_close(&r.out) != 0 && err == 0)
		err = log_temporary("could not close \"%s\": %s", options.file, strerror(errno));
	ack_disconnect(&r.sink);
	return err;
}
