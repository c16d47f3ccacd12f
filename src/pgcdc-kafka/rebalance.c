#include <stdlib.h>

#include "consume.h"
#include "intake.h"
#include "log.h"
#include "loop.h"
#include "start.h"

/* Microseconds between two questions for the positions of partitions. */
#define ASK_PAUSE 100000

static int
judge(struct consume *c, rd_kafka_error_t *error)
{
	int err = 0;

	if (error != NULL)
		err = client_judge(
		    c->consumer.rk, rd_kafka_error_code(error), rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return err;
}

static struct partition *
find(const struct consume *c, const rd_kafka_topic_partition_t *one)
{
	return partition_find(&c->partitions, one->topic, one->partition);
}

static void
forget(struct consume *c, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++) {
		struct partition *p = find(c, &list->elems[i]);

		if (p == NULL)
			continue;
		intake_drop(c, p);
		marks_forget(&c->marks, p);
		partition_remove(&c->partitions, p);
	}
}

static int
has(struct consume *c, const rd_kafka_topic_partition_t *one, const struct start *start)
{
	struct partition *p = partition_add(
	    &c->partitions, one->topic, one->partition, one->offset);

	if (p == NULL)
		return log_temporary("out of memory for a partition");
	if (start->is_committed)
		p->committed = p->acked;
	p->goal = start->goal;
	p->is_drained = c->options.drain && p->next >= p->goal;
	consumer_forward(&c->consumer, p->topic, p->number);
	log_debug("taking topic \"%s\" partition %d from offset %lld", p->topic, p->number,
	    (long long)p->next);
	return 0;
}

/* Take what is coming, from where each begins. */
static int
assign(struct consume *c)
{
	rd_kafka_topic_partition_list_t *list = c->rebalance.coming;
	struct start *start = calloc((size_t)list->cnt + 1, sizeof(*start));
	int err;

	if (start == NULL)
		return log_temporary("out of memory for partitions");
	if ((err = start_find(c->consumer.rk, &c->options, list, start)) == 0 &&
	    (err = judge(c, rd_kafka_incremental_assign(c->consumer.rk, list))) == 0)
		for (int i = 0; err == 0 && i < list->cnt; i++)
			err = has(c, &list->elems[i], &start[i]);
	free(start);
	if (err != 0)
		return err;
	if (list->cnt > 0)
		log_info("group \"%s\" gives us %d partition%s, now %zu", c->options.group,
		    list->cnt, list->cnt == 1 ? "" : "s", c->partitions.n);
	c->rebalance.is_answered = 1;
	rd_kafka_topic_partition_list_destroy(list);
	c->rebalance.coming = NULL;
	return 0;
}

/* While a commit is on its way, librdkafka would put the partitions off, and forward them itself. */
static int
tend_coming(struct consume *c)
{
	int err;

	if (c->committer.is_asked || loop_now() < c->rebalance.next)
		return 0;
	if ((err = assign(c)) != START_AGAIN)
		return err;
	c->rebalance.next = loop_now() + ASK_PAUSE;
	return 0;
}

static int
unassign(struct consume *c)
{
	rd_kafka_topic_partition_list_t *list = c->rebalance.going;
	int err;

	forget(c, list);
	err = judge(c, rd_kafka_incremental_unassign(c->consumer.rk, list));
	if (list->cnt > 0 && !c->rebalance.is_over)
		log_info("group \"%s\" takes %d partitions from us, now %zu", c->options.group,
		    list->cnt, c->partitions.n);
	rd_kafka_topic_partition_list_destroy(list);
	c->rebalance.going = NULL;
	return err;
}

static int
is_lost(struct consume *c)
{
	if (!rd_kafka_assignment_lost(c->consumer.rk))
		return 0;
	log_warn("group \"%s\" has gone on without us: %d partitions are lost, and what was not "
		 "committed of them comes again",
	    c->options.group, c->rebalance.going->cnt);
	return 1;
}

static int
tend_going(struct consume *c)
{
	struct rebalance *r = &c->rebalance;

	int err;

	if (r->is_over || is_lost(c))
		return unassign(c);
	if (!r->is_marked) {
		if ((err = intake_mark(c)) != 0)
			return err;
		r->token = c->tokens.newest;
		r->is_marked = 1;
	}
	if (c->options.ack != NULL && loop_now() < r->deadline) {
		if (c->confirm.acked < r->token)
			return 0;
		committer_hurry(&c->committer);
		if (!committer_is_settled(&c->committer))
			return committer_tend(&c->committer);
	} else if (c->options.ack != NULL) {
		log_warn("what was taken of %d partitions was not acknowledged and committed "
			 "within --revoke-timeout; it comes again to whom the group gives them",
		    r->going->cnt);
	}
	return unassign(c);
}

/* Another offset needs a new start: librdkafka has stopped the partition. */
static int
restart(struct consume *c, struct partition *p)
{
	rd_kafka_topic_partition_list_t *one = rd_kafka_topic_partition_list_new(1);
	int err;

	rd_kafka_topic_partition_list_add(one, p->topic, p->number)->offset = p->next;
	if ((err = judge(c, rd_kafka_incremental_unassign(c->consumer.rk, one))) == 0)
		err = judge(c, rd_kafka_incremental_assign(c->consumer.rk, one));
	rd_kafka_topic_partition_list_destroy(one);
	consumer_forward(&c->consumer, p->topic, p->number);
	return err;
}

static int
tend_gone(struct consume *c, struct partition *p)
{
	int64_t first, end;
	int err;

	if ((err = start_limits(c->consumer.rk, p->topic, p->number, &first, &end)) != 0)
		return err;
	log_warn("offset %lld of topic \"%s\" partition %d is gone, it has %lld up to %lld; "
		 "going on at its %s, as --reset says",
	    (long long)p->next, p->topic, p->number, (long long)first, (long long)end,
	    c->options.reset == RESET_EARLIEST ? "beginning" : "end");
	intake_drop(c, p);
	marks_forget(&c->marks, p);
	p->next = p->acked = c->options.reset == RESET_EARLIEST ? first : end;
	p->committed = -1;
	p->goal = end;
	p->is_drained = c->options.drain && p->next >= p->goal;
	p->is_gone = 0;
	return restart(c, p);
}

int
rebalance_reset(struct consume *c, struct partition *p)
{
	if (c->options.reset != RESET_STOP) {
		p->is_gone = 1;
		c->rebalance.next = loop_now();
		return 0;
	}
	c->is_bad_data = 1;
	return log_permanent("offset %lld of topic \"%s\" partition %d is gone: what the broker "
			     "has deleted before it was read is missing; go on with "
			     "--reset=earliest or --reset=latest",
	    (long long)p->next, p->topic, p->number);
}

static int
tend_all_gone(struct consume *c)
{
	int err = 0;

	if (c->committer.is_asked || loop_now() < c->rebalance.next)
		return 0;
	for (size_t i = 0; err == 0 && i < c->partitions.n; i++)
		if (c->partitions.item[i]->is_gone && !c->partitions.item[i]->is_leaving)
			err = tend_gone(c, c->partitions.item[i]);
	if (err == START_AGAIN)
		c->rebalance.next = loop_now() + ASK_PAUSE;
	return err == START_AGAIN ? 0 : err;
}

int
rebalance_tend(struct consume *c)
{
	int err;

	if (c->rebalance.going != NULL && (err = tend_going(c)) != 0)
		return err;
	if (c->rebalance.coming != NULL && (err = tend_coming(c)) != 0)
		return err;
	return tend_all_gone(c);
}

static void
replace(rd_kafka_topic_partition_list_t **list, const rd_kafka_topic_partition_list_t *by)
{
	if (*list != NULL)
		rd_kafka_topic_partition_list_destroy(*list);
	*list = rd_kafka_topic_partition_list_copy(by);
}

/* At the end of a run we are given partitions that we do not take: none of them can go. */
static void
keep_ours(const struct consume *c, rd_kafka_topic_partition_list_t *list)
{
	for (int i = list->cnt - 1; i >= 0; i--)
		if (find(c, &list->elems[i]) == NULL)
			rd_kafka_topic_partition_list_del_by_idx(list, i);
}

void
rebalance_take(struct consume *c, rd_kafka_event_t *event)
{
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
	struct rebalance *r = &c->rebalance;

	if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		replace(&r->coming, list);
		r->next = loop_now();
		if (c->is_ending)
			rebalance_end(c);
		return;
	}
	replace(&r->going, list);
	keep_ours(c, r->going);
	r->is_marked = 0;
	r->deadline = loop_now() + c->options.revoke_timeout;
	for (int i = 0; i < list->cnt; i++) {
		struct partition *p = find(c, &list->elems[i]);

		if (p != NULL) {
			p->is_leaving = 1;
			intake_drop(c, p);
		}
	}
}

/* A member that takes nothing has still to answer. */
void
rebalance_end(struct consume *c)
{
	struct rebalance *r = &c->rebalance;

	if (r->coming == NULL)
		return;
	rd_kafka_topic_partition_list_destroy(r->coming);
	r->coming = rd_kafka_topic_partition_list_new(0);
	judge(c, rd_kafka_incremental_assign(c->consumer.rk, r->coming));
	rd_kafka_topic_partition_list_destroy(r->coming);
	r->coming = NULL;
}

int64_t
rebalance_deadline(const struct consume *c)
{
	const struct rebalance *r = &c->rebalance;

	if (r->going != NULL)
		return r->deadline;
	if (c->committer.is_asked)
		return LOOP_NEVER; /* its answer comes first */
	for (size_t i = 0; i < c->partitions.n; i++)
		if (c->partitions.item[i]->is_gone)
			return r->next;
	return r->coming != NULL ? r->next : LOOP_NEVER;
}
