/* Lists of brokers: which are none, and who is not on this machine. */
#include "brokers.h"
#include "tap.h"

static const struct {
	const char *list, *remote; /* NULL: it is no list */
} cases[] = {
	{ "localhost", "" },
	{ "localhost:9092,127.0.0.1:1,[::1]:65535,[::1]", "" },
	{ "kafka.example", "kafka.example" },
	{ "127.0.0.1:1,[2001:db8::1]:9092,b", "2001:db8::1" },
	{ "a:1, b:2", "a" },
	{ "SSL://a:1,PLAINTEXT://[::1]:2", "a" },
	{ "a:99999", NULL },
	{ "a:65536", NULL },
	{ "a:0", NULL },
	{ "a:abc", NULL },
	{ "a:1b", NULL },
	{ "a:-1", NULL },
	{ "a:+1", NULL },
	{ "a: 1", NULL },
	{ "a:", NULL },
	{ "a:000001", NULL },
	{ ":9092", NULL },
	{ "", NULL },
	{ "a,", NULL },
	{ ",a", NULL },
	{ "a,,b", NULL },
	{ "a b", NULL },
	{ "a/b", NULL },
	{ "SSL://", NULL },
	{ "[::1", NULL },
	{ "[::1,b]", NULL },
	{ "[]:1", NULL },
	{ "[::1]9092", NULL },
	{ "[::1]:x", NULL },
	{ "2001:db8::1", NULL },
};

int
main(void)
{
	char remote[BROKERS_HOST_SIZE], longest[BROKERS_HOST_SIZE + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int is_list = brokers_parse(cases[i].list, remote) == 0;

		ok(is_list == (cases[i].remote != NULL), "\"%s\"", cases[i].list);
		if (is_list && cases[i].remote != NULL)
			is_str(remote, cases[i].remote, "... who is not on this machine");
	}
	memset(longest, 'x', BROKERS_HOST_SIZE);
	longest[BROKERS_HOST_SIZE] = '\0';
	is_int(brokers_parse(longest, remote), -1, "a name that is too long");
	is_int(brokers_parse(longest + 1, remote), 0, "... and not by one less");
	return tap_done();
}
