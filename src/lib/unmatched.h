/*
 * Patterns that match nothing: misspelled ones let through, or keep out, what was not meant.
 * Apart from filter.h, as it reads a result of libpq.
 */
#ifndef UNMATCHED_H
#define UNMATCHED_H

#include <libpq-fe.h>

#include "filter.h"

/*
 * Warn of each pattern of the filter that matches none of the tables, under the name of its
 * option.  The rows of the result begin with schema and table; what is what they all are:
 * "published table".
 */
void unmatched_warn_filter(const struct filter *f, const PGresult *tables, const char *what);

#endif
