/* The commands about topics, with the number of their arguments and these. */
#ifndef TOPIC_H
#define TOPIC_H

#include <stdint.h>

void topic_create(int n, char **args);
void topic_describe(int n, char **args);
void topic_delete(int n, char **args);
void topic_grow(int n, char **args);
void topic_trim(int n, char **args);

/* The offsets of a partition's first message and of the next that it gets. */
void topic_ends(const char *topic, int32_t partition, int64_t *first, int64_t *next);

#endif
