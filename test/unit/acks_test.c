/* Lines of an ack FIFO become a position, and strays a counted warning. */
#include <stdlib.h>
#include <unistd.h>

#include "acks.h"
#include "log.h"
#include "said.h"
#include "tap.h"

static const struct opt_list nobody;

/* Tokens of the test: "t" and a digit. */
static int
parse(void *context, uint64_t *number, const char *token, const char **why)
{
	if (*token == 'x')
		*why = context;
	if (*token != 't')
		return -1;
	*number = (uint64_t)(token[1] - '0');
	return 0;
}

static char folder[] = "/tmp/pgcdc.XXXXXX";
static char path[sizeof(folder) + 4];
static char other_why[] = "it is of another kind";

static struct confirm confirm;
static struct ack_fifo fifo;
static struct acks acks = {
	.fifo = &fifo,
	.path = path,
	.confirm = &confirm,
	.form = "it has no form",
	.parse = parse,
	.context = other_why,
};

static void
put(const char *lines)
{
	if (write(fifo.fd, lines, strlen(lines)) < 0)
		abort();
}

static void
taken(void)
{
	confirm_emitted(&confirm, 1);
	confirm_emitted(&confirm, 2);
	is_int(acks_read(&acks), 0, "an empty FIFO");
	put("t1 a\n");
	is_int(acks_read(&acks), 0, "an ack");
	is_int(confirm.position, 1, "... moves the position");
	is_int(acks.n_taken, 1, "... and is counted");
	put("t1 a\n");
	is_int(acks_read(&acks), 0, "the same again");
	is_int(acks.n_taken + acks.n_ignored, 1, "... is nothing new");
}

static void
ignored(void)
{
	put("no ack at all\n");
	is_int(acks_read(&acks), 0, "a malformed line");
	said_line("test: warning: ack \"\" of \"\" is ignored: it has no form "
		  "(1 such since the start)");
	for (int i = 0; i < 8; i++)
		put("t7 a\n");
	is_int(acks_read(&acks), 0, "tokens that were never emitted");
	is_str(said(), "", "... are warned about the tenth time, not each");
	put("x a\n");
	is_int(acks_read(&acks), 0, "the tenth stray");
	said_line("test: warning: ack \"x\" of \"a\" is ignored: it is of another kind "
		  "(10 such since the start)");
	is_int(confirm.position, 1, "the position stays");
	is_int(acks.n_ignored, 10, "all are counted");
}

static void
in_portions(void)
{
	for (int i = 0; i < 300; i++)
		put("t2 a\n");
	is_int(acks_read(&acks), 0, "many lines");
	ok(acks.left, "some are left for later");
	is_int(confirm.position, 2, "the position has moved");
	is_int(acks_read(&acks), 0, "the rest");
	ok(!acks.left, "nothing is left");
}

static void
second_name(void)
{
	put("t2 b\n");
	is_int(acks_read(&acks), EXIT_PERMANENT, "a second name ends the run");
	said_line("test: error: acks of two names, \"a\" and \"b\", come without --wait-for; "
		  "name with it the sinks that must acknowledge");
}

int
main(void)
{
	log_init("test");
	said_start();
	if (mkdtemp(folder) == NULL || confirm_init(&confirm, 0, &nobody) != 0)
		return 1;
	snprintf(path, sizeof(path), "%s/ack", folder);
	if (ack_listen(&fifo, path) != 0)
		return 1;
	taken();
	ignored();
	in_portions();
	second_name();
	confirm_free(&confirm);
	close(fifo.fd);
	unlink(path);
	rmdir(folder);
	return tap_done();
}
