/*
 * The snapshot that all rows of a dump are read in, and the position that they have.
 *
 * A row of the dump must lose against every change that it does not contain: so its position may
 * not be above the first WAL record of a transaction that the snapshot does not see.  Note how far
 * the WAL is flushed, then the next transaction id: whoever has written a record before that place has an
 * id below that number.  Wait until all below it have ended, then take the snapshot: what it does
 * not see has an id from there on, and no record before the place.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <libpq-fe.h>
#include <stdint.h>

#include "lsn.h"
#include "slot.h"

#define SNAPSHOT_ID_SIZE 64
#define SNAPSHOT_XID_SIZE 24

/* Instead of a snapshot's xmin: nothing that was read in it counts. */
#define SNAPSHOT_SEES_NOTHING "0"

struct snapshot {
	PGconn *conn;                 /* the caller's; it holds the snapshot, in a transaction */
	char id[SNAPSHOT_ID_SIZE];    /* to import it with, SET TRANSACTION SNAPSHOT */
	char lsn[LSN_SIZE];           /* of its rows */
	char xmin[SNAPSHOT_XID_SIZE]; /* it sees all that is committed of transactions below */
	char timeline[12];
};

/*
 * Take a snapshot on an idle connection.  Waits for the transactions that are open, and says so
 * when that takes long.  0, or the exit code after reporting.
 */
int snapshot_take(struct snapshot *s, PGconn *conn);

/*
 * Make a slot on a connection that slot_open() has opened, and take the snapshot at which its stream
 * begins: the server waits for the same transactions when it makes one.  SLOT_MADE, SLOT_EXISTS, or
 * the exit code after reporting.
 */
int snapshot_of_slot(
    struct snapshot *s, PGconn *conn, struct slot *slot, const char *name, int failover);

/*
 * Wait until a standby has replayed to this position, 0 for none, for so many microseconds.  0, or the
 * exit code after reporting.
 */
int snapshot_await(PGconn *conn, uint64_t lsn, int64_t timeout);

/* Give it up. 0, or -1: the connection is lost. */
int snapshot_release(struct snapshot *s);

#endif
