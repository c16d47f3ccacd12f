#include <string.h>

#include "ack.h"
#include "log.h"
#include "options.h"

#define SECOND INT64_C(1000000)

static int
check(struct options *o, const struct wanted_options *texts)
{
	int err;

	if ((err = wanted_parse(&o->wanted, texts)) != 0)
		return err;
	if (o->filter.tables.n == 0 && o->publications.n == 0 && o->wanted.n_pages == 0)
		return log_permanent("no table is named; give --tables, \"*.*\" are all, "
				     "--publication or --pages");
	if (o->digest && (o->ack != NULL || o->create_slot != NULL))
		return log_permanent("--digest excludes --ack, --progress-file and --create-slot: "
				     "it writes no event lines");
	if (o->failover && o->create_slot == NULL)
		return log_permanent("--failover needs --create-slot");
	if ((err = ack_check_wait_for(&o->wait_for, o->ack)) != 0)
		return err;
	if (o->progress_file != NULL && o->ack == NULL)
		return log_permanent(
		    "option --progress-file needs --ack: without it nothing is known to be read");
	return filter_check(&o->filter);
}

int
options_parse(struct options *o, int argc, char **argv)
{
	static struct wanted_options texts; /* for the life of the program */

	*o = (struct options){
		.server = { .program = "pgcdc-dump", .option = "dbname" },
		.jobs = 1,
		.range_pages = 1024,
		.timeout = 60 * SECOND,
		.shutdown_timeout = 30 * SECOND,
	};
	const struct opt table[] = {
		CONNECT_OPTIONS(&o->server),
		{ "tables", 't', OPT_LIST, &o->filter.tables, "PATTERN,...",
		    "tables to read, schema.table with \"*\"", 0, 0 },
		{ "exclude-tables", 0, OPT_LIST, &o->filter.exclude, "PATTERN,...",
		    "not these tables", 0, 0 },
		{ "publication", 0, OPT_LIST, &o->publications, "NAME,...",
		    "tables of these publications, as they publish them", 0, 0 },
		{ "columns", 0, OPT_LIST, &texts.columns, "TABLE:COLUMN,...",
		    "only these columns of a table, and its identity", 0, 0 },
		{ "exclude-columns", 0, OPT_LIST, &texts.exclude_columns, "TABLE:COLUMN,...",
		    "not these columns of a table", 0, 0 },
		{ "where", 0, OPT_EACH, &texts.where, "TABLE:EXPRESSION",
		    "only rows of a table of which this is true, in SQL; repeated", 0, 0 },
		{ "pages", 0, OPT_LIST, &texts.pages, "TABLE:FIRST-LAST,...",
		    "only these pages of tables; \"-\": standard input names them", 0, 0 },
		{ "create-slot", 0, OPT_STRING, &o->create_slot, "SLOT",
		    "make this slot, and read what was there before its stream", 0, 0 },
		{ "failover", 0, OPT_FLAG, &o->failover, NULL,
		    "let that slot follow to standbys (server 17 and later)", 0, 0 },
		{ "jobs", 'j', OPT_COUNT, &o->jobs, "N", "connections that read (default: 1)", 1,
		    64 },
		{ "range-pages", 0, OPT_COUNT, &o->range_pages, "N",
		    "pages that are read at a time (default: 1024)", 1, INT64_C(1) << 31 },
		{ "digest", 0, OPT_FLAG, &o->digest, NULL,
		    "instead of rows, count and digest of each range", 0, 0 },
		{ "ack", 0, OPT_STRING, &o->ack, "PATH",
		    "FIFO of the acks, or \"stdout\" (default: none is waited for)", 0, 0 },
		{ "wait-for", 0, OPT_LIST, &o->wait_for, "NAME,...",
		    "sinks that must acknowledge (default: one of any name)", 0, 0 },
		{ "progress-file", 0, OPT_STRING, &o->progress_file, "FILE",
		    "remember what is acknowledged, and go on behind it", 0, 0 },
		{ "min-lsn", 0, OPT_LSN, &o->min_lsn, "LSN",
		    "wait until a standby has replayed so far", 0, 0 },
		{ "timeout", 0, OPT_DURATION, &o->timeout, "TIME",
		    "longest wait for that (default: 1min)", 0, 86400 * SECOND },
		{ "max-rate", 0, OPT_SIZE, &o->max_rate, "SIZE",
		    "write no more bytes a second (default: no limit)", 1024, INT64_C(1) << 40 },
		{ "shutdown-timeout", 0, OPT_DURATION, &o->shutdown_timeout, "TIME",
		    "longest wait for the last acks (default: 30s)", 0, 3600 * SECOND },
		{ .name = NULL },
	};
	const struct opt_program program = {
		.name = "pgcdc-dump",
		.prefix = "PGCDC_DUMP_",
		.usage = "",
		.purpose = "tables of a Postgres database as event lines on standard output",
		.options = table,
	};
	int err;

	if ((err = opt_parse(&program, argc, argv, NULL)) != 0)
		return err;
	return check(o, &texts);
}
