#include <string.h>

#include "ack.h"
#include "log.h"
#include "options.h"

#define SECOND INT64_C(1000000)

static int
check(const struct options *o)
{
	int err;

	if (o->slot == NULL)
		return log_permanent("no slot is named; give --slot, \"pgcdc init\" makes one");
	if (o->publications.n == 0)
		return log_permanent("no publication is named; give --publication, "
				     "\"pgcdc init\" makes one");
	if ((err = ack_check_wait_for(&o->wait_for, o->ack)) != 0)
		return err;
	if (o->state != NULL && o->ack == NULL)
		return log_permanent("option --state needs --ack: without it nothing is confirmed");
	if (o->accept_gap && o->state == NULL)
		return log_permanent("option --accept-gap needs --state");
	return filter_check(&o->filter);
}

int
options_parse(struct options *o, int argc, char **argv)
{
	*o = (struct options){
		.server = { .program = "pgcdc-read", .option = "dbname" },
		.status_interval = 1 * SECOND,
		.shutdown_timeout = 30 * SECOND,
		.max_line = UINT64_C(1) << 30,
	};
	const struct opt table[] = {
		CONNECT_OPTIONS(&o->server),
		{ "slot", 'S', OPT_STRING, &o->slot, "SLOT", "replication slot to read", 0, 0 },
		{ "publication", 0, OPT_LIST, &o->publications, "NAME,...", "publications to read",
		    0, 0 },
		{ "ack", 0, OPT_STRING, &o->ack, "PATH",
		    "FIFO of the acks, or \"stdout\" (default: nothing is confirmed)", 0, 0 },
		{ "wait-for", 0, OPT_LIST, &o->wait_for, "NAME,...",
		    "sinks that must acknowledge (default: one of any name)", 0, 0 },
		{ "state", 0, OPT_STRING, &o->state, "FILE",
		    "remember the position, to see a gap at the next start", 0, 0 },
		{ "accept-gap", 0, OPT_FLAG, &o->accept_gap, NULL,
		    "start although --state shows that changes are lost", 0, 0 },
		{ "status-interval", 's', OPT_DURATION, &o->status_interval, "TIME",
		    "time between confirmations (default: 1s)", SECOND / 100, 3600 * SECOND },
		{ "endpos", 'E', OPT_LSN, &o->endpos, "LSN",
		    "end after the transaction that reaches this position", 0, 0 },
		{ "drain", 0, OPT_FLAG, &o->drain, NULL,
		    "end when all that is in the slot now was read", 0, 0 },
		{ "shutdown-timeout", 0, OPT_DURATION, &o->shutdown_timeout, "TIME",
		    "longest wait for the last acks (default: 30s)", 0, 3600 * SECOND },
		{ "tables", 0, OPT_LIST, &o->filter.tables, "PATTERN,...",
		    "only these tables, schema.table with \"*\"", 0, 0 },
		{ "exclude-tables", 0, OPT_LIST, &o->filter.exclude, "PATTERN,...",
		    "not these tables", 0, 0 },
		{ "max-line", 0, OPT_SIZE, &o->max_line, "SIZE", "longest line (default: 1GiB)",
		    1024, INT64_C(1) << 40 },
		{ .name = NULL },
	};
	const struct opt_program program = {
		.name = "pgcdc-read",
		.prefix = "PGCDC_READ_",
		.usage = "",
		.purpose = "a Postgres replication slot as event lines on standard output",
		.options = table,
	};
	int err;

	if ((err = opt_parse(&program, argc, argv, NULL)) != 0)
		return err;
	return check(o);
}
