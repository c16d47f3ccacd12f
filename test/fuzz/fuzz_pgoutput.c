/*
 * A stream of pgoutput messages: whatever the bytes are, what is accepted becomes event
 * lines that a sink would take, what is not leaves no part of a line, and nothing
 * beyond a message is read.
 *
 * The first byte of an input holds options; then come messages, each behind its length
 * in two bytes.  Messages lie in blocks of their own size, so that ASan sees a read
 * beyond them.  An error ends the stream, as it ends the program.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "event.h"
#include "events.h"
#include "log.h"

#define START 0x1000

/* So that a row never has more columns than a line may have entries. */
#define MOST_BYTES 0x1fff

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

/* The decoder's errors go nowhere: there is one for nearly each input. */
static int stderr_fd, null_fd;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stderr_fd = dup(STDERR_FILENO);
	null_fd = open("/dev/null", O_WRONLY);
	if (__sanitizer_set_report_fd != NULL)
		__sanitizer_set_report_fd((void *)(intptr_t)stderr_fd);
	log_init("fuzz");
	return 0;
}

static void
check(int good, const char *what)
{
	if (!good) {
		dup2(stderr_fd, STDERR_FILENO);
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

enum { FILTER = 1, SHORT_LINES = 2, NO_NAMES = 4, NO_SERVER = 8 };

static int options;

static int
ask(void *context, uint32_t oid, int32_t modifier, const char *schema, const char *type,
    struct buf *name)
{
	check(context == &options, "another context");
	check((schema == NULL) == (type == NULL), "half a name");
	if ((options & NO_SERVER) != 0 && oid % 2 != 0)
		return EXIT_TEMPORARY;
	if ((options & NO_NAMES) == 0) {
		buf_str(name, "public.t");
		buf_uint(name, (uint32_t)modifier);
	}
	return 0;
}

/* A second opinion on the bytes: steps over a message as the documentation has it. */
struct reader {
	const uint8_t *p;
	size_t left;
	int bad;
};

static uint64_t
number(struct reader *r, size_t n)
{
	uint64_t v = 0;

	if (r->left < n) {
		r->bad = 1;
		return 0;
	}
	for (r->left -= n; n > 0; n--)
		v = v << 8 | *r->p++;
	return v;
}

static void
skip(struct reader *r, uint64_t n)
{
	if (n > r->left) {
		r->bad = 1;
		return;
	}
	r->p += n;
	r->left -= n;
}

static void
string(struct reader *r)
{
	while (!r->bad && number(r, 1) != 0)
		;
}

static void
row(struct reader *r)
{
	for (uint64_t n = number(r, 2); n > 0 && !r->bad; n--)
		switch (number(r, 1)) {
		case 't':
			skip(r, number(r, 4));
			break;
		case 'n':
		case 'u':
			break;
		default:
			r->bad = 1;
		}
}

static int
is_well_formed(const uint8_t *p, size_t len)
{
	struct reader r = { p, len, 0 };
	uint64_t type = number(&r, 1), kind;

	switch (type) {
	case 'A':
		skip(&r, 4 + 4);
		break;
	case 'B':
		skip(&r, 8 + 8 + 4);
		break;
	case 'C':
		skip(&r, 1 + 8 + 8 + 8);
		break;
	case 'O':
		skip(&r, 8);
		string(&r);
		break;
	case 'R':
		skip(&r, 4);
		string(&r);
		string(&r);
		skip(&r, 1);
		for (uint64_t n = number(&r, 2); n > 0 && !r.bad; n--) {
			skip(&r, 1);
			string(&r);
			skip(&r, 4 + 4);
		}
		break;
	case 'Y':
		skip(&r, 4);
		string(&r);
		string(&r);
		break;
	case 'I':
	case 'U':
	case 'D':
		skip(&r, 4);
		kind = number(&r, 1);
		if (type != 'I' && (kind == 'K' || kind == 'O')) {
			row(&r);
			if (type == 'D')
				break;
			kind = number(&r, 1);
		}
		if (type == 'D' || kind != 'N')
			return 0;
		row(&r);
		break;
	case 'T':
		kind = number(&r, 4);
		skip(&r, 1);
		skip(&r, 4 * kind);
		break;
	case 'M':
		skip(&r, 1 + 8);
		string(&r);
		skip(&r, number(&r, 4));
		break;
	default:
		return 0;
	}
	return !r.bad && r.left == 0;
}

/* The lines from *at on, which move there. */
static void
follow(const struct buf *out, size_t *at, struct chain *chain, uint64_t max_line)
{
	static struct event v;

	while (*at < out->len) {
		const char *line = out->data + *at, *lf = memchr(line, '\n', out->len - *at);

		check(lf != NULL, "a part of a line");
		check(event_scan(&v, line, (size_t)(lf - line)) == 0, "no event line");
		check(v.code != 0, "no known action");
		check(chain_take(chain, &v) == 0, "another token or bracket");
		check(v.code == 'H' || v.code == 'B' || v.code == 'C' ||
			  (size_t)(lf - line) <= max_line,
		    "a line that is too long");
		*at += (size_t)(lf + 1 - line);
	}
}

/* Take a message, and look at what that gave. */
static int
take(struct events *e, uint64_t record, const uint8_t *data, size_t len, struct chain *chain,
    size_t *at)
{
	const int was_open = e->open, was_in = e->in_transaction;
	const uint64_t token = e->prev;
	uint8_t *copy = malloc(len > 0 ? len : 1);
	enum events_result result;
	struct pgoutput_message m;
	const char *why;
	uint64_t lsn = 0;
	int err;

	check(copy != NULL, "no memory");
	memcpy(copy, data, len);
	err = pgoutput_decode(&m, copy, len, &why);
	check((err == 0) == is_well_formed(copy, len), "another opinion on the message");
	check((err == 0) == (why == NULL), "no reason, or one too many");
	err = events_take(e, record, copy, len, &result, &lsn);
	free(copy);
	follow(e->out, at, chain, e->max_line);
	if (err != 0) {
		check(err == EXIT_PERMANENT || err == EXIT_TEMPORARY, "no exit code");
		return err;
	}
	check(why == NULL, "a message that was not decoded is taken");
	check(chain->in_transaction == e->open, "another opinion on the transaction");
	check((result == EVENTS_TOKEN) == (*data == 'M' ? !was_in : *data == 'C' && was_open),
	    "a token, or none");
	check((result == EVENTS_SILENT) == (*data == 'C' && !was_open), "silence, or none");
	check(e->prev == (result == EVENTS_TOKEN ? lsn : token), "another token");
	return 0;
}

static void
run(const uint8_t *data, size_t size)
{
	static char pattern[] = "public.*", excluded[] = "*.t*";
	static char *tables[] = { pattern }, *exclude[] = { excluded };
	const size_t patterns = (options & FILTER) != 0;
	struct filter filter = { .tables = { tables, patterns }, .exclude = { exclude, patterns } };
	const uint64_t max_line = (options & SHORT_LINES) != 0 ? 300 : 1 << 30;
	struct encode_head head = { "7445", 1, "s", START, 0 };
	struct types *types = types_new(ask, &options);
	struct chain chain = { .begun = 0 };
	struct buf out = BUF_INIT;
	uint64_t record = START;
	struct events e;
	size_t at = 0;

	check(types != NULL && events_init(&e, &out, types, &filter, START, max_line) == 0,
	    "no memory");
	encode_head(&out, &head);
	while (size >= 2) {
		size_t len = ((size_t)data[0] << 8 | data[1]) & MOST_BYTES;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		if (take(&e, record += 24, data, len, &chain, &at) != 0)
			break;
		data += len;
		size -= len;
	}
	events_free(&e);
	types_free(types);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	options = data[0];
	dup2(null_fd, STDERR_FILENO);
	run(data + 1, size - 1);
	dup2(stderr_fd, STDERR_FILENO);
	return 0;
}
