#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "burst.h"
#include "loop.h"

/*
 * More than what comes in a nap, mostly; the kernel also makes the receive buffer as
 * large as that needs.  While the buffer is not read the sender's window of segments
 * stays full, so that what a walsender sends a message at a time leaves as large segments.
 */
#define LOW_WATER (512 * 1024)
#define LONGEST_NAP 3000 /* microseconds */

/* Bytes a millisecond: from here on it is a burst, below that it is over. */
#define POURING (8 * 1024)
#define TRICKLING (4 * 1024)

static void
set_low_water(const struct burst *b, int bytes)
{
	setsockopt(b->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

/*
 * The walsender's many small segments fill its send buffer until they are
 * acknowledged, and the kernel delays that for 40 ms once we have sent something.
 */
static void
acknowledge_now(const struct burst *b)
{
	int yes = 1;

	setsockopt(b->fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
}

void
burst_init(struct burst *b, int fd)
{
	int domain = AF_UNSPEC;
	socklen_t len = sizeof(domain);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	*b = (struct burst){
		.fd = fd, .possible = domain == AF_INET || domain == AF_INET6, .since = loop_now()
	};
}

void
burst_received(struct burst *b, size_t bytes)
{
	int64_t now = loop_now(), elapsed = now - b->since;
	size_t rate;

	if (!b->possible)
		return;
	if (bytes > 0)
		acknowledge_now(b);
	b->bytes += bytes;
	if (elapsed >= LONGEST_NAP) {
		rate = b->bytes * 1000 / (size_t)elapsed;
		if (!b->on && rate >= POURING) {
			set_low_water(b, LOW_WATER);
			b->on = 1;
		} else if (rate < TRICKLING) {
			burst_end(b);
		}
		b->since = now;
		b->bytes = 0;
	}
}

void
burst_end(struct burst *b)
{
	if (b->on)
		set_low_water(b, 1);
	b->on = 0;
}

int64_t
burst_deadline(const struct burst *b, int64_t deadline)
{
	int64_t nap;

	if (!b->on)
		return deadline;
	nap = loop_now() + LONGEST_NAP;
	return nap < deadline ? nap : deadline;
}
