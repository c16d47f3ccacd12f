/*
 * Fewer wake-ups under load.  A walsender pays for waking an eager reader with
 * each send, so over TCP the receive low-water mark is raised while data
 * pours in and the wait is bounded by three milliseconds; when it trickles, every
 * byte wakes us.  On a Unix socket, where the kernel has no such mark, nothing is done.
 */
#ifndef BURST_H
#define BURST_H

#include <stddef.h>
#include <stdint.h>

struct burst {
	int fd;
	int possible; /* the socket has a low-water mark */
	int on;
	int64_t since; /* the rate is measured from here ... */
	size_t bytes;  /* ... and this has come */
};

void burst_init(struct burst *b, int fd);

/* So many bytes came at once, perhaps none. */
void burst_received(struct burst *b, size_t bytes);

/* Every byte shall wake us again, whatever comes. */
void burst_end(struct burst *b);

/* The deadline of the next wait; after it the socket has to be read in any case. */
int64_t burst_deadline(const struct burst *b, int64_t deadline);

#endif
