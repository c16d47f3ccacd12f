/* What tokens stand for: partitions may be committed up to where they had come, and no further. */
#include <stdlib.h>

#include "marks.h"
#include "tap.h"

static struct partitions partitions;

static void
take(struct partition *p, int64_t next)
{
	p->unmarked += (uint64_t)(next - p->next);
	p->next = next;
	p->is_dirty = 1;
}

static void
in_order(void)
{
	struct marks m = { .n = 0 };
	struct partition *a = partition_add(&partitions, "t", 0, 100);
	struct partition *b = partition_add(&partitions, "t", 1, 5);

	take(a, 103);
	take(b, 6);
	ok(marks_add(&m, 1, a) == 0 && marks_add(&m, 1, b) == 0, "two partitions before a token");
	ok(!a->is_dirty && a->unmarked == 0, "they are in a mark now");
	take(a, 110);
	marks_add(&m, 2, a);
	is_int(m.messages, 11, "all messages wait");
	is_int(a->acked, 100, "nothing is acknowledged");
	marks_acked(&m, 0);
	is_int(a->acked, 100, "the start is no token");
	marks_acked(&m, 1);
	is_int(a->acked, 103, "up to the first token");
	is_int(b->acked, 6, "... of both");
	is_int(m.messages, 7, "the others wait");
	marks_acked(&m, 1);
	is_int(a->acked, 103, "the same again says nothing");
	marks_acked(&m, 9);
	is_int(a->acked, 110, "a later one says all before");
	is_int(m.messages, 0, "nothing waits");
	marks_free(&m);
}

static void
given_up(void)
{
	struct marks m = { .n = 0 };
	struct partition *a = partition_find(&partitions, "t", 0);
	struct partition *b = partition_find(&partitions, "t", 1);

	take(a, 120);
	take(b, 20);
	marks_add(&m, 3, a);
	marks_add(&m, 3, b);
	marks_forget(&m, a);
	marks_acked(&m, 3);
	is_int(a->acked, 110, "a partition that was given up gets no ack");
	is_int(b->acked, 20, "the other one does");
	is_int(m.messages, 0, "and its messages do not wait any more");
	marks_free(&m);
}

static void
many(void)
{
	struct marks m = { .n = 0 };
	struct partition *a = partition_find(&partitions, "t", 0);
	uint64_t token = 10;
	int right = 1;

	a->next = a->acked = 0;
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 37; i++) {
			take(a, a->next + 1);
			right &= marks_add(&m, ++token, a) == 0;
		}
		marks_acked(&m, token - 20);
		right &= a->acked == a->next - 20 && m.messages == 20;
	}
	ok(right, "the ring grows and turns");
	marks_free(&m);
}

static void
partitions_come_and_go(void)
{
	struct partition *a = partition_find(&partitions, "t", 0);

	ok(partition_find(&partitions, "t", 2) == NULL, "a partition that we do not have");
	ok(partition_find(&partitions, "u", 0) == NULL, "... nor that of another topic");
	partition_remove(&partitions, a);
	ok(partition_find(&partitions, "t", 0) == NULL, "one that was given up");
	ok(partition_find(&partitions, "t", 1) != NULL, "the other one stays");
	partition_free(&partitions);
}

int
main(void)
{
	in_order();
	given_up();
	many();
	partitions_come_and_go();
	return tap_done();
}
