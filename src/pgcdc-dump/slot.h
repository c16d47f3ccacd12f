/*
 * A replication slot that is made for a dump: its stream begins where a snapshot ends, which the
 * server exports (PostgreSQL documentation, "Streaming Replication Protocol",
 * CREATE_REPLICATION_SLOT).
 */
#ifndef SLOT_H
#define SLOT_H

#include <libpq-fe.h>
#include <stdint.h>

#include "connect.h"

struct slot {
	PGconn *conn; /* of replication; the snapshot lasts until it is used again, or closed */
	char snapshot[64]; /* to import it with */
	int is_pending;
};

/* It is not made yet, or not by us as there is one with the name: besides these there are exit codes. */
enum { SLOT_MADE = 0, SLOT_PENDING = -1, SLOT_EXISTS = -2 };

/* Connect. 0, or the exit code after reporting. */
int slot_open(struct slot *s, const struct connect_target *server);

/* Ask for it. 0, or the exit code after reporting. */
int slot_ask(struct slot *s, const char *name, int failover);

/*
 * Wait until it is made, until the deadline or a signal; the server waits for the transactions that
 * are open.  SLOT_MADE, _PENDING, _EXISTS, or the exit code after reporting.
 */
int slot_wait(struct slot *s, int64_t deadline);

/* Close the connection; what is pending is given up. */
void slot_close(struct slot *s);

#endif
