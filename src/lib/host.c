#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "host.h"

int
host_is_local(const char *host)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (*host == '\0' || *host == '/' || *host == '@' || strcmp(host, "localhost") == 0)
		return 1;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
