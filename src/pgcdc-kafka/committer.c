#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "committer.h"
#include "log.h"
#include "loop.h"

static int
is_due(const struct partition *p)
{
	return p->acked != p->committed;
}

static int
has_work(const struct committer *c)
{
	if (c->options->ack == NULL)
		return 0;
	for (size_t i = 0; i < c->partitions->n; i++)
		if (is_due(c->partitions->item[i]))
			return 1;
	return 0;
}

int
committer_is_settled(const struct committer *c)
{
	return !c->is_asked && !has_work(c);
}

int64_t
committer_deadline(const struct committer *c)
{
	return !c->is_asked && !c->consumer->is_joining && has_work(c) ? c->next : LOOP_NEVER;
}

void
committer_hurry(struct committer *c)
{
	if (c->failures == 0)
		c->next = loop_now();
}

/* The next attempt, or none. */
static int
failed(struct committer *c, const char *reason)
{
	const struct backoff_options *b = &c->options->backoff;

	if (b->retries > 0 && c->failures == b->retries)
		return log_temporary("could not commit offsets of group \"%s\", after %llu "
				     "retries: %s; what was not committed will come again",
		    c->options->group, (unsigned long long)c->failures, reason);
	c->pause = c->failures++ == 0 ? b->first : 2 * c->pause;
	if (c->pause > b->most)
		c->pause = b->most;
	c->next = loop_now() + c->pause;
	return 0;
}

/* Errors that another commit may not have; the group's other troubles come as its events. */
static int
judge(struct committer *c, rd_kafka_resp_err_t error)
{
	const char *reason = rd_kafka_err2str(error);
	int err = client_judge(c->consumer->rk, error, reason);

	return err != 0 ? err : failed(c, reason);
}

/* A file is synced; a pipe cannot be, and says so. */
int
committer_sync(const struct committer *c)
{
	if (c->options->ack == NULL || strcmp(c->options->ack, "stdout") != 0 || c->out->fd < 0 ||
	    fdatasync(c->out->fd) == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP)
		return 0;
	return log_temporary("could not sync standard output: %s", strerror(errno));
}

int
committer_tend(struct committer *c)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t error;
	int err;

	if (loop_now() < committer_deadline(c))
		return 0;
	if ((err = committer_sync(c)) != 0)
		return err;
	list = rd_kafka_topic_partition_list_new((int)c->partitions->n);
	for (size_t i = 0; i < c->partitions->n; i++) {
		const struct partition *p = c->partitions->item[i];

		if (is_due(p))
			rd_kafka_topic_partition_list_add(list, p->topic, p->number)
			    ->offset = p->acked;
	}
	error = rd_kafka_commit_queue(c->consumer->rk, list, c->consumer->events, NULL, NULL);
	rd_kafka_topic_partition_list_destroy(list);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return judge(c, error);
	c->is_asked = 1;
	c->next = loop_now() + c->options->commit_interval;
	return 0;
}

int
committer_take(struct committer *c, rd_kafka_event_t *event)
{
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
	rd_kafka_resp_err_t error = rd_kafka_event_error(event);

	c->is_asked = 0;
	for (int i = 0; list != NULL && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *one = &list->elems[i];
		struct partition *p = partition_find(c->partitions, one->topic, one->partition);

		if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
			error = one->err;
		/* It may have been given up since. */
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR && p != NULL)
			p->committed = one->offset;
	}
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return judge(c, error);
	c->failures = 0;
	c->n++;
	return 0;
}
