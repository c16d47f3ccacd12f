/* What may be confirmed. An argument is the seed of the random run. */
#include <stdint.h>
#include <stdlib.h>

#include "../fault/prng.h"
#include "confirm.h"
#include "tap.h"

static char index_name[] = "index", hook_name[] = "hook";
static char *two_names[] = { index_name, hook_name };
static const struct opt_list nobody, both = { .item = two_names, .n = 2 };

static const char *const answers[] = {
	[CONFIRM_TAKEN] = "taken",
	[CONFIRM_REPEATED] = "repeated",
	[CONFIRM_BELOW] = "below",
	[CONFIRM_BEYOND] = "beyond",
	[CONFIRM_UNKNOWN] = "unknown",
	[CONFIRM_SECOND] = "second",
};

#define is_answer(c, name, token, want)                                                     \
	is_str(answers[confirm_ack((c), (name), (token))], want, "ack of %d by \"%s\": %s", \
	    (int)(token), name, want)

static struct confirm
start(uint64_t position, const struct opt_list *wait_for)
{
	struct confirm c;

	if (confirm_init(&c, position, wait_for) != 0)
		abort();
	return c;
}

static void
one_sink(void)
{
	struct confirm c = start(100, &nobody);

	is_int(c.position, 100, "the slot's own position at first");
	ok(confirm_all_acked(&c), "nothing is emitted: all is acknowledged");
	is_str(confirm_slowest(&c), NULL, "there is no sink yet");
	confirm_emitted(&c, 200);
	confirm_emitted(&c, 300);
	is_int(c.position, 100, "what is emitted only is not confirmed");
	is_answer(&c, "", 100, "repeated");
	ok(!confirm_all_acked(&c), "... and not acknowledged");
	is_answer(&c, "", 200, "taken");
	is_int(c.position, 200, "the position follows the ack");
	is_int(c.acked, 200, "... and so does the newest token");
	is_str(confirm_slowest(&c), "", "a sink without a name");
	is_answer(&c, "", 200, "repeated");
	is_answer(&c, "", 300, "taken");
	ok(confirm_all_acked(&c) && c.position == 300, "all acknowledged");
	is_answer(&c, "", 300, "repeated");
	confirm_free(&c);
}

/* Whatever strays, the position stays. */
static void
strays(void)
{
	struct confirm c = start(100, &nobody);

	confirm_emitted(&c, 200);
	confirm_emitted(&c, 300);
	is_answer(&c, "a", 301, "beyond");
	is_answer(&c, "a", UINT64_MAX, "beyond");
	is_answer(&c, "a", 99, "below");
	is_answer(&c, "a", 0, "below");
	is_int(c.position, 100, "the position stays");
	is_answer(&c, "a", 200, "taken");
	is_answer(&c, "a", 199, "below");
	is_answer(&c, "b", 300, "second");
	is_answer(&c, "", 300, "second");
	is_answer(&c, "b", 301, "beyond");
	is_int(c.position, 200, "the position stays");
	ok(!confirm_all_acked(&c), "a second name has acknowledged nothing");
	is_int(c.n, 1, "... and is not waited for");
	is_str(confirm_slowest(&c), "a", "the first one is");
	confirm_free(&c);

	/* A stray before anything was taken must not become the name. */
	c = start(100, &nobody);
	confirm_emitted(&c, 200);
	is_answer(&c, "stray", 999, "beyond");
	is_answer(&c, "stray", 1, "below");
	is_answer(&c, "sink", 200, "taken");
	is_int(c.position, 200, "a stray name before the first ack does not count");
	confirm_free(&c);
}

static void
names(void)
{
	struct confirm c = start(100, &both);

	confirm_emitted(&c, 200);
	confirm_emitted(&c, 300);
	is_answer(&c, "index", 300, "taken");
	is_int(c.position, 100, "nothing until each has acknowledged something");
	is_int(c.acked, 100, "... nor is it the newest token of all");
	ok(!confirm_all_acked(&c), "... and not all is acknowledged");
	is_str(confirm_slowest(&c), "hook", "it is the other that holds back");
	is_answer(&c, "hook", 200, "taken");
	is_int(c.position, 200, "the least of both");
	is_answer(&c, "index", 300, "repeated");
	is_answer(&c, "other", 300, "unknown");
	is_answer(&c, "", 300, "unknown");
	is_answer(&c, "other", 999, "unknown");
	is_answer(&c, "hook", 999, "beyond");
	is_answer(&c, "hook", 150, "below");
	is_int(c.position, 200, "the position stays");
	is_answer(&c, "hook", 300, "taken");
	ok(confirm_all_acked(&c) && c.position == 300, "all acknowledged");
	confirm_free(&c);

	/* A name ahead may fall back in what it says: a sink that came anew. */
	c = start(100, &both);
	confirm_emitted(&c, 200);
	confirm_emitted(&c, 300);
	is_answer(&c, "index", 300, "taken");
	is_answer(&c, "index", 200, "repeated");
	is_answer(&c, "hook", 300, "taken");
	is_int(c.position, 300, "what was durable once stays so");
	confirm_free(&c);
}

/* --wait-for=hook,hook waits for one sink. */
static void
same_name_twice(void)
{
	static char *twice[] = { hook_name, hook_name };
	struct confirm c = start(100, &(struct opt_list){ .item = twice, .n = 2 });

	confirm_emitted(&c, 200);
	is_answer(&c, "hook", 200, "taken");
	is_int(c.position, 200, "a name that was given twice acknowledges once");
	confirm_free(&c);
}

static void
idle(void)
{
	struct confirm c = start(100, &both);

	confirm_idle(&c, 150);
	is_int(c.position, 150, "nothing was emitted: the position follows the server");
	confirm_idle(&c, 120);
	is_int(c.position, 150, "... and never goes back");
	confirm_emitted(&c, 200);
	confirm_idle(&c, 250);
	is_int(c.position, 150, "something is not acknowledged: it stays");
	is_answer(&c, "index", 200, "taken");
	confirm_idle(&c, 260);
	is_int(c.position, 150, "... nor by both");
	confirm_idle(&c, 255);
	is_answer(&c, "hook", 200, "taken");
	is_int(c.position, 260, "all acknowledged: it goes where the server was at last");
	is_int(c.acked, 200, "the newest token is not the position");
	confirm_emitted(&c, 300);
	is_int(c.position, 260, "a new line stops it");
	confirm_idle(&c, 290);
	is_int(c.position, 260, "... also for a position below that line");
	is_answer(&c, "index", 300, "taken");
	is_answer(&c, "hook", 300, "taken");
	is_int(c.position, 300, "an old idle position does not hold it back");
	confirm_free(&c);
}

/* The position can be above all tokens that were acknowledged. */
static void
below_an_idle_position(void)
{
	struct confirm c = start(100, &nobody);

	confirm_emitted(&c, 200);
	is_answer(&c, "a", 200, "taken");
	confirm_idle(&c, 400);
	is_int(c.position, 400, "an idle position");
	is_answer(&c, "a", 200, "repeated");
	confirm_emitted(&c, 500);
	is_answer(&c, "a", 200, "repeated");
	is_answer(&c, "a", 300, "below");
	is_int(c.position, 400, "what is below it does not move it");
	is_int(c.acked, 200, "... and is no token that was acknowledged");
	is_answer(&c, "a", 500, "taken");
	is_int(c.position, 500, "the next token does");
	confirm_free(&c);
}

/*
 * The same by brute force: each token with the names that have acknowledged it.
 */
#define MOST_TOKENS 64
#define NAMES 3

struct token {
	uint64_t lsn;
	int acked[NAMES];
};

struct model {
	struct token tokens[MOST_TOKENS]; /* the first is the start */
	int n;
	uint64_t server; /* nothing above it was sent */
	uint64_t idle;
	uint64_t position; /* the highest that was ever allowed */
};

static int
acked_by_all(const struct token *t, int names)
{
	for (int i = 0; i < names; i++)
		if (!t->acked[i])
			return 0;
	return 1;
}

/* The highest position at which nothing unacknowledged would be skipped. */
static uint64_t
allowed(struct model *m, int names)
{
	uint64_t to = 0;
	int all = 1;

	for (int i = 0; i < m->n; i++) {
		all = all && acked_by_all(&m->tokens[i], names);
		if (all)
			to = m->tokens[i].lsn;
	}
	if (all && m->idle > to)
		to = m->idle;
	if (to > m->position)
		m->position = to;
	return m->position;
}

static void
model_ack(struct model *m, int name, uint64_t lsn)
{
	for (int i = 0; i < m->n; i++)
		if (m->tokens[i].lsn <= lsn)
			m->tokens[i].acked[name] = 1;
}

/* The first token that not all have acknowledged; UINT64_MAX when there is none. */
static uint64_t
first_missing(const struct model *m, int names)
{
	for (int i = 0; i < m->n; i++)
		if (!acked_by_all(&m->tokens[i], names))
			return m->tokens[i].lsn;
	return UINT64_MAX;
}

static void
random_ack(struct prng *p, struct confirm *c, struct model *m, char **who, int names)
{
	const uint64_t newest = m->tokens[m->n - 1].lsn;
	int name = prng_below(p, names);
	uint64_t lsn;

	switch (prng_below(p, 8)) {
	case 0: /* a stray name with a token that all would take */
		confirm_ack(c, "stray", newest);
		break;
	case 1: /* never emitted */
		confirm_ack(c, who[name], newest + 1 + (uint64_t)prng_below(p, 100));
		break;
	case 2: /* long done, or never there */
		confirm_ack(c, who[name], (uint64_t)prng_below(p, (int)m->tokens[0].lsn));
		break;
	case 3:
	case 4:
		lsn = newest;
		confirm_ack(c, who[name], lsn);
		model_ack(m, name, lsn);
		break;
	default:
		lsn = m->tokens[prng_below(p, m->n)].lsn;
		confirm_ack(c, who[name], lsn);
		model_ack(m, name, lsn);
	}
}

static void
random_step(struct prng *p, struct confirm *c, struct model *m, char **who, int names)
{
	int choice = prng_below(p, 10);

	if (choice < 2 && m->n < MOST_TOKENS) {
		m->server += 1 + (uint64_t)prng_below(p, 50);
		m->tokens[m->n++] = (struct token){ .lsn = m->server };
		confirm_emitted(c, m->server);
	} else if (choice < 4) {
		m->server += (uint64_t)prng_below(p, 50);
		m->idle = m->server;
		confirm_idle(c, m->server);
	} else if (choice < 5) {
		/* An old keepalive says nothing new. */
		confirm_idle(c, m->idle);
	} else {
		random_ack(p, c, m, who, names);
	}
	/* Keep the tokens few: forget the oldest that all have. */
	while (
	    m->n > 1 && acked_by_all(&m->tokens[0], names) && acked_by_all(&m->tokens[1], names)) {
		m->n--;
		for (int i = 0; i < m->n; i++)
			m->tokens[i] = m->tokens[i + 1];
	}
}

static const char *
wrong(const struct confirm *c, struct model *m, int names, uint64_t before)
{
	uint64_t missing = first_missing(m, names);

	if (c->position < before)
		return "the position went back";
	if (c->position >= missing)
		return "a token that is not acknowledged was passed";
	if (c->position > m->server)
		return "the position is above what the server has sent";
	if (c->position != allowed(m, names))
		return "the position is not the highest allowed";
	if (confirm_all_acked(c) != (missing == UINT64_MAX))
		return "all acknowledged, or not";
	return NULL;
}

static void
random_run(uint64_t seed)
{
	static char letters[NAMES][2] = { "a", "b", "c" };
	static char *who[NAMES] = { letters[0], letters[1], letters[2] };
	const char *problem = NULL;
	int step = 0;

	for (uint64_t round = 0; round < 100 && problem == NULL; round++) {
		struct prng p = prng_stream(seed, round);
		int names = 1 + prng_below(&p, NAMES), named = names > 1 || prng_percent(&p, 50);
		uint64_t begin = 1000 + (uint64_t)prng_below(&p, 1000);
		struct model m = { .n = 1, .server = begin, .idle = begin, .position = begin };
		struct opt_list list = { .item = who, .n = named ? (size_t)names : 0 };
		struct confirm c = start(begin, &list);

		m.tokens[0].lsn = begin;
		model_ack(&m, 0, begin);
		for (int i = 0; i < names; i++)
			model_ack(&m, i, begin);
		/* Without --wait-for the first name to acknowledge is the sink. */
		if (!named)
			confirm_ack(&c, who[0], begin);
		for (int i = 0; i < 1000 && problem == NULL; i++, step++) {
			uint64_t before = c.position;

			random_step(&p, &c, &m, who, names);
			problem = wrong(&c, &m, names, before);
		}
		confirm_free(&c);
	}
	if (!ok(problem == NULL, "100000 random steps, seed %llu", (unsigned long long)seed))
		printf("#   at step %d: %s\n", step, problem);
}

/* A position inside a commit record would make the server take it for one behind it. */
static void
between_tokens(void)
{
	struct confirm c = start(100, &nobody);

	confirm_emitted(&c, 200);
	confirm_emitted(&c, 300);
	confirm_emitted(&c, 400);
	is_answer(&c, "a", 150, "repeated");
	is_int(c.position, 100, "below the first token nothing moves");
	is_answer(&c, "a", 399, "taken");
	is_int(c.position, 300, "an LSN between two tokens counts as the lower one");
	is_answer(&c, "a", 350, "repeated");
	is_int(c.position, 300, "... again");
	ok(!confirm_all_acked(&c), "the last is not acknowledged");
	is_answer(&c, "a", 400, "taken");
	is_int(c.position, 400, "and then it is");
	confirm_free(&c);
}

/* More than are kept: what is forgotten counts as less, never as more. */
static void
very_many_tokens(void)
{
	struct confirm c = start(100, &nobody);
	const uint64_t last = 100 + 10 * 1000 * 1000;
	int never_more = 1;

	for (uint64_t token = 110; token <= last; token += 10)
		confirm_emitted(&c, token);
	for (uint64_t token = 105; token < last; token += 99995) {
		confirm_ack(&c, "a", token);
		never_more &= c.position <= token && (c.position - 100) % 10 == 0;
	}
	ok(never_more, "a million tokens: no ack confirms more than it says");
	ok(c.position > last - 200000, "... nor much less");
	is_answer(&c, "a", last, "taken");
	ok(c.position == last && confirm_all_acked(&c), "... and the last is the last");
	confirm_free(&c);
}

int
main(int argc, char **argv)
{
	between_tokens();
	very_many_tokens();
	one_sink();
	strays();
	names();
	same_name_twice();
	idle();
	below_an_idle_position();
	random_run(argc > 1 ? strtoull(argv[1], NULL, 10) : 1);
	return tap_done();
}
