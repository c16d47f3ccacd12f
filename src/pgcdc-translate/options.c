#include <string.h>

#include "log.h"
#include "opt.h"
#include "options.h"

#define SECOND INT64_C(1000000)

/* Options whose text is looked at after all of them were read. */
struct texts {
	struct opt_list identity, columns, exclude_columns;
};

static int
check(struct options *o, const struct texts *texts)
{
	int err;

	if ((err = selections_parse(&o->choice.identity, &texts->identity, "identity")) != 0 ||
	    (err = selections_parse(&o->choice.columns, &texts->columns, "columns")) != 0 ||
	    (err = selections_parse(
		 &o->choice.exclude_columns, &texts->exclude_columns, "exclude-columns")) != 0)
		return err;
	return filter_check(&o->filter);
}

int
options_parse(struct options *o, int argc, char **argv)
{
	static struct texts texts; /* for the life of the program */

	*o = (struct options){
		.store = { .program = "pgcdc-translate", .option = "store" },
		.store_timeout = 60 * SECOND,
		.acked_interval = 10 * SECOND,
		OPT_INPUT_DEFAULTS,
		.max_hold = UINT64_C(8) << 20,
	};
	const struct opt table[] = {
		{ "store", 'd', OPT_TEXT, &o->store.dbname, "CONNINFO",
		    "database with the schema log; empty: none (default: libpq's)", 0, 0 },
		{ "insecure", 0, OPT_FLAG, &o->store.insecure, NULL,
		    "allow a remote server whose identity is not verified", 0, 0 },
		{ "store-timeout", 0, OPT_DURATION, &o->store_timeout, "TIME",
		    "longest wait for a store that is away or behind (default: 60s)", 0,
		    3600 * SECOND },
		{ "acked-interval", 0, OPT_DURATION, &o->acked_interval, "TIME",
		    "time between marks in the log of what is confirmed; 0: none (default: 10s)", 0,
		    3600 * SECOND },
		{ "identity", 0, OPT_LIST, &texts.identity, "TABLE:COLUMN,...",
		    "identify rows by some of their identity columns", 0, 0 },
		{ "no-identity", 0, OPT_CHOICE, &o->no_identity, "pass|drop|stop",
		    "rows of tables without identity (default: pass)", 0, 0 },
		{ "schemas", 0, OPT_LIST, &o->filter.schemas, "PATTERN,...",
		    "only rows of these schemas, with \"*\"", 0, 0 },
		{ "exclude-schemas", 0, OPT_LIST, &o->filter.exclude_schemas, "PATTERN,...",
		    "not of these schemas", 0, 0 },
		{ "tables", 0, OPT_LIST, &o->filter.tables, "PATTERN,...",
		    "only rows of these tables, schema.table with \"*\"", 0, 0 },
		{ "exclude-tables", 0, OPT_LIST, &o->filter.exclude, "PATTERN,...",
		    "not of these tables", 0, 0 },
		{ "columns", 0, OPT_LIST, &texts.columns, "TABLE:COLUMN,...",
		    "only these columns of a table, and its identity", 0, 0 },
		{ "exclude-columns", 0, OPT_LIST, &texts.exclude_columns, "TABLE:COLUMN,...",
		    "not these columns of a table", 0, 0 },
		OPT_INPUT(o),
		{ "max-hold", 0, OPT_SIZE, &o->max_hold, "SIZE",
		    "without a store, most of a transaction to hold back (default: 8MiB)", 0,
		    INT64_C(1) << 40 },
		{ .name = NULL },
	};
	const struct opt_program program = {
		.name = "pgcdc-translate",
		.prefix = "PGCDC_TRANSLATE_",
		.usage = "",
		.purpose = "give event lines identity, version and stable column ids",
		.options = table,
	};
	int err;

	if ((err = opt_parse(&program, argc, argv, NULL)) != 0)
		return err;
	return check(o, &texts);
}

int
options_stream_only(const struct options *o)
{
	return o->store.dbname != NULL && *o->store.dbname == '\0';
}
