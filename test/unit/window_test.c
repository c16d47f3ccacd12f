/* The watermark: tokens come exactly when all units before them are done, in any order. */
#include <stdlib.h>

#include "tap.h"
#include "window.h"

static uint64_t
add(struct window *w)
{
	uint64_t unit = UINT64_MAX;

	if (window_add(w, &unit) != 0)
		abort();
	return unit;
}

static void
mark(struct window *w, const char *token)
{
	if (window_mark(w, token, strlen(token)) != 0)
		abort();
}

static void
in_words(void)
{
	struct window w = { 0 };

	ok(window_token(&w) == NULL, "nothing was added: no token");
	mark(&w, "0/1");
	is_str(window_token(&w), "0/1", "a mark behind nothing holds at once");
	ok(window_token(&w) == NULL, "... once");

	is_int(add(&w), 0, "units are numbered from 0");
	is_int(add(&w), 1, "... on");
	mark(&w, "0/2");
	is_int(add(&w), 2, "a unit behind the mark");
	window_done(&w, 1);
	ok(window_token(&w) == NULL, "the second is done, the first is not");
	is_int(w.open, 2, "two are open");
	window_done(&w, 0);
	is_str(
	    window_token(&w), "0/2", "both are done; what comes behind the mark does not matter");
	mark(&w, "0/3");
	mark(&w, "0/4");
	ok(window_token(&w) == NULL, "marks behind an open unit wait");
	window_done(&w, 2);
	is_str(window_token(&w), "0/4", "of several the newest");
	ok(window_token(&w) == NULL, "... and the older ones are forgotten");
	is_int(w.open, 0, "none is open");
	window_free(&w);
}

static void
long_token(void)
{
	struct window w = { 0 };
	char token[ACK_TOKEN_SIZE];

	memset(token, 'x', sizeof(token) - 1);
	token[sizeof(token) - 1] = '\0';
	mark(&w, token);
	is_str(window_token(&w), token, "the longest token there can be");
	window_free(&w);
}

/* All of a large batch at once, in these orders, over the growth of the ring and its ends. */
static void
orders(void)
{
	enum { N = 10000 };
	struct window w = { 0 };
	static uint64_t unit[N];
	int early = 0;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++)
			unit[i] = add(&w);
		mark(&w, "end");
		for (int i = 0; i < N; i++) {
			early += window_token(&w) != NULL;
			window_done(&w, round == 0   ? unit[i]
					: round == 1 ? unit[N - 1 - i]
						     : unit[(i * 7 + 3) % N]);
		}
		is_int(early, 0, "order %d: no token before the last unit", round);
		is_str(window_token(&w), "end", "... and then it is there");
	}
	ok(w.cap <= 32768, "the ring has grown to what was open, and no further");
	window_free(&w);
}

/* As many open units as the ring has bits, or one more or less, from each bit of a word on. */
static void
full_ring(void)
{
	int early = 0, late = 0;

	for (int skip = 0; skip < 70; skip++)
		for (int n = 4095; n <= 4098; n++) {
			struct window w = { 0 };
			uint64_t oldest;

			for (int i = 0; i < skip; i++)
				window_done(&w, add(&w));
			oldest = add(&w);
			for (int i = 1; i < n; i++)
				add(&w);
			mark(&w, "end");
			for (uint64_t unit = w.next; --unit > oldest;) {
				window_done(&w, unit);
				early += window_token(&w) != NULL;
			}
			window_done(&w, oldest);
			late += window_token(&w) == NULL;
			window_free(&w);
		}
	is_int(early, 0, "a full ring: no token before the last unit");
	is_int(late, 0, "... and then it is there");
}

/* Against the plain rule, with at most `most` units open. */
static void
at_random(unsigned seed, int most)
{
	enum { N = 30000 };
	static unsigned char done[N];
	static int mark_at[N];
	static uint64_t open[N];
	struct window w = { 0 };
	int n = 0, n_open = 0, n_marks = 0, given = 0, wrong = 0;

	printf("# seed %u, at most %d open\n", seed, most);
	srand(seed);
	memset(done, 0, sizeof(done));
	while (n < N || n_open > 0) {
		int what = rand() % 8, newest = 0, from;
		const char *token;

		if (what < 4 && n < N && n_open < most) {
			open[n_open++] = add(&w);
			n++;
		} else if (what < 5 && n_marks < N) {
			char text[16];

			mark_at[n_marks++] = n;
			snprintf(text, sizeof(text), "%d", n_marks);
			mark(&w, text);
		} else if (n_open > 0) {
			/* mostly one of the oldest, as a broker answers */
			from = rand() % 4 != 0 ? rand() % (n_open < 8 ? n_open : 8)
			                       : rand() % n_open;
			window_done(&w, open[from]);
			done[open[from]] = 1;
			memmove(&open[from], &open[from + 1], (--n_open - from) * sizeof(*open));
		}
		for (from = given > 0 ? mark_at[given - 1] : 0;
		     given + newest < n_marks && from <= mark_at[given + newest];) {
			if (from == mark_at[given + newest])
				newest++;
			else if (!done[from++])
				break;
		}
		token = window_token(&w);
		wrong += (newest > 0) != (token != NULL) ||
		         (token != NULL && atoi(token) != given + newest);
		given += newest;
	}
	is_int(wrong, 0, "%d units and %d marks at random", n, n_marks);
	is_int(w.open, 0, "none is open at the end");
	window_free(&w);
}

int
main(void)
{
	in_words();
	long_token();
	orders();
	full_ring();
	for (unsigned seed = 1; seed <= 20; seed++)
		at_random(seed, (int)(1u << seed % 15));
	return tap_done();
}
