/*
 * The progress file: what sinks have acknowledged, so that a run that was killed goes on behind it.
 * Lines are appended and synced; the last one may be cut off by a crash, and is dropped then.
 *
 *	pgcdc-dump 1 SYSTEM-IDENTIFIER DATABASE-OID
 *	snapshot N XMIN LSN TIMELINE        the N-th, from 1 on
 *	read OID FILE FIRST END N           pages of that file of the table were read in it
 *	done                                everything was
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>
#include <stdio.h>

#include "buf.h"
#include "lsn.h"

struct progress {
	const char *path; /* the caller's; NULL: there is none */
	int fd;
	FILE *lines; /* those of earlier runs, until they were read */
	unsigned long number;
	struct buf unsaved;
};

struct progress_entry {
	enum { PROGRESS_SNAPSHOT, PROGRESS_READ, PROGRESS_DONE } kind;
	char xmin[24], lsn[LSN_SIZE], timeline[12]; /* of a snapshot ... */
	uint32_t snapshot;                          /* ... with this number */
	char oid[16];
	unsigned long file;
	uint32_t first, end;
};

/*
 * Open the file at path for this run alone, and make it if it is missing.  0, or the exit code after
 * reporting.
 */
int progress_open(
    struct progress *p, const char *path, const char *system_identifier, const char *database);

/* The next entry of earlier runs: 1; 0: there are no more; or -1 and *err after reporting. */
int progress_next(struct progress *p, struct progress_entry *e, int *err);

/* Tell them once more. */
void progress_rewind(struct progress *p);

/* Append an entry, which progress_save() makes durable. Memory: p->unsaved.failed. */
void progress_add(struct progress *p, const struct progress_entry *e);

/* 0, or the exit code after reporting. */
int progress_save(struct progress *p);

void progress_close(struct progress *p);

#endif
