#include <err.h>
#include <unistd.h>

#include "client.h"

rd_kafka_t *client;
rd_kafka_queue_t *client_queue;

void
client_open(const char *address)
{
	const char *settings[][2] = { { "bootstrap.servers", address },
		{ "client.id", "pgcdc-test-admin" }, { "socket.timeout.ms", "10000" },
		{ "isolation.level", "read_uncommitted" } };
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512];

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why) !=
		    RD_KAFKA_CONF_OK)
			errx(CLIENT_FAILED, "%s", why);
	if ((client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why)) == NULL)
		errx(CLIENT_FAILED, "%s", why);
	client_queue = rd_kafka_queue_new(client);
}

void
client_close(void)
{
	rd_kafka_queue_destroy(client_queue);
	rd_kafka_destroy(client);
}

rd_kafka_event_t *
client_event(void)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(client_queue, 3 * CLIENT_PATIENCE_MS);

	if (event == NULL)
		errx(CLIENT_FAILED, "no answer");
	return event;
}

rd_kafka_event_t *
client_answer(void)
{
	rd_kafka_event_t *event = client_event();

	if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		errx(CLIENT_FAILED, "%s", rd_kafka_event_error_string(event));
	return event;
}

void
client_pause(const char *name, int looks)
{
	if (looks * 10 >= CLIENT_PATIENCE_MS)
		errx(CLIENT_FAILED, "the broker does not get to know of \"%s\"", name);
	usleep(10000);
}
