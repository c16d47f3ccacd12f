/*
 * JSON that is read as a whole: rows of the schema log and names.
 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include <jansson.h>
#include <stddef.h>

/*
 * The JSON value in these bytes, which the caller releases.  NULL with errno: ENOMEM; or EBADMSG
 * and why->text, when it is none that Postgres could have written.  That is stricter than the
 * scanner of lines (event.h): no text has a NUL or half of a surrogate pair in it, and a number
 * is one that fits.
 */
json_t *document_load(const char *p, size_t len, json_error_t *why);

#endif
