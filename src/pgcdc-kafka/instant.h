/* Points in time as Kafka has them: milliseconds since 1970, UTC. */
#ifndef INSTANT_H
#define INSTANT_H

#include <stdint.h>

/* Room for the text form and its NUL. */
#define INSTANT_SIZE 40

/*
 * Read "2026-11-21T08:30:00Z", with a fraction of the second and an offset such as "+02:00" if
 * there are any (RFC 3339), or "@" and milliseconds.  0, or -1 if s is none.
 */
int instant_parse(int64_t *ms, const char *s);

/* The form of "timestamp" in pgcdc-events(5). */
void instant_format(char dst[INSTANT_SIZE], int64_t ms);

#endif
