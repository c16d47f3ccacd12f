/*
 * Objects that event_scan() leaves alone, such as "metadata", and those of others that are no
 * event lines.  Spans point into the text.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include "event.h"

/* Does a string stand for this text, which needs no escapes? */
int object_is(struct event_span string, const char *text);

/*
 * Call each with every member of the JSON object, until one gives another number than 0.
 * That number; 0; or -1 when this is no object.
 */
int object_each(struct event_span object,
    int (*each)(void *context, struct event_span key, struct event_span value), void *context);

/* The same with the elements of a JSON array. */
int object_each_of(
    struct event_span array, int (*each)(void *context, struct event_span element), void *context);

/* The member with this key; p is NULL when there is none. */
struct event_span object_member(struct event_span object, const char *key);

#endif
