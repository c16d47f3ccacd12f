/*
 * Type names as format_type() prints them with an empty search_path.
 *
 * pgoutput sends OID and type modifier of a column, and for types that are not
 * built in the name that the type had when the row was written (of a domain: its
 * base type's).  The names of built-in types are compiled in; of others the server
 * is asked, once for each announcement and modifier, how that name is written; where
 * the type is gone we write it ourselves.
 */
#ifndef TYPES_H
#define TYPES_H

#include <stdint.h>

#include "buf.h"
#include "pgoutput.h"

/*
 * Append to name what format_type(oid, modifier) says, or said when the type was called
 * schema.type (both NULL when it was not announced); nothing when the server knows no such
 * type.  0, or the exit code after reporting.
 */
typedef int types_ask(void *context, uint32_t oid, int32_t modifier, const char *schema,
    const char *type, struct buf *name);

struct types;

/* NULL when memory is short. */
struct types *types_new(types_ask *ask, void *context);
void types_free(struct types *t);

/* A Type message: remember its name, and ask the server again when next needed. */
int types_announce(
    struct types *t, uint32_t oid, struct pgoutput_bytes schema, struct pgoutput_bytes name);

/* 0 and *name, which lives until the next call; or the exit code after reporting. */
int types_name(struct types *t, const char **name, uint32_t oid, int32_t modifier);

#endif
