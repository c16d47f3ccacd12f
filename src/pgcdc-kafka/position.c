#include <jansson.h>
#include <string.h>

#include "client.h"
#include "log.h"
#include "loop.h"
#include "lsn.h"
#include "position.h"

/* Milliseconds for an answer of the broker before others are served. */
#define PATIENCE 250

/* Offsets from the end where the search begins; each time it goes back ten times as far. */
#define FIRST_STEP 1000

/* Microseconds between two looks at what others have open. */
#define LOOK_PAUSE 100000

/* Microseconds after which we say that we wait for them. */
#define SILENCE (INT64_C(5) * 1000000)

/* --- the value */

void
position_write(struct buf *b, const struct position *p)
{
	buf_str(b, "{\"format\":1,\"system_identifier\":\"");
	buf_str(b, p->system_identifier);
	buf_str(b, "\",\"epoch\":");
	buf_uint(b, p->epoch);
	buf_str(b, ",\"position\":\"");
	buf_str(b, lsn_text(p->done));
	if (p->split != 0) {
		buf_str(b, "\",\"split\":{\"lsn\":\"");
		buf_str(b, lsn_text(p->split));
		buf_str(b, "\",\"seq\":");
		buf_uint(b, p->seq);
		buf_str(b, "}}");
	} else {
		buf_str(b, "\"}");
	}
}

static int
read_lsn(uint64_t *lsn, const json_t *json)
{
	const char *text = json_string_value(json);

	return text != NULL ? lsn_parse(lsn, text, strlen(text)) : -1;
}

int
position_parse(struct position *p, const char *value, size_t len)
{
	json_t *json = json_loadb(value, len, 0, NULL), *split = json_object_get(json, "split");
	const char *system = json_string_value(json_object_get(json, "system_identifier"));
	int good;

	*p = (struct position){ .epoch = 0 };
	good = json_integer_value(json_object_get(json, "format")) == 1 && system != NULL &&
	       strlen(system) < sizeof(p->system_identifier) &&
	       read_lsn(&p->done, json_object_get(json, "position")) == 0 &&
	       (split == NULL || read_lsn(&p->split, json_object_get(split, "lsn")) == 0);
	if (good) {
		strcpy(p->system_identifier, system);
		p->epoch = (uint64_t)json_integer_value(json_object_get(json, "epoch"));
		p->seq = (uint64_t)json_integer_value(json_object_get(split, "seq"));
	}
	json_decref(json);
	return good ? 0 : -1;
}

/* --- the topic */

/* Between two questions: 0, or the exit code. */
static int
pause_and_serve(const struct position_place *place)
{
	int err = place->serve(place->context);

	if (err != 0)
		return err;
	loop_wait(NULL, 0, loop_now() + LOOK_PAUSE);
	return loop_ending() ? log_temporary("the end came before the position in topic \"%s\" was "
					     "read",
				   place->topic)
	                     : 0;
}

/* The first offset and the one behind the last, as the client sees them. */
static int
ask_range(const struct position_place *place, rd_kafka_t *rk, int64_t *low, int64_t *high)
{
	rd_kafka_resp_err_t error;
	int err;

	while ((error = rd_kafka_query_watermark_offsets(
		    rk, place->topic, 0, low, high, PATIENCE)) != RD_KAFKA_RESP_ERR_NO_ERROR)
		if ((err = client_judge(rk, error, rd_kafka_err2str(error))) != 0 ||
		    (err = pause_and_serve(place)) != 0)
			return err;
	return 0;
}

/* Wait until all that is there now is decided, committed or not. */
static int
wait_for_others(const struct position_place *place, int64_t *low, int64_t *end)
{
	int64_t high, decided, since = loop_now();
	int told = 0, err;

	if ((err = ask_range(place, place->asker, low, &high)) != 0)
		return err;
	for (;;) {
		if ((err = ask_range(place, place->reader, low, &decided)) != 0)
			return err;
		if (decided >= high)
			break;
		if (!told && loop_now() - since > SILENCE) {
			log_info("waiting for transactions of others that are open in topic \"%s\"",
			    place->topic);
			told = 1;
		}
		if ((err = pause_and_serve(place)) != 0)
			return err;
	}
	*end = decided;
	return 0;
}

/* Is the message one of this id, and no tombstone? */
static int
is_ours(const rd_kafka_message_t *m, const char *id)
{
	return m->key != NULL && m->key_len == strlen(id) && memcmp(m->key, id, m->key_len) == 0 &&
	       m->payload != NULL;
}

/* What a message says, if it is for us: 0, or the exit code after reporting. */
static int
take(struct position *p, const rd_kafka_message_t *m, const struct position_place *place)
{
	if (!is_ours(m, place->id) || position_parse(p, m->payload, m->len) == 0)
		return 0;
	return log_permanent("topic \"%s\" has at offset %lld no position for transactional id "
			     "\"%s\" that this program knows; with another --position-topic "
			     "what the source sends again is written twice",
	    place->topic, (long long)m->offset, place->id);
}

/* Read from an offset to the end, and keep the last position. */
static int
scan(
    struct position *p, const struct position_place *place, rd_kafka_topic_t *topic, int64_t offset)
{
	rd_kafka_message_t *m;
	int err = 0, at_end = 0;

	if (rd_kafka_consume_start(topic, 0, offset) != 0)
		return log_temporary("could not read topic \"%s\": %s", place->topic,
		    rd_kafka_err2str(rd_kafka_last_error()));
	while (err == 0 && !at_end) {
		if ((m = rd_kafka_consume(topic, 0, PATIENCE)) == NULL) {
			err = pause_and_serve(place);
			continue;
		}
		if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			err = take(p, m, place);
		else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			at_end = 1;
		else
			err = client_judge(place->reader, m->err, rd_kafka_message_errstr(m));
		rd_kafka_message_destroy(m);
	}
	rd_kafka_consume_stop(topic, 0);
	return err;
}

int
position_read(struct position *p, const struct position_place *place)
{
	int64_t low, end, from;
	rd_kafka_topic_t *topic;
	int err;

	*p = (struct position){ .epoch = 0 };
	if ((err = wait_for_others(place, &low, &end)) != 0)
		return err;
	if ((topic = rd_kafka_topic_new(place->reader, place->topic, NULL)) == NULL)
		return log_temporary("out of memory for topic \"%s\"", place->topic);
	from = end;
	for (int64_t step = FIRST_STEP; err == 0 && p->system_identifier[0] == '\0' && from > low;
	     step *= 10) {
		from = end - step > low ? end - step : low;
		err = scan(p, place, topic, from);
	}
	rd_kafka_topic_destroy(topic);
	return err;
}
