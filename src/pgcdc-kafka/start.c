#include "start.h"
#include "client.h"

/* Milliseconds for an answer of the broker before the events are served again. */
#define PATIENCE 500

static int
judge(rd_kafka_t *rk, rd_kafka_resp_err_t error)
{
	int err = client_judge(rk, error, rd_kafka_err2str(error));

	return err != 0 ? err : START_AGAIN;
}

int
start_limits(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t *first, int64_t *end)
{
	rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
	    rk, topic, partition, first, end, PATIENCE);

	return error == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : judge(rk, error);
}

/* The first error of a partition. */
static rd_kafka_resp_err_t
first_error(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return list->elems[i].err;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/*
 * What the group has committed, of these partitions and of the first one of each topic: where
 * that has a commit and another has not, the topic has grown, and what is in the new partition
 * was never offered to the group.
 */
static int
ask_committed(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *partitions,
    rd_kafka_topic_partition_list_t **committed)
{
	rd_kafka_resp_err_t error;

	*committed = rd_kafka_topic_partition_list_copy(partitions);
	for (int i = 0; i < partitions->cnt; i++)
		if (rd_kafka_topic_partition_list_find(*committed, partitions->elems[i].topic, 0) ==
		    NULL)
			rd_kafka_topic_partition_list_add(
			    *committed, partitions->elems[i].topic, 0);
	for (int i = 0; i < (*committed)->cnt; i++)
		(*committed)->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
	error = rd_kafka_committed(rk, *committed, PATIENCE);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = first_error(*committed);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	rd_kafka_topic_partition_list_destroy(*committed);
	return judge(rk, error);
}

static int64_t
offset_in(const rd_kafka_topic_partition_list_t *list, const char *topic, int32_t partition)
{
	return rd_kafka_topic_partition_list_find(
	    (rd_kafka_topic_partition_list_t *)(uintptr_t)list, topic, partition)
	    ->offset;
}

/* The first message at or behind the time; the end if there is none. */
static int
find_time(rd_kafka_t *rk, const rd_kafka_topic_partition_t *partition, int64_t ms, int64_t end,
    int64_t *offset)
{
	rd_kafka_topic_partition_list_t *one = rd_kafka_topic_partition_list_new(1);
	rd_kafka_resp_err_t error;

	rd_kafka_topic_partition_list_add(one, partition->topic, partition->partition)->offset = ms;
	error = rd_kafka_offsets_for_times(rk, one, PATIENCE);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = one->elems[0].err;
	*offset = one->elems[0].offset >= 0 ? one->elems[0].offset : end;
	rd_kafka_topic_partition_list_destroy(one);
	return error == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : judge(rk, error);
}

static int
find_one(rd_kafka_t *rk, const struct consume_options *o,
    const rd_kafka_topic_partition_list_t *committed, rd_kafka_topic_partition_t *partition,
    struct start *start)
{
	int64_t offset = offset_in(committed, partition->topic, partition->partition), first, end;
	int is_new = offset_in(committed, partition->topic, 0) >= 0, err;

	*start = (struct start){ .is_committed = offset >= 0 };
	if (offset >= 0 && !o->drain) {
		partition->offset = offset;
		return 0;
	}
	if ((err = start_limits(rk, partition->topic, partition->partition, &first, &end)) != 0)
		return err;
	start->goal = end;
	if (offset >= 0)
		partition->offset = offset;
	else if (o->start == START_TIME)
		return find_time(rk, partition, o->start_time, end, &partition->offset);
	else
		partition->offset = o->start == START_LATEST && !is_new ? end : first;
	return 0;
}

int
start_find(rd_kafka_t *rk, const struct consume_options *o,
    rd_kafka_topic_partition_list_t *partitions, struct start *start)
{
	rd_kafka_topic_partition_list_t *committed;
	int err;

	if (partitions->cnt == 0)
		return 0;
	if ((err = ask_committed(rk, partitions, &committed)) != 0)
		return err;
	for (int i = 0; err == 0 && i < partitions->cnt; i++)
		err = find_one(rk, o, committed, &partitions->elems[i], &start[i]);
	rd_kafka_topic_partition_list_destroy(committed);
	return err;
}
