/*
 * What a check has found, as "pgcdc check" prints it (pgcdc(1)): a line for each finding, or an
 * array of JSON.
 */
#ifndef FINDINGS_H
#define FINDINGS_H

#include <jansson.h>

enum finding { FINDING_OK, FINDING_NOTE, FINDING_BAD };

/* Start with all zero but as_json. */
struct findings {
	int as_json;
	json_t *all; /* with as_json */
	int is_negative, failed;
};

/*
 * Add one: what it is about, as one word; what is to be done about it, NULL if it is ok; and what
 * it is, as printf has it.  With --quiet only what is bad counts.
 */
void findings_add(struct findings *f, enum finding status, const char *about, const char *remedy,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* A remedy with a name in it, in a static buffer. */
const char *findings_remedy(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Print what is still to be printed, and free.  err is how the check ended: if that is 0, so is the
 * result, or EXIT_NEGATIVE when something is bad.
 */
int findings_end(struct findings *f, int err);

#endif
