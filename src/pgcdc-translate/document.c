#include <errno.h>

#include "document.h"

json_t *
document_load(const char *p, size_t len, json_error_t *why)
{
	json_t *json;

	/* jansson calls a string for which there is no memory an invalid token. */
	errno = 0;
	json = json_loadb(p, len, JSON_DECODE_ANY, why);
	if (json == NULL && errno != ENOMEM)
		errno = EBADMSG;
	return json;
}
