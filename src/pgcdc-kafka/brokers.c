#include <stdlib.h>
#include <string.h>

#include "brokers.h"
#include "host.h"

#define LAST_PORT 65535

/* Of the len bytes: 1 to 65535, and no more. */
static int
is_port(const char *s, size_t len)
{
	unsigned long port = strtoul(s, NULL, 10);

	return len > 0 && len <= 5 && strspn(s, "0123456789") == len && port > 0 &&
	       port <= LAST_PORT;
}

/* One of the list, len bytes long: its host, without protocol and brackets.  0 or -1. */
static int
take_host(char host[BROKERS_HOST_SIZE], const char *entry, size_t len)
{
	const char *end = entry + len, *protocol = memmem(entry, len, "://", 3), *behind;
	size_t host_len;

	if (protocol != NULL)
		entry = protocol + strlen("://");
	if (entry < end && *entry == '[') {
		entry++;
		host_len = strcspn(entry, "],");
		behind = entry + host_len;
		if (behind++ >= end)
			return -1;
	} else {
		host_len = strcspn(entry, ":, /[]\t");
		behind = entry + host_len;
	}
	if (host_len == 0 || host_len >= BROKERS_HOST_SIZE ||
	    (behind < end && (*behind != ':' || !is_port(behind + 1, (size_t)(end - behind - 1)))))
		return -1;
	memcpy(host, entry, host_len);
	host[host_len] = '\0';
	return 0;
}

int
brokers_parse(const char *list, char remote[BROKERS_HOST_SIZE])
{
	char host[BROKERS_HOST_SIZE];

	*remote = '\0';
	for (;; list++) {
		size_t len;

		list += strspn(list, " ");
		len = strcspn(list, ",");
		if (take_host(host, list, len) != 0)
			return -1;
		if (*remote == '\0' && !host_is_local(host))
			strcpy(remote, host);
		list += len;
		if (*list == '\0')
			return 0;
	}
}
