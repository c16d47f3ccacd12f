#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "brokers.h"
#include "client.h"
#include "log.h"
#include "loop.h"

/* Microseconds between two warnings about brokers that are away. */
#define WARNING_PAUSE (60 * INT64_C(1000000))

/* The first librdkafka whose SCRAM Kafka 4 takes. */
#define SCRAM_VERSION 0x020601ff

/* What the user sets is looked up by these names. */
#define PROTOCOL "security.protocol"
#define VERIFICATION "enable.ssl.certificate.verification"

/* What both halves rest on, unless --insecure says otherwise. */
static const struct client_rule own_rules[] = {
	{ VERIFICATION, "true|1", "use --insecure" },
	{ .name = NULL },
};

/* A configuration that is being made. */
struct draft {
	rd_kafka_conf_t *conf;
	const struct client_rule *rules;
	int insecure;
	int names_protocol; /* the user has set security.protocol */
};

static int
check_rules(const struct client_rule *rules, const char *name, const char *value, const char *where)
{
	for (const struct client_rule *r = rules; r->name != NULL; r++) {
		const char *allowed = r->values;
		size_t len = strlen(value);

		if (strcmp(r->name, name) != 0)
			continue;
		for (; allowed != NULL; allowed = strchr(allowed, '|')) {
			allowed += *allowed == '|';
			if (strncmp(allowed, value, len) == 0 &&
			    (allowed[len] == '|' || allowed[len] == '\0'))
				return 0;
		}
		return log_permanent(
		    "property \"%s\" may not be \"%s\" (%s): %s", name, value, where, r->reason);
	}
	return 0;
}

static int
set_property(rd_kafka_conf_t *conf, const char *name, const char *value, const char *where)
{
	char error[256];

	if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) == RD_KAFKA_CONF_OK)
		return 0;
	return log_permanent("invalid property of librdkafka (%s): %s", where, error);
}

int
client_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	return set_property(conf, name, value, "option");
}

int
client_set_number(rd_kafka_conf_t *conf, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return client_set(conf, name, text);
}

int
client_set_all(rd_kafka_conf_t *conf, const struct client_property *properties)
{
	int err = 0;

	for (const struct client_property *p = properties; err == 0 && p->name != NULL; p++)
		if (p->value != NULL)
			err = client_set(conf, p->name, p->value);
	return err;
}

int
client_get(const rd_kafka_conf_t *conf, const char *name, char *value, size_t size)
{
	size_t needed = size;

	if (rd_kafka_conf_get(conf, name, value, &needed) != RD_KAFKA_CONF_OK)
		*value = '\0';
	return needed <= size ? 0 : -1;
}

double
client_get_number(const rd_kafka_conf_t *conf, const char *name)
{
	char value[32];

	client_get(conf, name, value, sizeof(value));
	return strtod(value, NULL);
}

/* "name=value" of the user's; pair is changed. */
static int
set_pair(struct draft *d, char *pair, const char *where)
{
	char *value = strchr(pair, '=');
	int err;

	if (value == NULL || value == pair)
		return log_permanent("%s is no property; expected name=value", where);
	*value++ = '\0';
	if ((!d->insecure && (err = check_rules(own_rules, pair, value, where)) != 0) ||
	    (err = check_rules(d->rules, pair, value, where)) != 0)
		return err;
	d->names_protocol |= strcmp(pair, PROTOCOL) == 0;
	return set_property(d->conf, pair, value, where);
}

static char *
trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && strchr(" \t\r\n", end[-1]) != NULL)
		*--end = '\0';
	return s + strspn(s, " \t");
}

/* As kcat's: one property a line, and comments behind '#'. */
static int
read_file(struct draft *d, const char *path)
{
	FILE *f = fopen(path, "re");
	size_t cap = 0, number = 0;
	char *line = NULL;
	int err = 0;

	if (f == NULL)
		return log_permanent("could not open file \"%s\": %s; give --config another one",
		    path, strerror(errno));
	while (err == 0 && getline(&line, &cap, f) >= 0) {
		char where[512], *text = trim(line);

		snprintf(where, sizeof(where), "file \"%s\" line %zu", path, ++number);
		if (*text != '\0' && *text != '#')
			err = set_pair(d, text, where);
	}
	if (err == 0 && ferror(f))
		err = log_temporary("could not read file \"%s\": %s", path, strerror(errno));
	free(line);
	fclose(f);
	return err;
}

/* Everybody may see a command line. */
static int
check_secret(const char *pair)
{
	static const struct {
		const char *name, *option;
	} secrets[] = {
		{ "sasl.password", ", or use --sasl-password-file" },
		{ "ssl.key.password", ", or use --key-password-file" },
		{ "ssl.key.pem", ", or use --key-file" },
		{ "ssl.keystore.password", "" },
		{ "sasl.oauthbearer.client.secret", "" },
		{ "sasl.oauthbearer.assertion.private.key.passphrase", "" },
		{ "sasl.oauthbearer.assertion.private.key.pem", "" },
	};

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (strlen(secrets[i].name) == strcspn(pair, "=") &&
		    strncmp(secrets[i].name, pair, strlen(secrets[i].name)) == 0)
			return log_permanent("property \"%s\" is a secret, and everybody may see a "
					     "command line; put it into a file for --config%s",
			    secrets[i].name, secrets[i].option);
	return 0;
}

static int
set_pairs(struct draft *d, const struct opt_list *pairs)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < pairs->n; i++) {
		char *pair;

		if (!pairs->in_environment && (err = check_secret(pairs->item[i])) != 0)
			return err;
		if ((pair = strdup(pairs->item[i])) == NULL)
			return log_temporary("out of memory");
		err = set_pair(d, pair, "option \"--property\"");
		free(pair);
	}
	return err;
}

/* The first line of a file that holds a secret, into a property. */
static int
set_secret(rd_kafka_conf_t *conf, const char *name, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	int err;

	if (f == NULL)
		return log_permanent("could not open file \"%s\": %s; it should hold a secret",
		    path, strerror(errno));
	if (getline(&line, &cap, f) < 0 || *trim(line) == '\0')
		err = log_permanent("file \"%s\" is empty; it should hold a secret", path);
	else
		err = client_set(conf, name, trim(line));
	if (line != NULL)
		explicit_bzero(line, cap);
	free(line);
	fclose(f);
	return err;
}

/* What librdkafka says of a file that it cannot read names neither it nor the option. */
static int
check_file(const char *option, const char *path)
{
	if (path == NULL || access(path, R_OK) == 0)
		return 0;
	return log_permanent(
	    "could not open file \"%s\": %s; give %s another one", path, strerror(errno), option);
}

static int
check_options(const struct client_options *o)
{
	int err;

	if (o->sasl_mechanism == NULL &&
	    (o->sasl_username != NULL || o->sasl_password_file != NULL))
		return log_permanent("--sasl-username and --sasl-password-file need "
				     "--sasl-mechanism");
	if (!o->tls && (o->ca_file != NULL || o->cert_file != NULL || o->key_file != NULL))
		return log_permanent("--ca-file, --cert-file and --key-file need --tls");
	if ((o->cert_file == NULL) != (o->key_file == NULL))
		return log_permanent("--cert-file and --key-file need each other");
	if (o->key_password_file != NULL && o->key_file == NULL)
		return log_permanent("--key-password-file needs --key-file");
	if ((err = check_file("--ca-file", o->ca_file)) != 0 ||
	    (err = check_file("--cert-file", o->cert_file)) != 0)
		return err;
	return check_file("--key-file", o->key_file);
}

static int
set_protocol(rd_kafka_conf_t *conf, const struct client_options *o)
{
	int sasl = o->sasl_mechanism != NULL;

	if (!o->tls && !sasl)
		return 0;
	return client_set(conf, PROTOCOL, o->tls ? (sasl ? "sasl_ssl" : "ssl") : "sasl_plaintext");
}

static int
set_options(rd_kafka_conf_t *conf, const struct client_options *o)
{
	const struct client_property plain[] = {
		{ "bootstrap.servers", o->brokers },
		{ "ssl.ca.location", o->ca_file },
		{ "ssl.certificate.location", o->cert_file },
		{ "ssl.key.location", o->key_file },
		{ "sasl.mechanisms", o->sasl_mechanism },
		{ "sasl.username", o->sasl_username },
		{ .name = NULL },
	};
	int err;

	if ((err = check_options(o)) != 0 || (err = client_set_all(conf, plain)) != 0 ||
	    (err = set_protocol(conf, o)) != 0 ||
	    (o->insecure && (err = client_set(conf, VERIFICATION, "false")) != 0))
		return err;
	if (o->key_password_file != NULL &&
	    (err = set_secret(conf, "ssl.key.password", o->key_password_file)) != 0)
		return err;
	if (o->sasl_password_file != NULL)
		return set_secret(conf, "sasl.password", o->sasl_password_file);
	return 0;
}

#define LONGEST_VALUE 1024

static const char *
get(const rd_kafka_conf_t *conf, const char *name, char value[LONGEST_VALUE])
{
	client_get(conf, name, value, LONGEST_VALUE);
	return value;
}

/* To a broker that could be anybody we send nothing, unless it was asked for. */
static int
check_identity(const rd_kafka_conf_t *conf, const struct client_options *o, int explicit)
{
	char brokers[LONGEST_VALUE], protocol[LONGEST_VALUE], verify[LONGEST_VALUE],
	    names[LONGEST_VALUE], remote[BROKERS_HOST_SIZE];
	static int is_warned; /* there may be several clients */
	int encrypted, verified;

	if (*get(conf, "bootstrap.servers", brokers) == '\0')
		return log_permanent("no broker is named; give one with --brokers");
	if (brokers_parse(brokers, remote) != 0)
		return log_permanent("invalid value \"%s\" for %s; expected HOST[:PORT],...",
		    brokers,
		    o->brokers != NULL ? "option \"--brokers\"" : "property \"bootstrap.servers\"");
	encrypted = strstr(get(conf, PROTOCOL, protocol), "ssl") != NULL;
	verified = strcmp(get(conf, VERIFICATION, verify), "true") == 0 &&
	           strcmp(get(conf, "ssl.endpoint.identification.algorithm", names), "none") != 0;
	if (encrypted ? verified : *remote == '\0')
		return 0;
	if (*remote != '\0' && !explicit && !o->insecure)
		return log_permanent("the connection to broker \"%s\" would not be encrypted and "
				     "verified; give --tls, or allow it with --insecure",
		    remote);
	if (!is_warned)
		log_warn("the connection to broker \"%s\" is not %s; use --tls%s",
		    *remote != '\0' ? remote : brokers, encrypted ? "verified" : "encrypted",
		    encrypted && o->insecure ? " without --insecure" : "");
	is_warned = 1;
	return 0;
}

static int
fill(struct draft *d, const struct client_options *o)
{
	static const struct client_property defaults[] = {
		{ "client.id", "pgcdc" },
		{ "log.queue", "true" },
		{ "reconnect.backoff.max.ms", "1000" },
		{ "ssl.endpoint.identification.algorithm", "https" },
		{ .name = NULL },
	};
	int err;

	/* Else what nobody takes from the queue any more is printed when the client is destroyed. */
	rd_kafka_conf_set_log_cb(d->conf, NULL);
	if ((err = client_set_all(d->conf, defaults)) != 0 ||
	    (err = client_set_all(d->conf, o->defaults)) != 0 ||
	    (o->file != NULL && (err = read_file(d, o->file)) != 0))
		return err;
	if ((err = set_pairs(d, &o->property)) != 0 || (err = set_options(d->conf, o)) != 0)
		return err;
	return check_identity(d->conf, o, d->names_protocol);
}

int
client_configure(
    rd_kafka_conf_t **conf, const struct client_options *o, const struct client_rule *rules)
{
	struct draft d = {
		.conf = rd_kafka_conf_new(),
		.rules = rules,
		.insecure = o->insecure,
	};
	int err;

	if ((err = fill(&d, o)) != 0) {
		rd_kafka_conf_destroy(d.conf);
		return err;
	}
	*conf = d.conf;
	return 0;
}

/* The remedy of an error that only a human can mend. */
static const char *
remedy(rd_kafka_resp_err_t error, const char *reason)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		if (rd_kafka_version() < SCRAM_VERSION)
			return "check user and password; librdkafka before 2.6.1 cannot do SCRAM "
			       "against Kafka 4";
		return "check user and password";
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
		return "give --sasl-mechanism one that the broker offers";
	case RD_KAFKA_RESP_ERR__SSL:
		if (strstr(reason, "certificate verify failed") != NULL)
			return "check --ca-file and the broker's name, or allow a broker that is "
			       "not verified with --insecure";
		return "check --ca-file, --cert-file and the port";
	case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
		return "the group's members use another way to share partitions, give --group a "
		       "name of its own";
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return "give our user the rights that pgcdc-kafka(1) lists";
	default:
		return NULL;
	}
}

/*
 * With TLS 1.3 a server looks at our certificate when the handshake is over for us, and what it
 * says then looks to librdkafka like a connection that was lost.
 */
static int
is_about_certificate(const char *reason)
{
	const char *alert = strstr(reason, " alert ");

	return alert != NULL &&
	       (strstr(alert, "certificate") != NULL || strstr(alert, "unknown ca") != NULL);
}

/* librdkafka can go no further; a new client could, unless it would meet the same again. */
static int
judge_fatal(rd_kafka_t *rk)
{
	char text[512];
	rd_kafka_resp_err_t error = rd_kafka_fatal_error(rk, text, sizeof(text));

	switch (error) {
	case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
		/* Its text has the name of the brokers' setting in another order. */
		return log_permanent(
		    "--transaction-timeout is longer than the brokers allow; lower it, or raise "
		    "their transaction.max.timeout.ms");
	case RD_KAFKA_RESP_ERR__FENCED:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return log_permanent("Kafka gives up: %s: %s", rd_kafka_err2name(error), text);
	default:
		return log_temporary("Kafka gives up: %s: %s", rd_kafka_err2name(error), text);
	}
}

int
client_judge(rd_kafka_t *rk, rd_kafka_resp_err_t error, const char *reason)
{
	static int64_t next_warning;
	const char *what_to_do;

	if (error == RD_KAFKA_RESP_ERR__FATAL)
		return judge_fatal(rk);
	if (is_about_certificate(reason))
		error = RD_KAFKA_RESP_ERR__SSL;
	if ((what_to_do = remedy(error, reason)) != NULL)
		return log_permanent("Kafka refuses us: %s; %s", reason, what_to_do);
	if (loop_now() >= next_warning) {
		log_warn("waiting for Kafka: %s", reason);
		next_warning = loop_now() + WARNING_PAUSE;
	}
	return 0;
}

void
client_log(rd_kafka_event_t *event)
{
	const char *facility, *text;
	int level;

	/* What is wrong comes as an error event, too, and is judged there. */
	if (rd_kafka_event_log(event, &facility, &text, &level) == 0)
		log_debug("librdkafka: %s: %s", facility, text);
}

void
client_user(rd_kafka_t *rk, char user[CLIENT_USER_SIZE])
{
	char name[128];

	client_get(rd_kafka_conf(rk), "sasl.username", name, sizeof(name));
	if (*name != '\0')
		snprintf(user, CLIENT_USER_SIZE, "user \"%s\"", name);
	else
		snprintf(user, CLIENT_USER_SIZE, "our user");
}
