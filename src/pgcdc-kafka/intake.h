/*
 * From messages to lines: what librdkafka has is taken, in the order of each partition, and goes
 * to the output's buffer, with tokens of our own between.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include <stddef.h>

struct consume;
struct partition;

/* Messages that are taken from librdkafka at once. */
#define INTAKE_BATCH 64

/* Take messages while there are any, and room. 0, or the exit code after reporting. */
int intake_take(struct consume *c);

/* There was nothing left to take. */
int intake_is_empty(const struct consume *c);

/* Take what librdkafka has to say besides messages. 0, or the exit code after reporting. */
int intake_serve(struct consume *c);

/* Put a token behind all that was taken. 0, or the exit code after reporting. */
int intake_mark(struct consume *c);

/* Forget messages that are not on the stream yet: those of a partition, or with NULL all. */
void intake_drop(struct consume *c, const struct partition *p);

#endif
