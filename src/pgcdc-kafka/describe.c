#include <stdio.h>
#include <string.h>

#include "client.h"
#include "describe.h"
#include "log.h"
#include "loop.h"

/* Milliseconds for an answer of the broker before others are served. */
#define PATIENCE 250

static int
wait_more(const struct describe_waiter *w)
{
	int err = w->serve(w->context);

	if (err != 0)
		return err;
	loop_wait(NULL, 0, loop_now() + 10000);
	return loop_ending() ? log_temporary("the end came before a broker answered") : 0;
}

/* The setting's value from the answer: 0, DESCRIBE_REFUSED, or the exit code after reporting. */
static int
take_answer(rd_kafka_event_t *event, const char *setting, char *value, size_t size)
{
	const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(
	    event);
	const rd_kafka_ConfigResource_t **resource;
	const rd_kafka_ConfigEntry_t **entry;
	rd_kafka_resp_err_t error = rd_kafka_event_error(event);
	size_t n = 0, entries = 0;

	if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		resource = rd_kafka_DescribeConfigs_result_resources(result, &n);
		error = n == 1 ? rd_kafka_ConfigResource_error(resource[0])
		               : RD_KAFKA_RESP_ERR_UNKNOWN;
	}
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
		snprintf(value, size, "%s", rd_kafka_err2str(error));
		return DESCRIBE_REFUSED;
	}
	entry = rd_kafka_ConfigResource_configs(resource[0], &entries);
	for (size_t i = 0; i < entries; i++)
		if (strcmp(rd_kafka_ConfigEntry_name(entry[i]), setting) == 0 &&
		    rd_kafka_ConfigEntry_value(entry[i]) != NULL) {
			snprintf(value, size, "%s", rd_kafka_ConfigEntry_value(entry[i]));
			return 0;
		}
	snprintf(value, size, "it has no setting \"%s\"", setting);
	return DESCRIBE_REFUSED;
}

static int
describe(rd_kafka_t *rk, rd_kafka_ResourceType_t type, const char *name, const char *setting,
    char *value, size_t size, const struct describe_waiter *w)
{
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(type, name);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_event_t *event;
	int err = 0;

	rd_kafka_DescribeConfigs(rk, &resource, 1, NULL, queue);
	while (err == 0 && (event = rd_kafka_queue_poll(queue, PATIENCE)) == NULL)
		err = wait_more(w);
	if (err == 0) {
		err = take_answer(event, setting, value, size);
		rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_ConfigResource_destroy(resource);
	return err;
}

int
describe_topic(rd_kafka_t *rk, const char *topic, const char *setting, char *value, size_t size,
    const struct describe_waiter *w)
{
	return describe(rk, RD_KAFKA_RESOURCE_TOPIC, topic, setting, value, size, w);
}

int
describe_broker(
    rd_kafka_t *rk, const char *setting, char *value, size_t size, const struct describe_waiter *w)
{
	const rd_kafka_metadata_t *metadata;
	rd_kafka_resp_err_t error;
	char id[16] = "";
	int err;

	while (*id == '\0') {
		error = rd_kafka_metadata(rk, 0, NULL, &metadata, PATIENCE);
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
			if (metadata->broker_cnt > 0)
				snprintf(id, sizeof(id), "%d", metadata->brokers[0].id);
			rd_kafka_metadata_destroy(metadata);
		} else if ((err = client_judge(rk, error, rd_kafka_err2str(error))) != 0) {
			return err;
		}
		if (*id == '\0' && (err = wait_more(w)) != 0)
			return err;
	}
	return describe(rk, RD_KAFKA_RESOURCE_BROKER, id, setting, value, size, w);
}
