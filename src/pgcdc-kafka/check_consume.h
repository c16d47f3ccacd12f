/*
 * Is everything ready for reading topics?  As check.h; no position is changed, and the members of
 * the group notice nothing.
 */
#ifndef CHECK_CONSUME_H
#define CHECK_CONSUME_H

#include "check.h"
#include "client.h"

struct check_consume {
	const struct client_options *client;
	const struct client_rule *rules; /* of the properties */
	const struct opt_list *topics;   /* names, or patterns with '^' before */
	const char *group;
	int resets; /* an offset that is gone does not end the run */
	int as_json;
};

/*
 * Print what is found of what these options need.  0; EXIT_NEGATIVE when something is bad; or the
 * exit code after reporting that it could not be looked at.
 */
int check_consume(const struct check_consume *options);

#endif
