/*
 * The list of brokers to begin with, as librdkafka takes it: [PROTOCOL://]HOST[:PORT],...  It asks
 * nobody whether a port is one: it takes the digits that there are, and of these 16 bits.
 */
#ifndef BROKERS_H
#define BROKERS_H

#define BROKERS_HOST_SIZE 256

/*
 * 0, and in remote the first host that is not on this machine, empty if there is none; or -1: it is
 * no such list.  An IPv6 address stands in brackets.
 */
int brokers_parse(const char *list, char remote[BROKERS_HOST_SIZE]);

#endif
