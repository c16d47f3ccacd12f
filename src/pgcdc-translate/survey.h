/* What the store is: a look at it when it is opened. */
#ifndef SURVEY_H
#define SURVEY_H

#include "link.h"
#include "options.h"

struct survey {
	int keeps_log;              /* else init was run with --no-ddl: there is only the catalog */
	int is_standby;             /* or was one then */
	char system_identifier[32]; /* empty when we may not ask for it */
};

/* Is there a log, of a version that we know?  0, or the exit code after reporting. */
int survey_take(struct survey *s, const struct link *l);

/* Warn of each pattern that is made for none of its tables. 0, or the exit code. */
int survey_patterns(const struct link *l, const struct options *o);

#endif
