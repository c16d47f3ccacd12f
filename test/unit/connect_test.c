/*
 * Which servers may be connected to, without any of them; and the exit codes of
 * refusals.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "connect.h"
#include "log.h"
#include "sqlstate.h"

#include "said.h"

static char service_file[256];

static const char services[] = "[far]\nhost=db.example.com\n"
			       "[near]\nhost=localhost\n"
			       "[checked]\nhost=db.example.com\nsslmode=verify-full\n"
			       "[loose]\nhost=db.example.com\nsslmode=require\n"
			       "[address]\nhostaddr=203.0.113.7\n";

/* Only these, whatever the caller's environment. */
static void
set_environment(const char *variables)
{
	static const char *const ours[] = { "PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGREQUIRESSL",
		"PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER", "PGSYSCONFDIR" };
	char copy[512], *rest = copy;

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		unsetenv(ours[i]);
	setenv("PGSERVICEFILE", service_file, 1);
	snprintf(copy, sizeof(copy), "%s", variables);
	for (char *v; *variables != '\0' && (v = strsep(&rest, " ")) != NULL;) {
		char *value = strchr(v, '=');

		*value++ = '\0';
		setenv(v, value, 1);
	}
}

enum { REFUSED = EXIT_PERMANENT, WARNED = -1, QUIET = 0 };

static const struct {
	const char *dbname, *host, *environment;
	int insecure, outcome;
} cases[] = {
	/* On this machine nobody else can answer. */
	{ NULL, NULL, "", 0, QUIET },
	{ "shop", NULL, "", 0, QUIET },
	{ NULL, "localhost", "", 0, QUIET },
	{ NULL, "127.0.0.1", "", 0, QUIET },
	{ NULL, "127.8.9.10", "", 0, QUIET },
	{ NULL, "::1", "", 0, QUIET },
	{ NULL, "/run/postgresql", "", 0, QUIET },
	{ NULL, "@abstract", "", 0, QUIET },
	{ NULL, "/tmp,localhost,::1", "", 0, QUIET },
	{ NULL, NULL, "PGHOST=localhost", 0, QUIET },
	{ NULL, NULL, "PGHOST=/tmp", 0, QUIET },
	{ "host=localhost dbname=shop", NULL, "", 0, QUIET },
	{ "postgresql:///shop?host=/tmp", NULL, "", 0, QUIET },
	{ "postgresql://localhost:5433/shop", NULL, "", 0, QUIET },
	{ "postgres://[::1]/shop", NULL, "", 0, QUIET },
	{ "service=near", NULL, "", 0, QUIET },
	{ NULL, NULL, "PGSERVICE=near", 0, QUIET },
	/* Anywhere else it would be anybody. */
	{ NULL, "db.example.com", "", 0, REFUSED },
	{ NULL, "192.0.2.1", "", 0, REFUSED },
	{ NULL, "128.0.0.1", "", 0, REFUSED },
	{ NULL, "126.255.255.255", "", 0, REFUSED },
	{ NULL, "10.127.0.1", "", 0, REFUSED },
	{ NULL, "2001:db8::1", "", 0, REFUSED },
	{ NULL, "::2", "", 0, REFUSED },
	{ NULL, "localhost.example.com", "", 0, REFUSED },
	{ NULL, "127.0.0.1.example.com", "", 0, REFUSED },
	{ NULL, "localhost,db.example.com", "", 0, REFUSED },
	{ NULL, "db.example.com,localhost", "", 0, REFUSED },
	{ NULL, NULL, "PGHOST=db.example.com", 0, REFUSED },
	{ "host=db.example.com", NULL, "", 0, REFUSED },
	{ "host=db.example.com", NULL, "PGHOST=localhost", 0, REFUSED },
	{ "postgresql://db.example.com/shop", NULL, "", 0, REFUSED },
	{ "postgresql://localhost,db.example.com/shop", NULL, "", 0, REFUSED },
	{ "host=localhost", "db.example.com", "", 0, REFUSED },
	{ "service=far", NULL, "", 0, REFUSED },
	{ NULL, NULL, "PGSERVICE=far", 0, REFUSED },
	{ "service=far", NULL, "PGHOST=localhost", 0, REFUSED },
	{ "service=far", NULL, "PGSERVICE=near", 0, REFUSED },
	{ "dbname=shop user=joe", NULL, "PGHOST=db.example.com", 0, REFUSED },
	/* Options go before the string, and the string before the environment. */
	{ "host=db.example.com", "localhost", "", 0, QUIET },
	{ "host=localhost", NULL, "PGHOST=db.example.com", 0, QUIET },
	{ NULL, "localhost", "PGHOST=db.example.com", 0, QUIET },
	{ "service=far host=localhost", NULL, "", 0, QUIET },
	{ "service=far", "localhost", "", 0, QUIET },
	/* An address is where libpq goes, whatever the name is. */
	{ "host=db.example.com hostaddr=127.0.0.1", NULL, "", 0, QUIET },
	{ "host=localhost hostaddr=203.0.113.7", NULL, "", 0, REFUSED },
	{ "hostaddr=203.0.113.7", NULL, "", 0, REFUSED },
	{ NULL, NULL, "PGHOSTADDR=203.0.113.7", 0, REFUSED },
	{ NULL, NULL, "PGHOST=localhost PGHOSTADDR=203.0.113.7", 0, REFUSED },
	{ "hostaddr=203.0.113.7", "localhost", "", 0, REFUSED },
	{ "service=address", NULL, "", 0, REFUSED },
	{ "host=localhost", NULL, "PGHOSTADDR=203.0.113.7", 0, REFUSED },
	{ NULL, "localhost", "PGHOSTADDR=203.0.113.7", 0, REFUSED },
	{ NULL, "localhost", "PGSERVICE=address", 0, REFUSED },
	{ "host=localhost service=address", NULL, "", 0, REFUSED },
	/* A server that is verified. */
	{ "host=db.example.com sslmode=verify-full", NULL, "", 0, QUIET },
	{ "host=db.example.com sslmode=verify-ca", NULL, "", 0, QUIET },
	{ "postgresql://db.example.com/shop?sslmode=verify-full", NULL, "", 0, QUIET },
	{ NULL, "db.example.com", "PGSSLMODE=verify-full", 0, QUIET },
	{ "service=checked", NULL, "", 0, QUIET },
	{ "host=db.example.com sslmode=verify-full", NULL, "", 1, QUIET },
	/* Who says what he wants gets it, with a warning. */
	{ NULL, "db.example.com", "", 1, WARNED },
	{ "host=db.example.com sslmode=require", NULL, "", 0, WARNED },
	{ "host=db.example.com sslmode=prefer", NULL, "", 0, WARNED },
	{ "host=db.example.com sslmode=disable", NULL, "", 0, WARNED },
	{ NULL, "db.example.com", "PGSSLMODE=require", 0, WARNED },
	{ NULL, "db.example.com", "PGSSLMODE=disable", 0, WARNED },
	{ "service=loose", NULL, "", 0, WARNED },
	{ "host=db.example.com sslmode=require", NULL, "PGSSLMODE=verify-full", 0, WARNED },
	{ "host=localhost sslmode=disable", NULL, "", 0, QUIET },
	{ NULL, "localhost", "", 1, QUIET },
};

static void
identity(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct connect_target o = { .option = "dbname",
			.dbname = cases[i].dbname,
			.host = cases[i].host,
			.insecure = cases[i].insecure };

		set_environment(cases[i].environment);
		is_int(connect_check_identity(&o), cases[i].outcome == REFUSED ? REFUSED : 0,
		    "-d \"%s\" -h \"%s\" %s%s", o.dbname != NULL ? o.dbname : "",
		    o.host != NULL ? o.host : "", cases[i].environment,
		    o.insecure ? " --insecure" : "");
		if (cases[i].outcome == REFUSED)
			said_line("would not be verified; set sslmode=verify-full");
		else if (cases[i].outcome == WARNED)
			said_line("warning: the identity of server \"db.example.com\" is not");
		else
			is_str(said(), "", "... and nothing is said");
	}
}

/* What is wrong with a connection string is said without what is secret in it. */
static void
bad_strings(void)
{
	static const char *const strings[] = {
		"host=db password=s3cret bogus=1",
		"host=db password=s3cret bogus",
		"host=db password='s3cret",
		"postgresql://joe:s3cret@[::1/shop",
		"postgresql://joe:s3cret@[::1]x/shop",
		"postgresql://joe:s3cret@db/shop?bogus=1",
		"postgresql://joe:s3cret@db/shop?sslmode",
		"postgresql://joe:s3cret@db/shop?a=b=c",
		"postgresql://joe:s3cret@db/sh%zzop",
		"postgresql://joe:s3cret%zz@db/shop",
	};

	set_environment("");
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct connect_target o = { .option = "dbname", .dbname = strings[i] };
		const char *text;

		is_int(connect_check_identity(&o), EXIT_PERMANENT, "bad: %s", strings[i]);
		text = said();
		ok(strstr(text, "invalid connection string for option \"--dbname\"") != NULL &&
			strchr(text, '\n') == text + strlen(text) - 1,
		    "... a line says so");
		if (!ok(strstr(text, "s3cret") == NULL, "... and keeps the password"))
			printf("#   %s", text);
	}
}

static void
exit_codes(void)
{
	static const struct {
		const char *sqlstate;
		int code;
	} codes[] = {
		{ NULL, EXIT_TEMPORARY },    /* the connection was lost */
		{ "08006", EXIT_TEMPORARY }, /* connection failure */
		{ "40001", EXIT_TEMPORARY }, /* serialization failure */
		{ "53300", EXIT_TEMPORARY }, /* too many connections */
		{ "53100", EXIT_TEMPORARY }, /* disk full */
		{ "57P01", EXIT_TEMPORARY }, /* admin shutdown */
		{ "57P03", EXIT_TEMPORARY }, /* cannot connect now */
		{ "57P04", EXIT_PERMANENT }, /* database dropped */
		{ "58030", EXIT_TEMPORARY }, /* I/O error */
		{ "58P01", EXIT_PERMANENT }, /* undefined file: a WAL segment is gone */
		{ "XX000", EXIT_TEMPORARY }, /* internal error */
		{ "XX001", EXIT_PERMANENT }, /* data corrupted */
		{ "55006", EXIT_TEMPORARY }, /* object in use: the slot */
		{ "55P03", EXIT_TEMPORARY }, /* lock not available */
		{ "55000", EXIT_PERMANENT }, /* the slot is not what is needed */
		{ "28P01", EXIT_PERMANENT }, /* wrong password */
		{ "28000", EXIT_PERMANENT }, /* no entry in pg_hba.conf */
		{ "3D000", EXIT_PERMANENT }, /* no such database */
		{ "42704", EXIT_PERMANENT }, /* no such object */
		{ "42501", EXIT_PERMANENT }, /* no privilege */
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		is_int(sqlstate_code(codes[i].sqlstate), codes[i].code, "SQLSTATE %s",
		    codes[i].sqlstate != NULL ? codes[i].sqlstate : "(none)");
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	snprintf(
	    service_file, sizeof(service_file), "%s/service.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if ((fd = mkstemp(service_file)) < 0 ||
	    write(fd, services, sizeof(services) - 1) != (ssize_t)sizeof(services) - 1)
		return 1;
	close(fd);
	log_init("connect_test");
	said_start();
	identity();
	bad_strings();
	exit_codes();
	unlink(service_file);
	return tap_done();
}
