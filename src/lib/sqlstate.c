#include <stddef.h>
#include <string.h>

#include "log.h"
#include "sqlstate.h"

int
sqlstate_code(const char *sqlstate)
{
	/* Classes that time heals, and codes inside the others (errcodes-appendix). */
	static const char *const temporary[] = {
		"08",
		"40",
		"53",
		"57",
		"58",
		"XX000",
		"55006" /* slot is in use */,
		"55P03" /* lock not available */,
	};
	static const char *const permanent[] = {
		"58P01" /* WAL segment is gone */,
		"57P04" /* database dropped */,
	};

	if (sqlstate == NULL)
		return EXIT_TEMPORARY;
	for (size_t i = 0; i < sizeof(permanent) / sizeof(permanent[0]); i++)
		if (strcmp(sqlstate, permanent[i]) == 0)
			return EXIT_PERMANENT;
	for (size_t i = 0; i < sizeof(temporary) / sizeof(temporary[0]); i++)
		if (strncmp(sqlstate, temporary[i], strlen(temporary[i])) == 0)
			return EXIT_TEMPORARY;
	return EXIT_PERMANENT;
}
