#include <stdlib.h>

#include "blocks.h"

struct block {
	char *memory;
	size_t size;
	uint64_t until;
};

int
blocks_keep(struct blocks *b, char *memory, size_t size, uint64_t until)
{
	const struct block block = { memory, size, until };

	if (b->freed > 0 && b->freed >= b->queue.len / 2) {
		buf_drop(&b->queue, b->freed);
		b->freed = 0;
	}
	buf_add(&b->queue, &block, sizeof(block));
	if (b->queue.failed) {
		free(memory);
		return -1;
	}
	b->bytes += size;
	return 0;
}

void
blocks_done(struct blocks *b, uint64_t first)
{
	while (b->freed < b->queue.len) {
		struct block block;

		memcpy(&block, b->queue.data + b->freed, sizeof(block));
		if (block.until > first)
			break;
		free(block.memory);
		b->bytes -= block.size;
		b->freed += sizeof(block);
	}
}

void
blocks_free(struct blocks *b)
{
	blocks_done(b, UINT64_MAX);
	buf_free(&b->queue);
}
