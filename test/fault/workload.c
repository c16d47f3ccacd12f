/*
 * The workload of the fault tests: random transactions from several
 * connections on the tables of tables.h, until a time or a number is reached.
 * Servers that stop and backends that die are part of the day.  The
 * connection comes from the environment (PGHOST and so on).
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

#define CLIENTS_MAX 64

static const struct option options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "seconds", required_argument, NULL, 't' },
	{ "transactions", required_argument, NULL, 'n' },
	{ "clients", required_argument, NULL, 'c' },
	{ "setup", no_argument, NULL, 'i' },
	{ NULL, 0, NULL, 0 },
};

static void
usage(void)
{
	fputs("usage: workload --setup | --seed=N [--clients=N] --seconds=S|--transactions=N\n",
	    stderr);
	exit(100);
}

static long long
number(const char *s, long long max)
{
	char *end;
	long long n = strtoll(s, &end, 10);

	if (end == s || *end != '\0' || n < 0 || n > max)
		usage();
	return n;
}

static int
setup(void)
{
	PGconn *conn = PQconnectdb("application_name=workload");
	PGresult *res = PQexec(conn, tables_setup);
	int ok = PQresultStatus(res) == PGRES_COMMAND_OK;

	if (!ok)
		warnx("could not make the tables: %s", PQerrorMessage(conn));
	PQclear(res);
	PQfinish(conn);
	return ok ? 0 : 111;
}

static int
may_prepare(void)
{
	PGconn *conn = PQconnectdb("application_name=workload");
	PGresult *res = PQexec(conn, "SHOW max_prepared_transactions");
	int may;

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		errx(111, "could not connect: %s", PQerrorMessage(conn));
	may = atoi(PQgetvalue(res, 0, 0)) > 0;
	PQclear(res);
	PQfinish(conn);
	return may;
}

static void
start(const struct plan *plan, struct tally *tally, int n)
{
	struct client client = { .plan = plan, .tally = tally, .number = n };

	client.prng = prng_stream(plan->seed, (uint64_t)n);
	exit(client_run(&client));
}

/* The worst exit code of the clients. */
static int
run(const struct plan *plan, struct tally *tally)
{
	int worst = 0, status;

	for (int i = 0; i < plan->clients; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(111, "could not fork");
		if (pid == 0)
			start(plan, &tally[i], i);
	}
	while (wait(&status) > 0) {
		int code = WIFEXITED(status) ? WEXITSTATUS(status) : 111;

		if (code > worst)
			worst = code;
	}
	return worst;
}

static void
report(const struct plan *plan, const struct tally *tally)
{
	struct tally sum = { 0 };

	for (int i = 0; i < plan->clients; i++) {
		sum.committed += tally[i].committed;
		sum.rolled_back += tally[i].rolled_back;
		sum.failed += tally[i].failed;
		sum.unknown += tally[i].unknown;
		sum.unknown_committed += tally[i].unknown_committed;
		sum.reconnects += tally[i].reconnects;
		if (tally[i].lost)
			warnx("client %d: the server lost a commit that it had reported", i);
	}
	printf("workload: seed %ju: %ld committed, %ld rolled back, %ld failed, "
	       "%ld prepared or unknown (%ld of them committed), %ld reconnects\n",
	    (uintmax_t)plan->seed, sum.committed, sum.rolled_back, sum.failed, sum.unknown,
	    sum.unknown_committed, sum.reconnects);
}

int
main(int argc, char **argv)
{
	struct plan plan = { .clients = 4 };
	struct tally *tally;
	int c, code;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			plan.seed = (uint64_t)number(optarg, INT64_MAX);
		else if (c == 't')
			plan.end = client_now() + number(optarg, 1000000) * 1000;
		else if (c == 'n')
			plan.transactions = (int)number(optarg, 1000000000);
		else if (c == 'c')
			plan.clients = (int)number(optarg, CLIENTS_MAX);
		else if (c == 'i')
			return setup();
		else
			usage();
	}
	if (optind != argc || plan.clients == 0 || (plan.end == 0) == (plan.transactions == 0))
		usage();
	plan.transactions = (plan.transactions + plan.clients - 1) / plan.clients;
	plan.may_prepare = may_prepare();
	tally = mmap(NULL, sizeof(*tally) * CLIENTS_MAX, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		err(111, "could not map memory");
	code = run(&plan, tally);
	report(&plan, tally);
	return code;
}
