/*
 * What the checker finds: each is counted, the first ones are printed with the
 * place in the recording.
 */
#ifndef PROBLEM_H
#define PROBLEM_H

/* The place that problems are found at; line 0: none. */
void problem_at(const char *file, long line);

void problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

long problem_count(void);

#endif
