/*
 * A value of a column, from the text that the server gives of it to the form that it has on an
 * event line (pgcdc-events(5), "VALUES").
 */
#ifndef VALUE_H
#define VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/*
 * The text form of values is the session's, so it is fixed with these commands and not left to the
 * settings of a role or a database.  Names print with their schema.
 */
#define VALUE_SETTINGS                    \
	"SET search_path = '';"           \
	"SET datestyle = 'ISO, YMD';"     \
	"SET timezone = 'UTC';"           \
	"SET intervalstyle = 'postgres';" \
	"SET extra_float_digits = 3;"     \
	"SET bytea_output = 'hex';"       \
	"SET lc_monetary = 'C';"          \
	"SET xmlbinary = 'base64';"

enum value_form { VALUE_STRING, VALUE_NUMBER, VALUE_BOOLEAN, VALUE_BYTEA };

/* The form of a type's values, by its OID (PostgreSQL, src/include/catalog/pg_type.dat). */
enum value_form value_form(uint32_t oid);

/*
 * Append the value whose text form is the n bytes at text.  0, or -1 if they are not valid UTF-8;
 * then what was appended is undefined and the caller resets out->len.
 */
int value_add(struct buf *out, enum value_form form, const char *text, size_t n);

#endif
