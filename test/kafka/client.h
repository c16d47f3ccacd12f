/*
 * The connection to the broker, and how its answers are waited for.  What goes wrong ends the
 * program with a message.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <librdkafka/rdkafka.h>

enum { CLIENT_USAGE = 100, CLIENT_FAILED = 111, CLIENT_PATIENCE_MS = 10000 };

extern rd_kafka_t *client;
extern rd_kafka_queue_t *client_queue; /* where requests shall put their answers */

void client_open(const char *address);
void client_close(void);

/* The answer to the last request; client_answer() has looked that it is not an error as a whole. */
rd_kafka_event_t *client_event(void);
rd_kafka_event_t *client_answer(void);

/* Before one more look whether the broker knows of what it did to "name". */
void client_pause(const char *name, int looks);

#endif
