/*
 * The relations that the stream has announced, each with the parts of its
 * lines that never change prepared once.
 */
#ifndef RELATION_H
#define RELATION_H

#include <stddef.h>
#include <stdint.h>

#include "filter.h"
#include "pgoutput.h"
#include "types.h"

/* A part of a relation's prepared text. */
struct relation_part {
	uint32_t at, len;
};

struct relation_column {
	struct relation_part opening; /* ,{"name":"id","type":"bigint","value": */
	struct relation_part name;    /* "id" */
	unsigned char in_identity;
	unsigned char form; /* enum value_form */
};

struct relation {
	uint32_t id;
	int n;                       /* columns */
	unsigned char has_identity;  /* a column of it is part of the replica identity */
	unsigned char passes_insert; /* the filter lets inserts through */
	unsigned char passes_other;  /* ... updates, deletes and truncates */
	struct relation_part names;  /* ,"schema":"public","table":"orders" */
	const char *text;            /* what the parts are parts of */
	struct relation_column columns[];
};

static inline const char *
relation_text(const struct relation *r, struct relation_part part)
{
	return r->text + part.at;
}

struct relations;

/* Takes filter and types, which stay the caller's and must live as long. NULL: no memory. */
struct relations *relations_new(const struct filter *filter, struct types *types);
void relations_free(struct relations *rs);

/*
 * Take a Relation message, which replaces what was known of that relation.
 * 0, or the exit code after reporting; lsn is where to say that it failed.
 */
int relations_announce(struct relations *rs, struct pgoutput_relation *message, uint64_t lsn);

/* The relation, until the next relations_announce(); NULL when it was not announced. */
const struct relation *relations_find(const struct relations *rs, uint32_t id);

#endif
