#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "settings.h"

char *
settings_value(char *word)
{
	char *equals = strchr(word, '=');

	if (equals == NULL)
		return NULL;
	*equals = '\0';
	return equals + 1;
}

static bool
was_set(const rd_kafka_ConfigEntry_t *entry)
{
	rd_kafka_ConfigSource_t source = rd_kafka_ConfigEntry_source(entry);

	return source == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG ||
	       source == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG;
}

static void
check_resources(const rd_kafka_ConfigResource_t **resources)
{
	if (rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
		errx(CLIENT_FAILED, "%s", rd_kafka_ConfigResource_error_string(resources[0]));
}

/* The settings, until the event is destroyed. */
static rd_kafka_event_t *
describe(rd_kafka_ResourceType_t type, const char *name, const rd_kafka_ConfigEntry_t ***entries,
    size_t *n)
{
	rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(type, name);
	const rd_kafka_ConfigResource_t **resources;
	rd_kafka_event_t *event;

	rd_kafka_DescribeConfigs(client, &asked, 1, NULL, client_queue);
	event = client_answer();
	resources = rd_kafka_DescribeConfigs_result_resources(event, n);
	check_resources(resources);
	*entries = rd_kafka_ConfigResource_configs(resources[0], n);
	rd_kafka_ConfigResource_destroy(asked);
	return event;
}

static const char *
value_of(const char *name, const rd_kafka_ConfigEntry_t **entries, size_t n)
{
	const char *value;

	for (size_t i = 0; i < n; i++)
		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0) {
			value = rd_kafka_ConfigEntry_value(entries[i]);
			return value != NULL ? value : ""; /* nothing, or a secret */
		}
	errx(CLIENT_FAILED, "no setting \"%s\"", name);
}

static bool
among(const char *name, int n, char **names)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Waits until the broker shows a setting so; after it was told to, it takes a while. */
static void
wait_for_value(
    rd_kafka_ResourceType_t type, const char *resource, const char *name, const char *value)
{
	const rd_kafka_ConfigEntry_t **entries;
	rd_kafka_event_t *event;
	size_t count;
	bool shown;

	for (int looks = 0;; looks++) {
		event = describe(type, resource, &entries, &count);
		shown = strcmp(value_of(name, entries, count), value) == 0;
		rd_kafka_event_destroy(event);
		if (shown)
			return;
		client_pause(name, looks);
	}
}

/*
 * Of the two requests of the protocol for this, librdkafka 2.0 has the one that replaces all
 * that was set: so what was set and is not to change goes with it.
 */
static void
config(rd_kafka_ResourceType_t type, int n, char **args)
{
	rd_kafka_ConfigResource_t *wanted = rd_kafka_ConfigResource_new(type, args[0]);
	const rd_kafka_ConfigEntry_t **entries;
	rd_kafka_event_t *event;
	char **values = calloc((size_t)n, sizeof *values);
	size_t count;
	bool changes = false;

	if (values == NULL)
		err(CLIENT_FAILED, NULL);
	event = describe(type, args[0], &entries, &count);
	for (int a = 1; a < n; a++) {
		values[a] = settings_value(args[a]);
		changes |= values[a] != NULL;
		if (values[a] == NULL)
			puts(value_of(args[a], entries, count));
		else if (*values[a] != '\0')
			rd_kafka_ConfigResource_set_config(wanted, args[a], values[a]);
	}
	for (size_t i = 0; i < count; i++) {
		const char *name = rd_kafka_ConfigEntry_name(entries[i]);

		if (!was_set(entries[i]))
			continue;
		if (n == 1)
			printf("%s=%s\n", name, value_of(name, entries, count));
		if (!among(name, n - 1, args + 1))
			rd_kafka_ConfigResource_set_config(
			    wanted, name, value_of(name, entries, count));
	}
	rd_kafka_event_destroy(event);

	if (changes) {
		rd_kafka_AlterConfigs(client, &wanted, 1, NULL, client_queue);
		event = client_answer();
		check_resources(rd_kafka_AlterConfigs_result_resources(event, &count));
		rd_kafka_event_destroy(event);
	}
	for (int a = 1; a < n; a++)
		if (values[a] != NULL && *values[a] != '\0')
			wait_for_value(type, args[0], args[a], values[a]);
	rd_kafka_ConfigResource_destroy(wanted);
	free(values);
}

void
settings_of_topic(int n, char **args)
{
	config(RD_KAFKA_RESOURCE_TOPIC, n, args);
}

void
settings_of_broker(int n, char **args)
{
	config(RD_KAFKA_RESOURCE_BROKER, n, args);
}
