#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confirm.h"

#define FIRST_TOKENS ((size_t)256)
#define MOST_TOKENS ((size_t)256 * 1024) /* 2 MiB */

static int
add_name(struct confirm *c, const char *name)
{
	struct confirm_name *grown = realloc(c->names, (c->n + 1) * sizeof(*grown));

	if (grown == NULL)
		return -1;
	c->names = grown;
	snprintf(c->names[c->n].name, sizeof(c->names[c->n].name), "%s", name);
	c->names[c->n++].acked = c->acked;
	return 0;
}

static struct confirm_name *
find_name(struct confirm *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->names[i].name, name) == 0)
			return &c->names[i];
	return NULL;
}

int
confirm_init(struct confirm *c, uint64_t start, const struct opt_list *wait_for)
{
	*c = (struct confirm){ .emitted = start,
		.idle = start,
		.acked = start,
		.position = start,
		.named = wait_for->n > 0 };
	for (size_t i = 0; i < wait_for->n; i++)
		if (find_name(c, wait_for->item[i]) == NULL && add_name(c, wait_for->item[i]) != 0)
			return -1;
	return 0;
}

void
confirm_free(struct confirm *c)
{
	free(c->names);
	free(c->tokens);
}

int
confirm_all_acked(const struct confirm *c)
{
	return c->acked == c->emitted;
}

static void
advance(struct confirm *c)
{
	uint64_t to = c->acked;

	if (confirm_all_acked(c) && c->idle > to)
		to = c->idle;
	if (to > c->position)
		c->position = to;
}

/* Forget every second token, from the oldest on. */
static void
thin_out(struct confirm *c)
{
	size_t kept = 0;

	for (size_t i = 1; i < c->n_tokens; i += 2)
		c->tokens[kept++] = c->tokens[c->first + i];
	c->first = 0;
	c->n_tokens = kept;
}

/* Make room for one more behind the last. */
static void
make_room(struct confirm *c)
{
	size_t cap = c->cap == 0 ? FIRST_TOKENS : 2 * c->cap;
	uint64_t *grown = NULL;

	if (c->first > c->cap / 2) {
		memmove(c->tokens, c->tokens + c->first, c->n_tokens * sizeof(*c->tokens));
		c->first = 0;
		return;
	}
	if (cap <= MOST_TOKENS)
		grown = realloc(c->tokens, cap * sizeof(*grown));
	if (grown == NULL) {
		thin_out(c);
		return;
	}
	c->tokens = grown;
	c->cap = cap;
}

void
confirm_emitted(struct confirm *c, uint64_t token)
{
	c->emitted = token;
	if (c->first + c->n_tokens == c->cap)
		make_room(c);
	if (c->cap > 0)
		c->tokens[c->first + c->n_tokens++] = token;
}

/* How many tokens are at or below lsn. */
static size_t
count_up_to(const struct confirm *c, uint64_t lsn)
{
	size_t low = 0, high = c->n_tokens;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->tokens[c->first + middle] <= lsn)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* All names have acknowledged c->acked: what is at or below it is done with. */
static void
forget_acked(struct confirm *c)
{
	size_t n = count_up_to(c, c->acked);

	c->first += n;
	c->n_tokens -= n;
	if (c->n_tokens == 0)
		c->first = 0;
}

void
confirm_idle(struct confirm *c, uint64_t lsn)
{
	if (lsn > c->idle)
		c->idle = lsn;
	advance(c);
}

const char *
confirm_slowest(const struct confirm *c)
{
	const struct confirm_name *slowest = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (slowest == NULL || c->names[i].acked < slowest->acked)
			slowest = &c->names[i];
	return slowest != NULL ? slowest->name : NULL;
}

enum confirm_answer
confirm_ack(struct confirm *c, const char *name, uint64_t token)
{
	struct confirm_name *who = find_name(c, name);
	uint64_t least;
	size_t below;

	if (who == NULL && c->named)
		return CONFIRM_UNKNOWN;
	if (token > c->emitted)
		return CONFIRM_BEYOND;
	if (who != NULL && token == who->acked)
		return CONFIRM_REPEATED;
	if (token < c->position)
		return CONFIRM_BELOW;
	if (who == NULL && c->n > 0)
		return CONFIRM_SECOND;
	if (who == NULL) {
		if (add_name(c, name) != 0)
			return CONFIRM_UNKNOWN;
		who = &c->names[0];
	}
	below = count_up_to(c, token);
	if (below > 0 && token != c->emitted)
		token = c->tokens[c->first + below - 1];
	if (token <= who->acked || (below == 0 && token != c->emitted))
		return CONFIRM_REPEATED;
	who->acked = least = token;
	for (size_t i = 0; i < c->n; i++)
		if (c->names[i].acked < least)
			least = c->names[i].acked;
	c->acked = least;
	forget_acked(c);
	advance(c);
	return CONFIRM_TAKEN;
}
