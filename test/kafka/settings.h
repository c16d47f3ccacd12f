/* The settings of a topic or a broker. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <librdkafka/rdkafka.h>

/* The commands "config": the name of the topic or broker, then NAME or NAME=VALUE. */
void settings_of_topic(int n, char **args);
void settings_of_broker(int n, char **args);

/* Cuts the word at its "=", and returns what follows that; NULL if there is none. */
char *settings_value(char *word);

#endif
