#include <string.h>
#include <unistd.h>

#include "append.h"
#include "aside.h"
#include "log.h"
#include "record.h"

int
aside_open(struct aside *a, const char *path)
{
	*a = (struct aside){ .path = path, .fd = -1 };
	return path != NULL ? append_open(&a->fd, path) : 0;
}

static void
make_line(struct buf *b, const rd_kafka_message_t *m, const char *why)
{
	b->len = 0;
	buf_str(b, "{");
	record_add_place(b, m);
	buf_str(b, ",");
	record_add_bytes(b, "value", m->payload, m->len);
	buf_str(b, ",");
	record_add_bytes(b, "why", why, strlen(why));
	buf_str(b, "}\n");
}

int
aside_put(struct aside *a, const rd_kafka_message_t *m, const char *why)
{
	struct iovec line;
	int err;

	make_line(&a->line, m, why);
	if (a->line.failed)
		return log_temporary("out of memory for a message");
	line = (struct iovec){ a->line.data, a->line.len };
	if ((err = append_put(a->fd, a->path, &line, 1)) == 0)
		a->n++;
	return err;
}

void
aside_close(struct aside *a)
{
	buf_free(&a->line);
	if (a->fd >= 0)
		close(a->fd);
}
