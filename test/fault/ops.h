/*
 * What a transaction of the workload may do. Each counts its changes in the client;
 * 0, or -1 when the transaction is broken.
 *
 * A key is changed only under an advisory lock of the transaction, so that its
 * counter rises in the order of commits.  A lock that another holds is not
 * waited for: the operation does nothing.
 */
#ifndef OPS_H
#define OPS_H

#include "client.h"

/* Any operation, or a savepoint with some in it. */
int ops_random(struct client *c);

/* Changes that no publication carries. */
int ops_noise(struct client *c);

/* 1 when the lock is ours now, 0 when it is not, -1. */
int ops_lock(struct client *c, enum table_id t, int id);

/* An id of the client's own, mostly, or one that all share. */
int ops_id(struct client *c);

/* Operations of ops_tables.c, on tables of a kind of their own. */
int ops_toast(struct client *c);
int ops_nokey(struct client *c);
int ops_byindex(struct client *c);
int ops_bulk(struct client *c);
int ops_truncate(struct client *c);
int ops_ddl(struct client *c);
int ops_message(struct client *c);

#endif
