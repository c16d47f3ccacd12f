/*
 * The slot and the publications, looked at before the stream is opened, so that
 * what is wrong is named with its remedy instead of failing half-way.
 */
#ifndef SLOT_H
#define SLOT_H

#include <stdint.h>

#include "session.h"
#include "state.h"

/*
 * Can this slot be read with these publications by this role?  *confirmed is
 * the slot's confirmed_flush_lsn.  0, or the exit code after reporting.
 */
int slot_check(struct session *s, uint64_t *confirmed);

/*
 * Does what the state file remembers fit the slot and the cluster we found?  Then
 * 0, and state holds the present ones.  A gap is 100, unless --accept-gap.
 * *prev is the token to write in H, 0 for none.
 */
int slot_compare_state(struct session *s, struct state *state, uint64_t confirmed, uint64_t *prev);

#endif
