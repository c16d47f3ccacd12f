/* How far a dump is: a line that is drawn anew on a terminal, else a message a minute. */
#ifndef DISPLAY_H
#define DISPLAY_H

#include <stdint.h>

#include "plan.h"

struct display {
	int64_t begun, next; /* microseconds; next: it should be told again, LOOP_NEVER: never */
	int is_terminal;
	uint64_t before; /* pages that earlier runs have read */
};

/* The first range is about to be read. */
void display_begin(struct display *d, const struct plan *p);

/* Tell what there is, if it is time: rows and bytes written so far. */
void display_tell(struct display *d, const struct plan *p, uint64_t rows, uint64_t bytes);

/* Nothing more comes: leave an empty line. */
void display_end(struct display *d);

#endif
