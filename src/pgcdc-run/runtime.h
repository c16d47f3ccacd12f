/*
 * The runtime folder: nobody else's, for the ack FIFO.
 */
#ifndef RUNTIME_H
#define RUNTIME_H

#include "settings.h"

struct runtime {
	char *path;
	int is_temporary; /* made here, and removed by runtime_close() */
	int lock;         /* descriptor of a temporary one that is locked, or -1 */
};

/*
 * Take the folder named wanted, made if it is missing; with NULL that of systemd
 * ($RUNTIME_DIRECTORY), else a temporary one, which has the pipeline's name unless another
 * process uses that: so what SIGKILL leaves behind is found again.  0, or the exit code after
 * reporting.
 */
int runtime_open(struct runtime *r, const struct settings *s);

/* The path that runtime_open() would take, NULL for a temporary one.  In a static buffer. */
const char *runtime_wanted(const char *wanted);

/* Remove a temporary folder and the ack FIFO in it. */
void runtime_close(struct runtime *r);

#endif
