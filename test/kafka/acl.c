#include <err.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "acl.h"
#include "client.h"

static rd_kafka_AclOperation_t
operation_of(const char *name)
{
	for (int i = RD_KAFKA_ACL_OPERATION_ALL; i < RD_KAFKA_ACL_OPERATION__CNT; i++)
		if (strcasecmp(rd_kafka_AclOperation_name((rd_kafka_AclOperation_t)i), name) == 0)
			return (rd_kafka_AclOperation_t)i;
	errx(CLIENT_USAGE, "no operation \"%s\"", name);
}

static rd_kafka_ResourceType_t
type_of(const char *name)
{
	for (int i = RD_KAFKA_RESOURCE_TOPIC; i < RD_KAFKA_RESOURCE__CNT; i++)
		if (strcasecmp(rd_kafka_ResourceType_name((rd_kafka_ResourceType_t)i), name) == 0)
			return (rd_kafka_ResourceType_t)i;
	/* librdkafka calls it BROKER, as its number is the same. */
	if (strcasecmp(name, "cluster") == 0)
		return RD_KAFKA_RESOURCE_BROKER;
	errx(CLIENT_USAGE, "no resource \"%s\"", name);
}

void
acl_allow(int n, char **args)
{
	const rd_kafka_acl_result_t **results;
	rd_kafka_AclBinding_t *acl;
	rd_kafka_event_t *event;
	char user[256], why[512];
	size_t count;

	(void)n;
	snprintf(user, sizeof user, "User:%s", args[0]);
	acl = rd_kafka_AclBinding_new(type_of(args[2]), args[3], RD_KAFKA_RESOURCE_PATTERN_LITERAL,
	    user, "*", operation_of(args[1]), RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, why, sizeof why);
	if (acl == NULL)
		errx(CLIENT_FAILED, "%s", why);
	rd_kafka_CreateAcls(client, &acl, 1, NULL, client_queue);
	event = client_answer();
	results = rd_kafka_CreateAcls_result_acls(event, &count);
	if (rd_kafka_acl_result_error(results[0]) != NULL)
		errx(CLIENT_FAILED, "%s",
		    rd_kafka_error_string(rd_kafka_acl_result_error(results[0])));
	rd_kafka_event_destroy(event);
	rd_kafka_AclBinding_destroy(acl);
}
