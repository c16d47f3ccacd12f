/* Files of test/data/kafka, which README there describes. */
#ifndef KAFKA_DIALECT_H
#define KAFKA_DIALECT_H

#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

/* Open one of them; root is the source tree, the test's argument. */
static FILE *
dialect_open(const char *root, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/test/data/kafka/%s", root, name);
	ok((f = fopen(path, "r")) != NULL, "open %s", path);
	return f;
}

/* The next line, without its LF, in one of two buffers by turns; NULL: there is none. */
static const char *
dialect_line(FILE *f)
{
	static char text[2][16384];
	static int turn;
	char *line = text[turn ^= 1];

	if (f == NULL || fgets(line, sizeof(text[0]), f) == NULL)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

#endif
