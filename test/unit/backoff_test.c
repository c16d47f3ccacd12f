/*
 * Waits before a restart.
 */
#include "backoff.h"
#include "said.h"

/* The wait is between half of longest and all of it. */
static int64_t
wait_of(struct backoff *b, int64_t run, int64_t longest)
{
	int64_t wait = backoff_wait(b, run);

	ok(wait >= longest - longest / 2 && wait <= longest, "%lld of at most %lld",
	    (long long)wait, (long long)longest);
	return wait;
}

int
main(void)
{
	struct backoff b = { .min = 1000, .max = 10000 };
	int different = 0;

	wait_of(&b, 0, 1000);
	wait_of(&b, 10000, 2000);
	wait_of(&b, 0, 4000);
	wait_of(&b, 0, 8000);
	wait_of(&b, 0, 10000);
	wait_of(&b, 0, 10000);
	/* It ran for longer than the longest wait: all is well again. */
	wait_of(&b, 10001, 1000);
	wait_of(&b, 0, 2000);

	b = (struct backoff){ .min = 1000000, .max = 1000000 };
	for (int i = 0; i < 20; i++)
		different += wait_of(&b, 0, 1000000) != 1000000;
	ok(different > 10, "waits differ");

	b = (struct backoff){ .min = 1, .max = INT64_MAX };
	for (int i = 0; i < 70; i++)
		backoff_wait(&b, 0);
	wait_of(&b, 0, INT64_MAX);
	return tap_done();
}
