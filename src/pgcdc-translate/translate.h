/*
 * The translation of a stream of event lines: rows get the identity of their table, rows of the
 * schema log are read, and all else passes as it is.
 */
#ifndef TRANSLATE_H
#define TRANSLATE_H

#include <stdint.h>

#include "buf.h"
#include "chain.h"
#include "event.h"
#include "hold.h"
#include "line.h"
#include "options.h"
#include "out.h"
#include "store.h"
#include "tables.h"

struct translate {
	const struct options *options; /* the caller's */
	struct store *store;           /* the caller's; NULL: there is none */
	struct line_reader reader;
	struct hold hold;
	uint64_t number; /* of the line in hand */
	struct event event;
	struct chain chain;
	uint64_t commit;   /* where that of the transaction in hand begins; 0: not known */
	char timeline[16]; /* of the last H line */
	struct buf
	    moved; /* rows of the log from ALTER SCHEMA on, in the transaction in hand: "{7,8" */
	struct tables tables;
	struct out out;
	uint64_t n_rows, n_filtered, n_without_identity, n_schemas;
};

/* Translate standard input until it ends: the exit code, after reporting. */
int translate_run(struct translate *t);

/* The position of a line. 0, or -1: it has none. */
int translate_lsn(uint64_t *lsn, const struct event *e);

#endif
