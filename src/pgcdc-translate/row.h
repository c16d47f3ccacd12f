/*
 * A row's line with its table's identity: ids in its entries and "metadata" at its end.  What is
 * there is copied as it stands.
 */
#ifndef ROW_H
#define ROW_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "definition.h"
#include "event.h"

/*
 * Append the line of len bytes, scanned into e, with its LF, as the definition has it.
 * 0, or -1 when a column is not in the definition: it is *unknown, a JSON string, and
 * out is as it was.  When memory is short out->failed is set.
 */
int row_write(struct buf *out, const char *line, size_t len, const struct event *e,
    const struct definition *d, uint64_t lsn, struct event_span *unknown);

#endif
