/*
 * The tokens of a source whose positions are no LSNs: "<run>-<n>" (pgcdc-ack(5)).  Each run draws
 * anew, so that a sink which has lived on from another one confirms nothing of ours.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include <stdint.h>

#include "buf.h"

struct tokens {
	char run[17];
	uint64_t newest; /* on the stream; 0 is its start */
};

/* Draw. 0, or the exit code after reporting. */
int tokens_open(struct tokens *t);

/* As acks.h wants it: the number of a token of this run; 0, or -1 and perhaps *why. */
int tokens_parse(const struct tokens *t, uint64_t *number, const char *token, const char **why);

/* Append the H line that begins the stream. */
void tokens_head(const struct tokens *t, struct buf *b, const char *system_identifier);

/* Append a C line with the next token. */
void tokens_mark(struct tokens *t, struct buf *b);

#endif
