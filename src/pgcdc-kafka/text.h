/* The text of a JSON string. */
#ifndef TEXT_H
#define TEXT_H

#include "buf.h"
#include "event.h"

/* Append what the string, which was checked, stands for. Memory: b->failed. */
void text_add(struct buf *b, struct event_span string);

#endif
