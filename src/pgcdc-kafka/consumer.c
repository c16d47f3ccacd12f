#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "consumer.h"
#include "log.h"

/*
 * What librdkafka needs for a message besides its bytes (measured with mallinfo2() on 2.0.2,
 * rounded up); of the queue's limit it counts only the bytes.
 */
#define MESSAGE_COST 512

/*
 * A fetch is on its way when the limit is reached, and compressed it is ten times as much: so it
 * is kept small, all of it and the part of a partition.
 */
#define FETCH_SHARE 32
#define LEAST_FETCH 1000000
#define PARTITION_SHARE 64
#define LEAST_PARTITION 65536

/* Before this version a fetcher that found the queue full looks again after a second. */
#define BACKOFF_VERSION 0x02020000

/* So few messages are gone before anybody has looked, and need no waking. */
#define FEW ((size_t)256)

/* Seconds that librdkafka has to end its threads. */
#define LONGEST_FREEING 2

/* What the promise rests on that nothing counts as done before it is acknowledged. */
const struct client_rule consumer_rules[] = {
	{ "enable.auto.commit", "false", "an offset could be committed that was not acknowledged" },
	{ "auto.commit.enable", "false", "an offset could be committed that was not acknowledged" },
	{ "enable.auto.offset.store", "false",
	    "an offset could be committed that was not acknowledged" },
	{ "auto.offset.reset", "error", "use --start and --reset" },
	{ "isolation.level", "read_committed",
	    "what a transaction has taken back would become event lines" },
	{ "enable.partition.eof", "true", "--drain waits for it" },
	{ "partition.assignment.strategy", "cooperative-sticky",
	    "partitions that stay would be given up, too" },
	{ "group.id", NULL, "use --group" },
	{ "log.queue", "true", "how the group is doing would not be seen" },
	{ "queued.max.messages.kbytes", NULL, "use --queue-bytes" },
	{ "queued.min.messages", NULL, "use --queue-bytes" },
	{ "fetch.max.bytes", NULL, "use --queue-bytes" },
	{ "fetch.message.max.bytes", NULL, "use --queue-bytes" },
	{ "max.partition.fetch.bytes", NULL, "use --queue-bytes" },
	{ "receive.message.max.bytes", NULL, "it is as large as it can be" },
	{ "offset.store.method", "broker", "offsets are in the group" },
	{ .name = NULL },
};

static uint64_t
at_least(uint64_t value, uint64_t least)
{
	return value < least ? least : value;
}

/* Half of the memory is for the bytes of messages, half for what each of them costs. */
static int
set_queue(rd_kafka_conf_t *conf, uint64_t bytes)
{
	int err;

	if ((err = client_set_number(conf, "queued.max.messages.kbytes", bytes / 2 / 1024)) != 0 ||
	    (err = client_set_number(conf, "queued.min.messages", bytes / 2 / MESSAGE_COST)) != 0 ||
	    (err = client_set_number(
		 conf, "fetch.max.bytes", at_least(bytes / FETCH_SHARE, LEAST_FETCH))) != 0)
		return err;
	return client_set_number(
	    conf, "fetch.message.max.bytes", at_least(bytes / PARTITION_SHARE, LEAST_PARTITION));
}

/* Who takes longer to give partitions up is thrown out of the group. */
static int
check_patience(const rd_kafka_conf_t *conf, int64_t revoke_timeout)
{
	double longest = client_get_number(conf, "max.poll.interval.ms");

	if ((double)revoke_timeout / 1000 >= longest)
		return log_permanent("--revoke-timeout must be shorter than the property "
				     "max.poll.interval.ms, %.0f ms",
		    longest);
	return 0;
}

/* What consumer_log() looks for comes with this kind of messages, besides those of the user. */
static int
set_debug(rd_kafka_conf_t *conf)
{
	char text[1024];

	client_get(conf, "debug", text, sizeof(text) - sizeof(",cgrp"));
	strcat(text, text[0] != '\0' ? ",cgrp" : "cgrp");
	return client_set(conf, "debug", text);
}

static int
configure(rd_kafka_conf_t *conf, const struct consume_options *o)
{
	const struct client_property fixed[] = {
		{ "group.id", o->group },
		{ "enable.auto.commit", "false" },
		{ "enable.auto.offset.store", "false" },
		{ "auto.offset.reset", "error" },
		{ "enable.partition.eof", "true" },
		{ "partition.assignment.strategy", "cooperative-sticky" },
		{ "receive.message.max.bytes", "2147483647" },
		{ .name = NULL },
	};
	int err;

	if ((err = client_set_all(conf, fixed)) != 0 ||
	    (err = check_patience(conf, o->revoke_timeout)) != 0 ||
	    (err = set_queue(conf, o->queue_bytes)) != 0 || (err = set_debug(conf)) != 0)
		return err;
	if (rd_kafka_version() >= BACKOFF_VERSION &&
	    (err = client_set(conf, "fetch.queue.backoff.ms", "10")) != 0)
		return err;
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT |
					   RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
	return 0;
}

static int
subscribe(struct consumer *c, const struct opt_list *topics)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)topics->n);
	rd_kafka_resp_err_t error;

	for (size_t i = 0; i < topics->n; i++)
		rd_kafka_topic_partition_list_add(list, topics->item[i], RD_KAFKA_PARTITION_UA);
	error = rd_kafka_subscribe(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	return log_permanent("could not subscribe to the topics: %s; check the patterns of --topic",
	    rd_kafka_err2str(error));
}

static int
watch(rd_kafka_queue_t *queue, int *fd)
{
	static const uint64_t one = 1;

	if ((*fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
		return log_temporary("could not make an event descriptor: %s", strerror(errno));
	rd_kafka_queue_io_event_enable(queue, *fd, &one, sizeof(one));
	return 0;
}

int
consumer_open(struct consumer *c, const struct consume_options *o)
{
	rd_kafka_conf_t *conf;
	char error[512];
	int err;

	*c = (struct consumer){ .events_fd = -1, .messages_fd = -1 };
	if ((err = client_configure(&conf, &o->client, consumer_rules)) != 0)
		return err;
	if ((err = configure(conf, o)) != 0) {
		rd_kafka_conf_destroy(conf);
		return err;
	}
	if ((c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error))) == NULL) {
		rd_kafka_conf_destroy(conf);
		return log_permanent("could not set up Kafka's consumer: %s", error);
	}
	rd_kafka_poll_set_consumer(c->rk);
	c->events = rd_kafka_queue_get_consumer(c->rk);
	c->messages = rd_kafka_queue_new(c->rk);
	rd_kafka_set_log_queue(c->rk, c->events);
	if ((err = watch(c->events, &c->events_fd)) != 0 ||
	    (err = watch(c->messages, &c->messages_fd)) != 0)
		return err;
	return subscribe(c, &o->topics);
}

/* What comes behind the look wakes again. */
static void
forget_wake(int fd)
{
	uint64_t woken;

	if (read(fd, &woken, sizeof(woken)) < 0 && errno != EAGAIN)
		log_warn("could not read an event descriptor: %s", strerror(errno));
}

rd_kafka_event_t *
consumer_event(struct consumer *c)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(c->events, 0);

	if (event != NULL)
		return event;
	forget_wake(c->events_fd);
	return rd_kafka_queue_poll(c->events, 0);
}

static size_t
take_now(struct consumer *c, rd_kafka_message_t **m, size_t n)
{
	ssize_t got = rd_kafka_consume_batch_queue(c->messages, 0, m, n);

	return got > 0 ? (size_t)got : 0;
}

void
consumer_log(struct consumer *c, rd_kafka_event_t *event)
{
	static const char *const joining[] = { "init", "wait-join", "wait-metadata", "wait-sync" };
	const char *facility, *text, *to;
	int level;

	client_log(event);
	if (rd_kafka_event_log(event, &facility, &text, &level) != 0 ||
	    strcmp(facility, "CGRPJOINSTATE") != 0 || (to = strstr(text, " -> ")) == NULL)
		return;
	to += strlen(" -> ");
	c->is_joining = 0;
	for (size_t i = 0; i < sizeof(joining) / sizeof(joining[0]); i++)
		if (strncmp(to, joining[i], strlen(joining[i])) == 0 &&
		    to[strlen(joining[i])] == ' ')
			c->is_joining = 1;
}

int
consumer_is_answered(const struct consumer *c)
{
	char *id = rd_kafka_clusterid(c->rk, 0);

	rd_kafka_mem_free(c->rk, id);
	return id != NULL;
}

void
consumer_brokers(const struct consumer *c, char brokers[CONSUMER_BROKERS_SIZE])
{
	client_get(rd_kafka_conf(c->rk), "bootstrap.servers", brokers, CONSUMER_BROKERS_SIZE);
}

/*
 * Wake the fetchers.  Of what wakes them librdkafka exports this alone that has no other effect:
 * the credentials stay what they are.  Those that have no room here are left alone: the fetchers
 * wake later.
 */
static void
wake_fetchers(struct consumer *c)
{
	char user[1024] = "", password[4096] = "";
	const rd_kafka_conf_t *conf = rd_kafka_conf(c->rk);

	if (client_get(conf, "sasl.username", user, sizeof(user)) == 0 &&
	    client_get(conf, "sasl.password", password, sizeof(password)) == 0)
		rd_kafka_error_destroy(rd_kafka_sasl_set_credentials(c->rk, user, password));
	explicit_bzero(password, sizeof(password));
}

/* Was the queue full, perhaps, and is there room in it now? */
static void
look_at_queue(struct consumer *c)
{
	size_t n = rd_kafka_queue_length(c->messages);

	if (n > c->most)
		c->most = n;
	if (rd_kafka_version() >= BACKOFF_VERSION || c->most < FEW || n > c->most / 2)
		return;
	wake_fetchers(c);
	c->most = n;
}

size_t
consumer_take(struct consumer *c, rd_kafka_message_t **m, size_t n)
{
	size_t got = take_now(c, m, n);

	look_at_queue(c);
	if (got == n)
		return n;
	forget_wake(c->messages_fd);
	return got + take_now(c, m + got, n - got);
}

void
consumer_forward(struct consumer *c, const char *topic, int32_t partition)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(c->rk, topic, partition);

	if (queue == NULL)
		return;
	rd_kafka_queue_forward(queue, c->messages);
	rd_kafka_queue_destroy(queue);
}

static volatile sig_atomic_t last_code;

static void
on_alarm(int signal)
{
	(void)signal;
	_exit(last_code);
}

/* librdkafka 2.0.2 waits for ever for the fetcher of a topic that was deleted. */
static void
end_at_last(int code)
{
	struct sigaction action = { .sa_handler = on_alarm };

	last_code = code;
	sigaction(SIGALRM, &action, NULL);
	alarm(LONGEST_FREEING);
}

void
consumer_close(struct consumer *c, int code)
{
	end_at_last(code);
	if (c->messages != NULL)
		rd_kafka_queue_destroy(c->messages);
	if (c->events != NULL)
		rd_kafka_queue_destroy(c->events);
	if (c->rk != NULL)
		rd_kafka_destroy_flags(c->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	if (c->events_fd >= 0)
		close(c->events_fd);
	if (c->messages_fd >= 0)
		close(c->messages_fd);
	alarm(0);
}
