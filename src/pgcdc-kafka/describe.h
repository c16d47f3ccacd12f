/* Settings of brokers and topics, as a broker tells them (Kafka protocol, DescribeConfigs). */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <librdkafka/rdkafka.h>
#include <stddef.h>

/* What is called while a broker is waited for: 0, or an exit code that ends the wait. */
struct describe_waiter {
	int (*serve)(void *context);
	void *context;
};

/* The broker does not let us look: rd_kafka_err2str() of it is in the value. */
#define DESCRIBE_REFUSED (-1)

/*
 * The value of a setting of a topic.  0, DESCRIBE_REFUSED, or the exit code after reporting.
 */
int describe_topic(rd_kafka_t *rk, const char *topic, const char *setting, char *value, size_t size,
    const struct describe_waiter *w);

/* The same of a broker, of any of the cluster's. */
int describe_broker(
    rd_kafka_t *rk, const char *setting, char *value, size_t size, const struct describe_waiter *w);

#endif
