#include <errno.h>
#include <string.h>

#include "acks.h"
#include "log.h"

/* Lines read from the FIFO before something else gets its turn. */
#define ACKS_AT_ONCE 256

/* Warn of the 1st, 10th, 100th ... stray ack: whoever floods us shall not fill the log. */
static int
is_power_of_ten(uint64_t n)
{
	while (n % 10 == 0)
		n /= 10;
	return n == 1;
}

static int
ignore(struct acks *a, const struct ack *ack, const char *why)
{
	if (is_power_of_ten(++a->n_ignored))
		log_warn("ack \"%s\" of \"%s\" is ignored: %s (%llu such since the start)",
		    ack->token, ack->name, why, (unsigned long long)a->n_ignored);
	return 0;
}

static int
take(struct acks *a, const struct ack *ack)
{
	const char *why = a->form;
	uint64_t number;

	if (ack->malformed || a->parse(a->context, &number, ack->token, &why) != 0)
		return ignore(a, ack, why);
	switch (confirm_ack(a->confirm, ack->name, number)) {
	case CONFIRM_TAKEN:
		a->n_taken++;
		break;
	case CONFIRM_REPEATED:
		break;
	case CONFIRM_BELOW:
		return ignore(a, ack, "it is older than what is confirmed already");
	case CONFIRM_BEYOND:
		return ignore(a, ack, "nothing so new was emitted");
	case CONFIRM_UNKNOWN:
		return ignore(a, ack, "--wait-for does not name it");
	case CONFIRM_SECOND:
		return log_permanent(
		    "acks of two names, \"%s\" and \"%s\", come without --wait-for; "
		    "name with it the sinks that must acknowledge",
		    a->confirm->names[0].name, ack->name);
	}
	return 0;
}

int
acks_read(struct acks *a)
{
	struct ack ack;
	int got = 1, err = 0;

	for (int i = 0; i < ACKS_AT_ONCE && err == 0; i++) {
		got = ack_next(a->fifo, &ack);
		if (got <= 0)
			break;
		err = take(a, &ack);
	}
	a->left = got > 0;
	if (got < 0)
		return log_temporary(
		    "could not read ack FIFO \"%s\": %s", a->path, strerror(errno));
	return err;
}
