#include "start.h"
#include "client.h"

/* Milliseconds for an answer of the broker before the events are served again. */
#define PATIENCE 2000

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
	return error == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : judge(rk, error);
}

static int64_t
offset_in(const rd_kafka_topic_partition_list_t *list, const char *topic, int32_t partition)
{
	return rd_kafka_topic_partition_list_find(
	    (rd_kafka_topic_partition_list_t *)(uintptr_t)list, topic, partition)
	    ->offset;
}

/*
 * Where the partitions begin or end, by RD_KAFKA_OFFSET_BEGINNING and _END, which are times to the
 * brokers, too; or their first messages at or behind a time in milliseconds, -1 if there is none.
 */
static int
ask_offsets(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *partitions, int64_t time,
    rd_kafka_topic_partition_list_t **offsets)
{
	rd_kafka_resp_err_t error;

	*offsets = rd_kafka_topic_partition_list_copy(partitions);
	for (int i = 0; i < (*offsets)->cnt; i++)
		(*offsets)->elems[i].offset = time;
	error = rd_kafka_offsets_for_times(rk, *offsets, PATIENCE);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = first_error(*offsets);
	return error == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : judge(rk, error);
}

/* What the brokers were asked; NULL: nobody wants to know. */
struct answers {
	rd_kafka_topic_partition_list_t *committed, *end, *first;
};

static void
free_answers(const struct answers *a)
{
	rd_kafka_topic_partition_list_t *const lists[] = { a->committed, a->end, a->first };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (lists[i] != NULL)
			rd_kafka_topic_partition_list_destroy(lists[i]);
}

static int
ask(rd_kafka_t *rk, const struct consume_options *o,
    const rd_kafka_topic_partition_list_t *partitions, struct answers *a)
{
	int wants_more = o->drain, err;

	if ((err = ask_committed(rk, partitions, &a->committed)) != 0)
		return err;
	for (int i = 0; i < partitions->cnt; i++)
		wants_more |= offset_in(a->committed, partitions->elems[i].topic,
				  partitions->elems[i].partition) < 0;
	if (!wants_more)
		return 0;
	/* The end first: what comes meanwhile is behind it. */
	if ((err = ask_offsets(rk, partitions, RD_KAFKA_OFFSET_END, &a->end)) != 0)
		return err;
	return ask_offsets(rk, partitions,
	    o->start == START_TIME ? o->start_time : RD_KAFKA_OFFSET_BEGINNING, &a->first);
}

static void
find_one(const struct consume_options *o, const struct answers *a,
    rd_kafka_topic_partition_t *partition, struct start *start)
{
	const char *topic = partition->topic;
	int is_new = offset_in(a->committed, topic, 0) >= 0;

	partition->offset = offset_in(a->committed, topic, partition->partition);
	*start = (struct start){ .is_committed = partition->offset >= 0 };
	if (a->end != NULL)
		start->goal = offset_in(a->end, topic, partition->partition);
	if (partition->offset < 0 && (o->start != START_LATEST || is_new))
		partition->offset = offset_in(a->first, topic, partition->partition);
	if (partition->offset < 0)
		partition->offset = start->goal;
}

int
start_find(rd_kafka_t *rk, const struct consume_options *o,
    rd_kafka_topic_partition_list_t *partitions, struct start *start)
{
	struct answers answers = { .committed = NULL };
	int err;

	if (partitions->cnt == 0)
		return 0;
	if ((err = ask(rk, o, partitions, &answers)) == 0)
		for (int i = 0; i < partitions->cnt; i++)
			find_one(o, &answers, &partitions->elems[i], &start[i]);
	free_answers(&answers);
	return err;
}
