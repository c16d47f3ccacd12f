/*
 * A definition of a table, as the schema log has it (pgcdc-schema(5)), for an interval of the
 * log: made once, and then used for each row with an LSN in that interval.
 */
#ifndef DEFINITION_H
#define DEFINITION_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "selection.h"

struct column {
	const char *name;   /* a JSON string with its quotes, as pgcdc-read writes it */
	const char *suffix; /* what an entry gets before its closing brace: ,"id":"12-3" */
	unsigned short name_len, suffix_len;
	unsigned char is_kept; /* by --columns and --exclude-columns */
};

struct definition {
	uint64_t from, until; /* LSNs of rows: from <= lsn < until */
	uint64_t known;       /* up to here no later one was there when this was told */
	int is_uncommitted;   /* from is for rows of its own transaction, which is in hand */
	uint64_t schema_id;   /* the row of the log; 0: there is none */
	const char *metadata; /* what a row gets, up to its version */
	size_t metadata_len;
	size_t longest_suffix;
	int has_identity;
	int is_partial;   /* it stands for what cannot be known: columns may be missing */
	int is_selective; /* not all columns are kept */
	size_t n;
	struct column column[];
};

/* What the user wants of columns. */
struct definition_choice {
	struct selections identity, columns, exclude_columns;
};

/*
 * Make one of an element of "tables" in a row of the log; from, until, known and schema_id are the
 * caller's to set before, in *like.  NULL with *error, a static text or one in the
 * *error_size bytes at error, when the JSON is none of a table, the choice does not fit
 * it, or memory is short (then errno is ENOMEM).  The caller frees it with free().
 */
struct definition *definition_make(const json_t *table, const struct definition *like,
    const struct definition_choice *choice, char *error, size_t error_size);

/* One that knows nothing, for a table that is not to be found. NULL: no memory. */
struct definition *definition_unknown(const struct definition *like);

/* The column with this name, a JSON string; *hint is where to look first. NULL: none. */
const struct column *
definition_column(const struct definition *d, const char *name, size_t len, size_t *hint);

#endif
