/* The digest of rows: their order does not count, each row and how often it is there does. */
#include "digest.h"

#include "tap.h"

static const char *
of(const char *const *rows, size_t n)
{
	static struct buf b;
	struct digest d = { .rows = 0 };

	for (size_t i = 0; i < n; i++)
		digest_add(&d, rows[i], strlen(rows[i]));
	b.len = 0;
	buf_uint(&b, d.rows);
	buf_str(&b, " ");
	digest_print(&b, &d);
	buf_add(&b, "", 1);
	return b.data;
}

int
main(void)
{
	static const char *const rows[] = { "{\"id\":1}", "{\"id\":2}", "{\"id\":2}",
		"{\"id\":1}" };
	struct digest d = { .rows = 7, .low = UINT64_MAX, .high = UINT64_MAX };
	struct buf b = BUF_INIT;
	char first[64];

	is_str(of(rows, 0), "0 00000000000000000000000000000000", "no row");
	/* xxhsum -H2 of these 8 bytes */
	is_str(of(rows, 1), "1 b740eaf9c9eebfb7273ee74bfb95edc4", "one row: its hash");
	snprintf(first, sizeof(first), "%s", of(rows, 2));
	is_str(of(rows + 2, 2), first, "another order");
	ok(strcmp(of(rows + 1, 2), first) != 0, "another row");
	ok(strcmp(of(rows, 3), first) != 0, "a row twice");
	digest_add(&d, rows[0], strlen(rows[0]));
	digest_print(&b, &d);
	buf_add(&b, "", 1);
	is_str(
	    b.data, "b740eaf9c9eebfb7273ee74bfb95edc3", "2^128 - 1 and a hash is the hash less 1");
	buf_free(&b);
	return tap_done();
}
