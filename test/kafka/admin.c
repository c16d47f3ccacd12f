/*
 * admin: what the tests do with topics and groups of a broker; test/services/kafka runs it,
 * and the tools of Kafka itself take a second for each.
 *
 *	admin ADDRESS topic create TOPIC [PARTITIONS [NAME=VALUE]...]
 *	admin ADDRESS topic describe TOPIC
 *	admin ADDRESS topic delete TOPIC
 *	admin ADDRESS topic grow TOPIC PARTITIONS
 *	admin ADDRESS topic trim TOPIC PARTITION OFFSET
 *	admin ADDRESS topic config TOPIC [NAME | NAME=VALUE]...
 *	admin ADDRESS broker config ID [NAME | NAME=VALUE]...
 *	admin ADDRESS group describe GROUP
 *	admin ADDRESS group delete GROUP
 *	admin ADDRESS acl allow USER OPERATION topic|group|cluster NAME
 *
 * create, grow, delete and config return when the broker knows of it; only a setting that goes
 * back to its default does so later.  "topic describe" prints a line a partition: its number,
 * the first offset and the next.  trim deletes what is before the offset.  config sets the names
 * with a value (none after the "=" is the default), or prints the values of the names without,
 * and without any name all that was set.  "group describe" prints the state and the number of
 * members, then a line a partition: topic, partition, committed offset, and how many offsets
 * the partition's end is ahead of that.  allow gives a user a right, as "WRITE topic t" or
 * "DESCRIBE_CONFIGS cluster kafka-cluster", of which the broker knows soon.
 *
 * Exit codes: 0 done, 100 usage, 111 could not.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "acl.h"
#include "client.h"
#include "group.h"
#include "settings.h"
#include "topic.h"

enum { MANY = 100 };

static const struct command {
	const char *what, *name;
	int least, most; /* arguments */
	void (*run)(int, char **);
} commands[] = {
	{ "topic", "create", 1, MANY, topic_create },
	{ "topic", "describe", 1, 1, topic_describe },
	{ "topic", "delete", 1, 1, topic_delete },
	{ "topic", "grow", 2, 2, topic_grow },
	{ "topic", "trim", 3, 3, topic_trim },
	{ "topic", "config", 1, MANY, settings_of_topic },
	{ "broker", "config", 1, MANY, settings_of_broker },
	{ "group", "describe", 1, 1, group_describe },
	{ "group", "delete", 1, 1, group_delete },
	{ "acl", "allow", 4, 4, acl_allow },
};

int
main(int argc, char **argv)
{
	int n = argc - 4;

	for (size_t i = 0; i < sizeof commands / sizeof *commands && n > 0; i++) {
		const struct command *c = &commands[i];

		if (strcmp(argv[2], c->what) != 0 || strcmp(argv[3], c->name) != 0 ||
		    n < c->least || n > c->most)
			continue;
		client_open(argv[1]);
		c->run(n, argv + 4);
		client_close();
		return fflush(stdout) == 0 ? 0 : CLIENT_FAILED;
	}
	errx(CLIENT_USAGE, "usage: admin ADDRESS topic|broker|group|acl COMMAND ..., see admin.c");
}
