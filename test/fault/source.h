/*
 * The truth: the tables at the source, read over a connection from the
 * environment (PGHOST and so on) when nobody changes them any more.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include "replica.h"

struct source {
	struct pg_conn *conn;
	char system_identifier[32];
	int sends_messages; /* the server sends logical messages: 14 and later */
};

/* Connect and learn the tables of the publications, a list with commas. Exits when it can't. */
void source_open(struct source *s, struct replica *r, const char *publications);
void source_close(struct source *s);

/* Give each row of a table to the function, its values by column, which are its own until it returns. */
typedef void source_take(void *context, struct table *t, char *const *values);
void source_read(struct source *s, struct table *t, source_take *take, void *context);

/* Compare every row of every table. */
void source_compare(struct source *s, struct replica *r);

#endif
