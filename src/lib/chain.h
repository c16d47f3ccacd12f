/*
 * The continuity of a stream of event lines (pgcdc-events(5)), as every sink
 * checks it: H first, tokens linked by prev and ack, transactions closed.  So a
 * stage that died, a cut line or a filter that ate a commit is never silent loss.
 */
#ifndef CHAIN_H
#define CHAIN_H

#include "ack.h"
#include "event.h"

struct chain {
	int begun;          /* an H line was seen */
	int in_transaction; /* B or a change was seen, and its C not yet */
	int brackets;       /* B was seen since H: each C has one, then */
	char system_identifier[32];
	char last[ACK_TOKEN_SIZE]; /* the newest token, or the start */
	char error[384];
};

/* Start with all zero. */

/*
 * Take the next line.  0, or -1 with c->error: the stream must not be believed
 * from here on, and nothing more may be acknowledged.
 */
int chain_take(struct chain *c, const struct event *e);

#endif
