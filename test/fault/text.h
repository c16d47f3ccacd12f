/*
 * Random texts that prove themselves, see tables.h: letters, escapes, any
 * script, short and long.
 */
#ifndef TEXT_H
#define TEXT_H

#include "prng.h"

/* Allocated; ends the program when memory is short. */
char *text_random(struct prng *p);

#endif
