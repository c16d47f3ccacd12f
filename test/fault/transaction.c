#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "shape.h"
#include "tables.h"
#include "transaction.h"

struct loose {
	struct loose *next;
	char head[64]; /* "client/seq/" */
	int messages;
};

/* What a control row says. */
struct control {
	const char *client, *seq, *xid, *origin, *changes, *messages, *loose;
};

void
transaction_begin(struct transaction *t, const struct line *l)
{
	transaction_end(t);
	t->open = 1;
	t->lsn = l->lsn;
	t->last_lsn = 0;
	t->xid = l->xid;
	t->seq = 0;
	t->hash = LINE_HASH;
	t->messages = t->others = 0;
	t->message_head[0] = '\0';
	snprintf(t->timestamp, sizeof(t->timestamp), "%s", l->timestamp);
	snprintf(t->origin, sizeof(t->origin), "%s", l->origin != NULL ? l->origin : "");
}

void
transaction_end(struct transaction *t)
{
	for (size_t i = 0; i < t->n; i++)
		replica_free_change(&t->changes[i]);
	free(t->changes);
	t->changes = NULL;
	t->n = 0;
	t->open = 0;
}

/* The content of a message as text; what is behind its checksum ends with ff00 when it was hex. */
static const char *
content_of(const struct line *l)
{
	static char text[200000];
	size_t n;

	if (l->content != NULL)
		return l->content;
	n = strlen(l->content_hex) / 2;
	if (n < 2 || n >= sizeof(text) || strlen(l->content_hex) % 2 != 0 ||
	    strcmp(l->content_hex + (n - 2) * 2, "ff00") != 0)
		return "";
	for (size_t i = 0; i < n - 2; i++) {
		char digits[3] = { l->content_hex[2 * i], l->content_hex[2 * i + 1], '\0' };

		text[i] = (char)strtol(digits, NULL, 16);
	}
	text[n - 2] = '\0';
	return text;
}

/* Check a message's content and copy its head, "client/seq/". 0, or -1 after reporting. */
static int
message_head(const struct line *l, char head[64])
{
	const char *content = content_of(l), *at = strchr(content, '/');
	char checksum[10];

	at = at != NULL ? strchr(at + 1, '/') : NULL;
	if (strcmp(l->prefix, "fault") != 0 || at == NULL || at - content > 60 ||
	    strlen(at + 1) < 9) {
		problem("a message that the workload has not written");
		return -1;
	}
	snprintf(head, 64, "%.*s/", (int)(at - content), content);
	snprintf(checksum, sizeof(checksum), "%08x:", tables_checksum(at + 10, strlen(at + 10)));
	if (strncmp(at + 1, checksum, 9) != 0)
		problem("the content of a message is damaged");
	return 0;
}

static int
check_place(struct transaction *t, const struct line *l)
{
	if (l->xid != t->xid || strcmp(l->timestamp, t->timestamp) != 0) {
		problem("line of another transaction: xid %jd in %jd", (intmax_t)l->xid,
		    (intmax_t)t->xid);
		return -1;
	}
	if (l->action == 'C' ? l->lsn != t->lsn : l->lsn < t->last_lsn || l->lsn > t->lsn) {
		problem("lsn %s after %s in the transaction at %s", line_lsn_text(l->lsn),
		    line_lsn_text(t->last_lsn), line_lsn_text(t->lsn));
		return -1;
	}
	t->last_lsn = l->lsn;
	if (l->action == 'C')
		return 0;
	/* The reader leaves out what else the triggers write beside the log. */
	if (l->seq > t->seq && t->others + shape_is_other(l) > 0)
		t->seq = l->seq;
	if (l->seq != t->seq++) {
		problem("seq %jd where %jd comes", (intmax_t)l->seq, (intmax_t)t->seq - 1);
		return -1;
	}
	if (strcmp(l->origin != NULL ? l->origin : "", t->origin) != 0) {
		problem("origin \"%s\" in a transaction of \"%s\"", l->origin, t->origin);
		return -1;
	}
	return 0;
}

static int
take_message(struct transaction *t, const struct line *l)
{
	char head[64];

	if (message_head(l, head) != 0)
		return -1;
	if (t->messages++ > 0 && strcmp(head, t->message_head) != 0)
		problem("messages of two transactions in one");
	memcpy(t->message_head, head, sizeof(head));
	return 0;
}

int
transaction_line(struct transaction *t, const struct replica *r, const struct line *l)
{
	if (check_place(t, l) != 0)
		return -1;
	if (l->action == 'C')
		return 0;
	if (l->action == 'M')
		return take_message(t, l);
	if (shape_is_other(l)) {
		t->others++;
		return 0;
	}
	if ((t->n & (t->n - 1)) == 0) {
		t->changes = realloc(t->changes, (t->n == 0 ? 1 : t->n * 2) * sizeof(*t->changes));
		if (t->changes == NULL)
			errx(111, "out of memory");
	}
	if (replica_read_change(r, &t->changes[t->n], l) != 0)
		return -1;
	t->n++;
	return 0;
}

static struct loose **
loose_of(struct loose **all, const char *head)
{
	while (*all != NULL && strcmp((*all)->head, head) != 0)
		all = &(*all)->next;
	return all;
}

/* How many messages there were, which is asked once. */
static int
take_loose(struct loose **all, const char *head)
{
	struct loose **at = loose_of(all, head), *loose = *at;
	int messages;

	if (loose == NULL)
		return 0;
	messages = loose->messages;
	*at = loose->next;
	free(loose);
	return messages;
}

void
transaction_loose_message(struct loose **all, const struct line *l)
{
	char head[64];
	struct loose *loose;

	if (message_head(l, head) != 0)
		return;
	loose = *loose_of(all, head);
	if (loose == NULL) {
		loose = calloc(1, sizeof(*loose));
		if (loose == NULL)
			errx(111, "out of memory");
		memcpy(loose->head, head, sizeof(head));
		loose->next = *all;
		*all = loose;
	}
	loose->messages++;
}

void
transaction_free_loose(struct loose **all)
{
	while (*all != NULL)
		take_loose(all, (*all)->head);
}

/* The one control row. 0, or -1 after reporting. */
static int
find_control(const struct transaction *t, struct control *control)
{
	const struct change *c = NULL;

	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->changes[i].table->name, "control") != 0)
			continue;
		if (c != NULL || t->changes[i].action != 'I') {
			problem("transaction %s: more than one control row", line_lsn_text(t->lsn));
			return -1;
		}
		c = &t->changes[i];
	}
	if (c == NULL) {
		problem("transaction %s: no control row", line_lsn_text(t->lsn));
		return -1;
	}
	*control = (struct control){ c->new[0], c->new[1], c->new[2], c->new[3], c->new[4],
		c->new[5], c->new[6] };
	return 0;
}

/* "kv=1/0/2/0" out of the control row's changes; zeros when the table is not there. */
static void
told_of(const char *changes, const char *table, int told[4])
{
	size_t len = strlen(table);
	const char *at = changes;

	memset(told, 0, 4 * sizeof(*told));
	while (at != NULL && (strncmp(at, table, len) != 0 || at[len] != '=')) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	if (at != NULL &&
	    sscanf(at + len, "=%d/%d/%d/%d", &told[0], &told[1], &told[2], &told[3]) != 4)
		problem("control row: \"%s\" is not understood", changes);
}

static void
check_counts(const struct transaction *t, const struct control *control, const char *table)
{
	int told[4], found[4] = { 0 }, members = 1;

	told_of(control->changes, table, told);
	for (size_t i = 0; i < t->n; i++) {
		const struct change *c = &t->changes[i];

		if (strcmp(c->table->root, table) != 0)
			continue;
		found[strchr("IUDT", c->action) - "IUDT"]++;
		members = (int)c->table->members;
	}
	told[3] *= members;
	if (memcmp(told, found, sizeof(told)) != 0)
		problem("transaction %s (client %s, seq %s): %s has %d/%d/%d/%d changes for"
			" %d/%d/%d/%d",
		    line_lsn_text(t->lsn), control->client, control->seq, table, found[0], found[1],
		    found[2], found[3], told[0], told[1], told[2], told[3]);
}

static void
check_control(const struct transaction *t, const struct control *control, struct loose **all,
    const struct source *s)
{
	char head[64];
	int loose;

	if ((atoll(control->xid) & 0xFFFFFFFF) != t->xid)
		problem("transaction %s: xid %jd, and %s in the control row", line_lsn_text(t->lsn),
		    (intmax_t)t->xid, control->xid);
	if (strcmp(control->origin != NULL ? control->origin : "", t->origin) != 0)
		problem("transaction %s: origin \"%s\", and another in the control row",
		    line_lsn_text(t->lsn), t->origin);
	for (int i = 0; i < TABLES; i++)
		check_counts(t, control, tables_name[i]);
	snprintf(head, sizeof(head), "%s/%s/", control->client, control->seq);
	if (t->messages > 0 && strcmp(head, t->message_head) != 0)
		problem("transaction %s: messages of another one", line_lsn_text(t->lsn));
	if (t->messages != (s->sends_messages ? atoi(control->messages) : 0))
		problem("transaction %s: %d messages in it for %s", line_lsn_text(t->lsn),
		    t->messages, control->messages);
	loose = take_loose(all, head);
	if (loose != (s->sends_messages ? atoi(control->loose) : 0))
		problem("transaction %s: %d messages outside of it for %s", line_lsn_text(t->lsn),
		    loose, control->loose);
}

void
transaction_apply(struct transaction *t, struct loose **all, const struct source *s)
{
	struct control control;

	if (t->n == 0 && t->messages == 0 && t->others > 0)
		return;
	if (t->n == 0 && t->messages == 0)
		problem("transaction %s: empty", line_lsn_text(t->lsn));
	if (find_control(t, &control) == 0)
		check_control(t, &control, all, s);
	for (size_t i = 0; i < t->n; i++)
		replica_apply(&t->changes[i]);
}
