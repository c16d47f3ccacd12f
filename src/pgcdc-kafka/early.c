#include <stdlib.h>
#include <string.h>

#include "early.h"

struct early_event {
	rd_kafka_event_t *event;
	const rd_kafka_message_t *message; /* the event's, NULL: an error */
	rd_kafka_topic_partition_t *at;    /* of an error */
	struct early_event *next;
};

static void
append(struct early *e, struct early_event *one)
{
	one->next = NULL;
	if (e->first == NULL)
		e->first = one;
	else
		e->last->next = one;
	e->last = one;
}

int
early_add(struct early *e, rd_kafka_event_t *event)
{
	struct early_event *one = calloc(1, sizeof(*one));

	if (one == NULL) {
		rd_kafka_event_destroy(event);
		return -1;
	}
	one->event = event;
	if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH)
		one->message = rd_kafka_event_message_next(event);
	else
		one->at = rd_kafka_event_topic_partition(event);
	append(e, one);
	return 0;
}

rd_kafka_event_t *
early_first(const struct early *e, const rd_kafka_message_t **message)
{
	if (e->first == NULL)
		return NULL;
	*message = e->first->message;
	return e->first->event;
}

void
early_drop_first(struct early *e)
{
	struct early_event *one = e->first;

	e->first = one->next;
	if (one->at != NULL)
		rd_kafka_topic_partition_destroy(one->at);
	rd_kafka_event_destroy(one->event);
	free(one);
}

static int
is_of(const struct early_event *one, const char *topic, int32_t partition)
{
	if (one->message != NULL)
		return one->message->partition == partition &&
		       strcmp(rd_kafka_topic_name(one->message->rkt), topic) == 0;
	return one->at != NULL && one->at->partition == partition &&
	       strcmp(one->at->topic, topic) == 0;
}

void
early_drop(struct early *e, const char *topic, int32_t partition)
{
	struct early kept = { NULL, NULL };

	while (e->first != NULL) {
		struct early_event *one = e->first;

		if (topic == NULL || is_of(one, topic, partition)) {
			early_drop_first(e);
			continue;
		}
		e->first = one->next;
		append(&kept, one);
	}
	*e = kept;
}
