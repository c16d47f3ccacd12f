/*
 * pgcdc-kafka consume: topics to event lines.  Messages in, lines out, acks in, commits out, on
 * one wait.
 */
#ifndef CONSUME_H
#define CONSUME_H

#include "acks.h"
#include "aside.h"
#include "committer.h"
#include "consume_options.h"
#include "consumer.h"
#include "decode.h"
#include "early.h"
#include "intake.h"
#include "marks.h"
#include "out.h"
#include "partition.h"
#include "patterns.h"
#include "rebalance.h"
#include "tokens.h"

struct consume {
	struct consume_options options;
	struct consumer consumer;
	struct partitions partitions;
	struct committer committer;
	struct rebalance rebalance;
	struct marks marks;
	struct ack_fifo fifo;
	struct acks acks;
	struct confirm confirm;
	struct out out;
	struct decode decode;
	struct aside aside;

	struct tokens tokens;
	char system_identifier[32]; /* of the stream; empty: H is not written yet */
	uint64_t taken;             /* messages that no mark counts yet */
	uint64_t rows, bytes;       /* of lines since the newest token */

	struct early early; /* comes before what is held */
	/* Taken from librdkafka; those from at on are not on the stream yet. */
	struct {
		rd_kafka_message_t *message[INTAKE_BATCH]; /* NULL: given up */
		size_t at, n;
		size_t size; /* bytes of a message, about */
		int is_last; /* there were no more behind */
	} held;

	/* --ack=stdout: all before this token is written when the output has got so far */
	uint64_t mark_token, mark_bytes;

	struct patterns patterns;
	int64_t patience_end;    /* say that we wait for partitions; LOOP_NEVER: it was said */
	int64_t answer_deadline; /* with --drain, of the first one; LOOP_NEVER: there was one */

	int is_ending;   /* nothing more is taken */
	int is_bad_data; /* the end is due to what is in a topic: what came before it counts */
	uint64_t n_messages, n_nothing;
};

/* The program, with the arguments behind its name. The exit code. */
int consume_main(int argc, char **argv);

/* The stream goes on, or its reader has gone: besides these there are exit codes. */
enum { CONSUME_GOES_ON = 0, CONSUME_DOWNSTREAM_GONE = -1 };

/*
 * Write, commit and answer the group, as far as that can be done now.  CONSUME_GOES_ON,
 * CONSUME_DOWNSTREAM_GONE, or the exit code after reporting.
 */
int consume_tend(struct consume *c);

/*
 * Wait until the deadline or for anything: acks, which are taken; room in the output; events,
 * which are taken unless messages are, too: then both wait for intake_take().  As consume_tend().
 */
int consume_wait(struct consume *c, int taking, int64_t deadline);

/* May more messages go to the output? */
int consume_has_room(const struct consume *c);

/* All that was emitted is acknowledged. */
int consume_is_acked(const struct consume *c);

#endif
