/*
 * A recording: the event lines of several runs of pgcdc-read in a row, as
 * pgcdc-file wrote them.  Each run must begin where the one before leaves no
 * gap, send again what comes twice byte for byte and in the same order, and go
 * on with what is new.  Transactions are applied once, in that order.
 */
#ifndef RECORDING_H
#define RECORDING_H

#include "replica.h"
#include "source.h"
#include "transaction.h"

/* What there is one token for: a transaction, or a message outside of any. */
struct unit {
	uint64_t lsn, ack, hash;
	long end; /* offset behind it in the file, when it came first */
	int is_message;
};

struct recording {
	struct replica *replica;
	const struct source *source;
	struct transaction transaction;
	struct loose *loose;
	struct unit *units; /* each once; lsn and ack rise */
	size_t n;
	size_t next;                      /* what the run in hand sends next, when it is below n */
	uint64_t first_start, start, ack; /* of the run in hand */
	char slot[64];
	long lines, rows, duplicates, runs, cut, messages, baselines;
	int translated; /* rows have ids and metadata */
};

/* Read one file. Files follow each other as one recording. */
void recording_read(struct recording *r, const char *path);

/* Nothing may be cut at the end. */
void recording_finish(struct recording *r);

/*
 * Check samples of the slot, lines "CONFIRMED SIZE": the slot had confirmed no
 * unit that was not within the first SIZE bytes of the file.
 */
void recording_check_samples(const struct recording *r, const char *path);

void recording_free(struct recording *r);

#endif
