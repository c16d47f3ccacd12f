/*
 * The way back: acks from the FIFO, the position they add up to, and the Standby
 * Status Update that confirms it (PostgreSQL documentation, "Streaming
 * Replication Protocol").
 */
#ifndef FEEDBACK_H
#define FEEDBACK_H

#include "stream.h"

/* Of struct acks: our tokens are LSNs. */
int feedback_parse_token(void *context, uint64_t *number, const char *token, const char **why);

/* With --ack=stdout: what is written counts as acknowledged. */
void feedback_ack_written(struct stream *st);

/*
 * Send the position when it is due, the server has asked, or now is set; the
 * state file is written first.  0, or the exit code after reporting.
 */
int feedback_send(struct stream *st, int now);

#endif
