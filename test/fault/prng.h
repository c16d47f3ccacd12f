/*
 * A small random generator: the same seed gives the same choices anywhere.
 * splitmix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
 * Generators", OOPSLA 2014).
 */
#ifndef PRNG_H
#define PRNG_H

#include <stdint.h>

struct prng {
	uint64_t state;
};

static inline uint64_t
prng_next(struct prng *p)
{
	uint64_t z = p->state += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

/* A stream of its own for each (seed, number). */
static inline struct prng
prng_stream(uint64_t seed, uint64_t number)
{
	struct prng p = { seed };

	p.state = prng_next(&p) + number;
	p.state = prng_next(&p);
	return p;
}

/* From 0 to n - 1. */
static inline int
prng_below(struct prng *p, int n)
{
	return (int)(prng_next(p) % (uint64_t)n);
}

/* From low to high. */
static inline int
prng_between(struct prng *p, int low, int high)
{
	return low + prng_below(p, high - low + 1);
}

static inline int
prng_percent(struct prng *p, int percent)
{
	return prng_below(p, 100) < percent;
}

#endif
