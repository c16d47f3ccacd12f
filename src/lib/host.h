/* Names of hosts, as far as they say whether somebody else could sit there. */
#ifndef HOST_H
#define HOST_H

/* Is it a path of a socket, "localhost" or a loopback address? */
int host_is_local(const char *host);

#endif
