#include <err.h>
#include <stdbool.h>
#include <stdio.h>

#include "client.h"
#include "group.h"
#include "topic.h"

static void
check(const rd_kafka_group_result_t **results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rd_kafka_group_result_error(results[i]) != NULL)
			errx(CLIENT_FAILED, "group \"%s\": %s",
			    rd_kafka_group_result_name(results[i]),
			    rd_kafka_error_string(rd_kafka_group_result_error(results[i])));
}

static void
print_offsets(const char *group)
{
	rd_kafka_ListConsumerGroupOffsets_t *which = rd_kafka_ListConsumerGroupOffsets_new(
	    group, NULL);
	const rd_kafka_topic_partition_list_t *list;
	const rd_kafka_group_result_t **results;
	rd_kafka_event_t *event;
	size_t count;
	int64_t first, next;

	rd_kafka_ListConsumerGroupOffsets(client, &which, 1, NULL, client_queue);
	event = client_answer();
	results = rd_kafka_ListConsumerGroupOffsets_result_groups(event, &count);
	check(results, count);
	list = rd_kafka_group_result_partitions(results[0]);
	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *p = &list->elems[i];

		topic_ends(p->topic, p->partition, &first, &next);
		printf("%s %d %lld %lld\n", p->topic, p->partition, (long long)p->offset,
		    (long long)(next - p->offset));
	}
	rd_kafka_event_destroy(event);
	rd_kafka_ListConsumerGroupOffsets_destroy(which);
}

/* The broker begins to coordinate groups when it is first asked, and says this meanwhile. */
static bool
too_early(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
	       error == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
	       error == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS;
}

/* False when it is too early for that. */
static bool
print_state(const char *group)
{
	const rd_kafka_ConsumerGroupDescription_t *found = NULL;
	rd_kafka_event_t *event;
	rd_kafka_resp_err_t error;
	size_t count;

	rd_kafka_DescribeConsumerGroups(client, &group, 1, NULL, client_queue);
	event = client_event();
	if ((error = rd_kafka_event_error(event)) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		found = rd_kafka_DescribeConsumerGroups_result_groups(event, &count)[0];
		error = rd_kafka_error_code(rd_kafka_ConsumerGroupDescription_error(found));
	}
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		printf("%s %zu\n",
		    rd_kafka_consumer_group_state_name(
			rd_kafka_ConsumerGroupDescription_state(found)),
		    rd_kafka_ConsumerGroupDescription_member_count(found));
	else if (!too_early(error))
		errx(CLIENT_FAILED, "group \"%s\": %s", group, rd_kafka_err2str(error));
	rd_kafka_event_destroy(event);
	return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void
group_describe(int n, char **args)
{
	(void)n;
	for (int looks = 0; !print_state(args[0]); looks++)
		client_pause(args[0], looks);
	print_offsets(args[0]);
}

void
group_delete(int n, char **args)
{
	rd_kafka_DeleteGroup_t *group = rd_kafka_DeleteGroup_new(args[0]);
	const rd_kafka_group_result_t **results;
	rd_kafka_event_t *event;
	size_t count;

	(void)n;
	rd_kafka_DeleteGroups(client, &group, 1, NULL, client_queue);
	event = client_answer();
	results = rd_kafka_DeleteGroups_result_groups(event, &count);
	check(results, count);
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteGroup_destroy(group);
}
