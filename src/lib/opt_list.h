/* Options that are lists: what they are given is copied, and added to what is there. */
#ifndef OPT_LIST_H
#define OPT_LIST_H

#include "opt.h"

/* Items between these characters. 0, or -1: one is empty, or no memory. */
int opt_list_add(struct opt_list *list, const char *s, const char *between);

/*
 * Pairs, each NAME=VALUE.  A value may have commas, so only blanks of the environment part one pair
 * from the next.  0, or -1: one is no pair, or no memory.
 */
int opt_list_add_pairs(struct opt_list *list, const char *s, int in_environment);

#endif
