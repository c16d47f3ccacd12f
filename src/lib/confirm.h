/*
 * What the source of a stream may confirm: the decision that no event is lost hangs on.
 * Pure: positions in, a position out.
 *
 * Tokens are numbers that rise along the stream: LSNs, or a counter.  The confirmed position is
 * the least that all sinks have acknowledged, and only tokens count: a number between two of
 * them counts as the lower one, because a server would take an LSN inside a commit record for
 * one behind it.  When all that was emitted is acknowledged and no transaction is open on the
 * stream, the position may also follow the one that a server says it has decoded up to, so that
 * a quiet table does not hold back the WAL of a busy cluster.
 */
#ifndef CONFIRM_H
#define CONFIRM_H

#include <stddef.h>
#include <stdint.h>

#include "ack.h"
#include "opt.h"

struct confirm_name {
	char name[ACK_NAME_SIZE];
	uint64_t acked;
};

struct confirm {
	uint64_t emitted;            /* the newest token on the stream */
	uint64_t idle;               /* decoded up to here, and nothing was emitted since */
	uint64_t acked;              /* the newest token that all names have acknowledged */
	uint64_t position;           /* what may be confirmed */
	uint64_t *tokens;            /* emitted and not acknowledged by all, rising: n_tokens ... */
	size_t first, n_tokens, cap; /* ... of them from first on, in room for cap */
	int named;                   /* --wait-for was given: only its names count */
	size_t n;
	struct confirm_name *names;
};

enum confirm_answer {
	CONFIRM_TAKEN,
	CONFIRM_REPEATED, /* nothing new: the same token again */
	CONFIRM_BELOW,    /* older than what is confirmed already */
	CONFIRM_BEYOND,   /* newer than anything emitted */
	CONFIRM_UNKNOWN,  /* a name that is not waited for */
	CONFIRM_SECOND,   /* a second name, and nobody said whom to wait for */
};

/* Start at the position that is confirmed already. 0, or -1 when memory is short. */
int confirm_init(struct confirm *c, uint64_t start, const struct opt_list *wait_for);
void confirm_free(struct confirm *c);

/*
 * A line with this token was emitted.  When very many wait for their acks, or memory
 * is short, every second one is forgotten, and counts as the one before it.
 */
void confirm_emitted(struct confirm *c, uint64_t token);

/* The server has decoded up to lsn, and no transaction is open on the stream. */
void confirm_idle(struct confirm *c, uint64_t lsn);

enum confirm_answer confirm_ack(struct confirm *c, const char *name, uint64_t token);

/* Everything emitted is acknowledged. */
int confirm_all_acked(const struct confirm *c);

/* The name that holds the position back, for messages; NULL when there is none yet. */
const char *confirm_slowest(const struct confirm *c);

#endif
