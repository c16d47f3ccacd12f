/*
 * The connection to Kafka, which both halves share: librdkafka's configuration from our options,
 * and what its errors mean for us.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "opt.h"

/* A list of them ends with the name NULL. */
struct client_property {
	const char *name, *value;
};

/* Options for the connection, those of the user; NULL or 0: not given. */
struct client_options {
	const char *brokers;
	const char *file;         /* properties, one a line */
	struct opt_list property; /* "name=value" */
	int tls;
	const char *ca_file, *cert_file, *key_file, *key_password_file;
	const char *sasl_mechanism, *sasl_username, *sasl_password_file;
	int insecure;
	const struct client_property *defaults; /* not of the user, who may set others; or NULL */
};

/* Rows of a program's option table; o is a struct client_options *. */
#define CLIENT_OPTIONS(o)                                                                          \
	{ "brokers", 'b', OPT_STRING, &(o)->brokers, "HOST[:PORT],...", "brokers to begin with",   \
		0, 0 },                                                                            \
	    { "property", 'X', OPT_PAIR, &(o)->property, "NAME=VALUE",                             \
		    "set a property of librdkafka; repeated", 0, 0 },                              \
	    { "config", 'F', OPT_STRING, &(o)->file, "FILE", "read such properties from a file",   \
		    0, 0 },                                                                        \
	    { "tls", 0, OPT_FLAG, &(o)->tls, NULL,                                                 \
		    "encrypt the connection, and verify the broker", 0, 0 },                       \
	    { "ca-file", 0, OPT_STRING, &(o)->ca_file, "FILE",                                     \
		    "certificates to verify brokers with (default: the system's)", 0, 0 },         \
	    { "cert-file", 0, OPT_STRING, &(o)->cert_file, "FILE", "our certificate, PEM", 0, 0 }, \
	    { "key-file", 0, OPT_STRING, &(o)->key_file, "FILE", "our private key, PEM", 0, 0 },   \
	    { "key-password-file", 0, OPT_STRING, &(o)->key_password_file, "FILE",                 \
		    "file with the password of that key", 0, 0 },                                  \
	    { "sasl-mechanism", 0, OPT_WORD, &(o)->sasl_mechanism,                                 \
		    "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512", "how to log in", 0, 0 },                  \
	    { "sasl-username", 0, OPT_STRING, &(o)->sasl_username, "NAME", "user for SASL", 0,     \
		    0 },                                                                           \
	    { "sasl-password-file", 0, OPT_STRING, &(o)->sasl_password_file, "FILE",               \
		    "file with that user's password", 0, 0 },                                      \
	{                                                                                          \
		"insecure", 0, OPT_FLAG, &(o)->insecure, NULL,                                     \
		    "allow a broker that is not verified, or no encryption", 0, 0                  \
	}

/* A property that the user may not set otherwise. */
struct client_rule {
	const char *name;
	const char *values; /* those that are allowed, separated by '|'; NULL: none */
	const char *reason; /* what else would break, or what to use instead */
};

/*
 * The configuration: our defaults, then the file, then -X, then the options; each property that
 * one of the rules forbids is refused.  The rules end with a NULL name.  0 and *conf, which the
 * caller owns; or the exit code after reporting.
 */
int client_configure(
    rd_kafka_conf_t **conf, const struct client_options *o, const struct client_rule *rules);

/* Set a property of our own. 0, or the exit code after reporting. */
int client_set(rd_kafka_conf_t *conf, const char *name, const char *value);
int client_set_number(rd_kafka_conf_t *conf, const char *name, uint64_t value);

/* A list of them, but for those whose value is NULL. */
int client_set_all(rd_kafka_conf_t *conf, const struct client_property *properties);

/* A property's value, empty if it has none. 0, or -1: it is longer than that, and cut off. */
int client_get(const rd_kafka_conf_t *conf, const char *name, char *value, size_t size);
double client_get_number(const rd_kafka_conf_t *conf, const char *name);

/*
 * Is an error of the client (not of a message) one that waiting mends?  0, after a warning
 * that is not repeated within a minute; or the exit code after reporting.
 */
int client_judge(rd_kafka_t *rk, rd_kafka_resp_err_t error, const char *reason);

/* Who we are to the brokers, for messages: user "bob", or our user. */
#define CLIENT_USER_SIZE 160
void client_user(rd_kafka_t *rk, char user[CLIENT_USER_SIZE]);

/* Pass a message of librdkafka on. */
void client_log(rd_kafka_event_t *event);

#endif
