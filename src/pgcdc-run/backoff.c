#include <sys/random.h>

#include "backoff.h"

int64_t
backoff_wait(struct backoff *b, int64_t run)
{
	uint64_t random = 0;
	int64_t longest;

	if (run > b->max || b->next < b->min)
		b->next = b->min;
	longest = b->next;
	b->next = longest > b->max / 2 ? b->max : 2 * longest;
	/* Without random bytes all lines wait for the shortest time. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = 0;
	return longest - longest / 2 + (int64_t)(random % (uint64_t)(longest / 2 + 1));
}
