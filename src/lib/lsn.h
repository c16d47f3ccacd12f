/*
 * LSN: a position in the write-ahead log, a 64-bit byte offset that Postgres
 * prints as two hexadecimal halves, "16/B374D848" (PostgreSQL documentation,
 * section "pg_lsn Type").
 */
#ifndef LSN_H
#define LSN_H

#include <stddef.h>
#include <stdint.h>

/* Room for the longest text form and its NUL. */
#define LSN_SIZE 18

/* Read the len bytes at s, all of them, as an LSN.  0, or -1 if they are none. */
int lsn_parse(uint64_t *lsn, const char *s, size_t len);

/* Write the text form of lsn, NUL-terminated, and return its length. */
size_t lsn_format(char dst[LSN_SIZE], uint64_t lsn);

/* The text form in one of four static buffers, for messages. */
const char *lsn_text(uint64_t lsn);

#endif
