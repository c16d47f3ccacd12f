/* Blocks of input: each is freed when, and not before, all units below its number are done. */
#include <stdlib.h>

#include "blocks.h"
#include "tap.h"

static void
keep(struct blocks *b, size_t size, uint64_t until)
{
	char *memory = malloc(size);

	if (memory == NULL || blocks_keep(b, memory, size, until) != 0)
		abort();
	memset(memory, 'x', size);
}

int
main(void)
{
	struct blocks b = { 0 };

	blocks_done(&b, 10);
	is_int(b.bytes, 0, "nothing is kept at first");
	keep(&b, 100, 12);
	keep(&b, 1000, 20);
	keep(&b, 10000, 20);
	is_int(b.bytes, 11100, "three blocks");
	blocks_done(&b, 11);
	is_int(b.bytes, 11100, "a unit of the first is on its way");
	blocks_done(&b, 12);
	is_int(b.bytes, 11000, "all below its number are done");
	blocks_done(&b, 19);
	is_int(b.bytes, 11000, "not yet all of the others");
	for (uint64_t i = 0; i < 1000; i++) {
		keep(&b, 1, 21 + i);
		blocks_done(&b, 20 + i);
	}
	is_int(b.bytes, 1, "they go in their order");
	ok(b.queue.cap < 65536, "and the list does not grow by those that went");
	blocks_free(&b);
	return tap_done();
}
