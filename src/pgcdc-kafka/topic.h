/*
 * Names of topics: one for all events, or a template with a topic for each table.
 *
 * In a template %{schema} and %{table} stand for the names of a row's table.  Kafka allows letters,
 * digits, '.', '_' and '-' in the name of a topic, at most 249 of them (Kafka documentation,
 * "Topic naming").  So in the names of schemas and tables every other byte, and '.' and '-'
 * themselves, become "-XX" with two hexadecimal digits: two tables never share a topic by that.
 */
#ifndef TOPIC_H
#define TOPIC_H

#include <stddef.h>

#define TOPIC_SIZE 250 /* with the NUL */

/* Is it a template, or a plain name? */
int topic_is_template(const char *topic);

/* Is the name or template of --topic one? 0, or the exit code after reporting. */
int topic_check(const char *topic);

/* Has a text only characters that the name of a topic may have? */
int topic_may_have(const char *text);

/*
 * The topic of a table, whose names have these lengths.  0, or -1: it would be longer than Kafka
 * allows.
 */
int topic_expand(char dst[TOPIC_SIZE], const char *template, const char *schema, size_t schema_len,
    const char *table, size_t table_len);

/* Could it be the topic of a table? */
int topic_matches(const char *template, const char *name);

#endif
