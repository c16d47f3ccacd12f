/*
 * What pgcdc-translate says of a row's shape.  In the schemas "shape" and "shape2" (shape.sql)
 * each text holds the number of its own column, whatever that is called when it is written: so a
 * row that is read with a wrong definition shows.
 */
#ifndef SHAPE_H
#define SHAPE_H

#include "line.h"

/* Is the line a row of the log, or of those schemas?  It is no part of the workload. */
int shape_is_other(const struct line *l);

/* Is it a line that pgcdc-translate has added? */
int shape_is_baseline(const struct line *l);

/* Check the ids of a row line that was translated, and the texts of those schemas. */
void shape_check(const struct line *l);

/* Rows of those schemas that were checked. */
long shape_rows(void);

#endif
