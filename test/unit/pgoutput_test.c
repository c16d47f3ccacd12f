/*
 * The decoder of pgoutput's messages.  Run it from the root of the sources, or give it
 * that as argument: messages recorded from servers are in test/data/fuzz/pgoutput.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "pgoutput.h"

#include "messages.h"
#include "tap.h"

static struct pgoutput_message m;
static const char *why;
static char *copy;

/* In a block of its own size, which lives until the next call. */
static int
decode_bytes(const void *bytes, size_t len)
{
	free(copy);
	copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	why = "?";
	return pgoutput_decode(&m, copy, len, &why);
}

static int
decode(void)
{
	return decode_bytes(message.data, message.len);
}

static void
is_bytes(struct pgoutput_bytes b, const char *want, const char *what)
{
	char got[256];

	snprintf(got, sizeof(got), "%.*s", (int)b.len, b.len > 0 ? b.p : "");
	is_str(got, want, "%s", what);
}

static void
is_value(struct pgoutput_tuple *t, int kind, const char *want, const char *what)
{
	struct pgoutput_value v = pgoutput_value(&t->values);

	ok(v.kind == kind, "%s: its kind", what);
	if (kind == 't')
		is_bytes(v.text, want, what);
}

/* It is refused when it ends early, wherever that is, and when it goes on. */
static void
cut_anywhere(const char *what)
{
	size_t len = message.len, good = 0;

	for (size_t n = 0; n < len; n++)
		good += decode_bytes(message.data, n) == -1 && why != NULL;
	is_int(good, len, "%s: cut at any byte", what);
	put_8(0);
	ok(decode() == -1 && strstr(why, "after its end") != NULL, "... with a byte too many");
	message.len = len;
	is_int(decode(), 0, "... and as it is");
}

static void
begin_and_commit(void)
{
	message_begin(0x16B374D848, -5, 4000000000);
	is_int(decode(), 0, "begin");
	is_int(m.type, 'B', "type");
	is_int(m.u.begin.final_lsn, 0x16B374D848, "LSN of the commit");
	is_int(m.u.begin.time, -5, "time");
	is_int(m.u.begin.xid, 4000000000, "transaction");
	cut_anywhere("begin");
	message_commit(0x16B374D848, UINT64_MAX, INT64_MIN);
	is_int(decode(), 0, "commit");
	is_int(m.type, 'C', "type");
	is_int(m.u.commit.lsn, 0x16B374D848, "LSN of the commit");
	ok(m.u.commit.end_lsn == UINT64_MAX, "its end");
	ok(m.u.commit.time == INT64_MIN, "time");
	cut_anywhere("commit");
}

static void
origin_and_type(void)
{
	message_origin(0xAB12, "other");
	is_int(decode(), 0, "origin");
	is_int(m.u.origin.lsn, 0xAB12, "LSN there");
	is_bytes(m.u.origin.name, "other", "name");
	cut_anywhere("origin");
	message_type(16400, "public", "mood");
	is_int(decode(), 0, "type");
	is_int(m.u.type.id, 16400, "OID");
	is_bytes(m.u.type.schema, "public", "schema");
	is_bytes(m.u.type.name, "mood", "name");
	cut_anywhere("type");
	message_type(16400, "", "");
	is_int(decode(), 0, "a type with empty names");
	ok(m.u.type.schema.len == 0, "... which stay empty");
}

static void
relation(void)
{
	static const struct message_column columns[] = {
		{ 1, "id", 20, -1 },
		{ 0, "", 4294967295, 2147483647 },
		{ 3, "c", 1043, 24 }, /* other flags may come to be */
		{ 2, "d", 1043, 0 },
	};
	struct pgoutput_column c;

	message_relation(16385, "public", "orders", 'f', 4, columns);
	is_int(decode(), 0, "relation");
	is_int(m.u.relation.id, 16385, "OID");
	is_bytes(m.u.relation.schema, "public", "schema");
	is_bytes(m.u.relation.table, "orders", "table");
	is_int(m.u.relation.replica_identity, 'f', "replica identity");
	is_int(m.u.relation.n, 4, "columns");
	c = pgoutput_column(&m.u.relation.columns);
	ok(c.in_identity == 1 && c.type == 20 && c.modifier == -1, "the first");
	is_bytes(c.name, "id", "its name");
	c = pgoutput_column(&m.u.relation.columns);
	ok(c.in_identity == 0 && c.type == UINT32_MAX && c.modifier == INT32_MAX, "the second");
	is_bytes(c.name, "", "its name");
	is_int(pgoutput_column(&m.u.relation.columns).in_identity, 1, "the third");
	is_int(pgoutput_column(&m.u.relation.columns).in_identity, 0, "the fourth");
	cut_anywhere("relation");

	message_relation(1, "", "pg_class", 'n', 0, NULL);
	is_int(decode(), 0, "a relation without columns");
	is_bytes(m.u.relation.schema, "pg_catalog", "an empty schema is pg_catalog");
	cut_anywhere("such a relation");
}

static void
insert(void)
{
	message_change('I', 16385);
	put_row('N', 4, (const char *[]){ "1", NULL, "", unchanged });
	is_int(decode(), 0, "insert");
	is_int(m.u.change.relation, 16385, "relation");
	is_int(m.u.change.old_kind, 0, "no old row");
	is_int(m.u.change.old.n, -1, "... has no columns");
	is_int(m.u.change.new.n, 4, "the new one has four");
	is_value(&m.u.change.new, 't', "1", "a text");
	is_value(&m.u.change.new, 'n', NULL, "a null");
	is_value(&m.u.change.new, 't', "", "an empty text");
	is_value(&m.u.change.new, 'u', NULL, "a value that is not sent");
	cut_anywhere("insert");
	message_change('I', 1);
	put_row('N', 0, NULL);
	is_int(decode(), 0, "a row without columns");
	is_int(m.u.change.new.n, 0, "... is one nevertheless");
	cut_anywhere("such a row");
}

static void
update(void)
{
	for (const char *kind = "KO"; *kind != '\0'; kind++) {
		message_change('U', 7);
		put_row(*kind, 2, (const char *[]){ "1", NULL });
		put_row('N', 3, (const char *[]){ "2", "x", unchanged });
		is_int(decode(), 0, "update with an old row of kind %c", *kind);
		is_int(m.u.change.old_kind, *kind, "... which is told");
		is_int(m.u.change.old.n, 2, "old columns");
		is_value(&m.u.change.old, 't', "1", "the old key");
		is_value(&m.u.change.old, 'n', NULL, "an old null");
		is_int(m.u.change.new.n, 3, "new columns");
		is_value(&m.u.change.new, 't', "2", "the new key");
		is_value(&m.u.change.new, 't', "x", "a new text");
		is_value(&m.u.change.new, 'u', NULL, "a value that is not sent");
		cut_anywhere("such an update");
	}
	message_change('U', 7);
	put_row('N', 1, (const char *[]){ "2" });
	is_int(decode(), 0, "update without an old row");
	ok(m.u.change.old_kind == 0 && m.u.change.old.n == -1, "... has none");
	cut_anywhere("such an update");
}

static void
deletion(void)
{
	for (const char *kind = "KO"; *kind != '\0'; kind++) {
		message_change('D', 7);
		put_row(*kind, 2, (const char *[]){ "1", NULL });
		is_int(decode(), 0, "delete with an old row of kind %c", *kind);
		is_int(m.u.change.old_kind, *kind, "... which is told");
		is_int(m.u.change.old.n, 2, "old columns");
		is_value(&m.u.change.old, 't', "1", "the old key");
		is_int(m.u.change.new.n, -1, "no new row");
		cut_anywhere("delete");
	}
}

static void
truncate_some(void)
{
	static const uint32_t ids[] = { 16385, 4294967295, 1 };

	for (int flags = 0; flags < 4; flags++) {
		message_truncate(flags, 3, ids);
		is_int(decode(), 0, "truncate with flags %d", flags);
		is_int(m.u.truncate.n, 3, "relations");
		for (int i = 0; i < 3; i++)
			is_int(pgoutput_truncated(&m.u.truncate.relations), ids[i], "number %d", i);
	}
	cut_anywhere("truncate");
	message_truncate(0, 0, NULL);
	is_int(decode(), 0, "truncate of nothing");
	is_int(m.u.truncate.n, 0, "... has no relations");
}

static void
logical_message(void)
{
	message_logical(1, 0x1234, "app", "a\0b", 3);
	is_int(decode(), 0, "message");
	is_int(m.u.message.transactional, 1, "of a transaction");
	is_int(m.u.message.lsn, 0x1234, "LSN");
	is_bytes(m.u.message.prefix, "app", "prefix");
	is_int(m.u.message.content.len, 3, "length of the content");
	ok(memcmp(m.u.message.content.p, "a\0b", 3) == 0, "content");
	cut_anywhere("message");
	message_logical(0, 0x1234, "", "", 0);
	is_int(decode(), 0, "an empty message");
	is_int(m.u.message.transactional, 0, "of no transaction");
	ok(m.u.message.prefix.len == 0 && m.u.message.content.len == 0, "with nothing in it");
	cut_anywhere("an empty message");
}

static void
is_refused(const char *reason, const char *what)
{
	is_int(decode(), -1, "refused: %s", what);
	ok(strstr(why, reason) != NULL, "... %s", reason);
	if (strstr(why, reason) == NULL)
		printf("#   got %s\n", why);
}

static void
malformed(void)
{
	message.len = 0;
	is_refused("ends too early", "no bytes at all");
	message_change('D', 7);
	put_row('N', 1, (const char *[]){ "1" });
	is_refused("a delete without the old key or row", "a delete with a new row");
	message_change('I', 7);
	put_row('O', 1, (const char *[]){ "1" });
	is_refused("a change without the new row", "an insert with an old row");
	message_change('U', 7);
	put_row('K', 1, (const char *[]){ "1" });
	put_row('K', 1, (const char *[]){ "1" });
	is_refused("a change without the new row", "an update with two keys");
	message_change('I', 7);
	put_row('N', 1, (const char *[]){ "1" });
	put_row('N', 1, (const char *[]){ "1" });
	is_refused("bytes after its end", "an insert with two rows");
	message_change('I', 7);
	put_8('N');
	put_16(2);
	put_value("1");
	is_refused("ends too early", "fewer values than the row says");
	message_change('I', 7);
	put_8('N');
	put_16(1);
	put_value("1");
	put_value("2");
	is_refused("bytes after its end", "more values than the row says");
	message_change('I', 7);
	put_8('N');
	put_16(65535);
	put_value("1");
	is_refused("ends too early", "65535 columns");
	message_truncate(0, 3, (const uint32_t[]){ 1, 2, 3 });
	message.len -= 4;
	is_refused("ends too early", "fewer relations than the truncate says");
	for (uint32_t n = 0; n < 2; n++) {
		message_start('T');
		put_32(n == 0 ? UINT32_MAX : 0x40000001);
		put_8(0);
		put_32(1);
		is_refused("ends too early", "a truncate of too many relations");
	}
	message_start('R');
	put_32(1);
	put_string("public");
	put_string("t");
	put_8('d');
	put_16(2);
	put_8(0);
	put_string("a");
	put_32(20);
	put_32(1);
	is_refused("ends too early", "fewer columns than the relation says");
	message_start('O');
	put_64(1);
	buf_str(&message, "no NUL");
	is_refused("ends too early", "a name without its end");
	message_logical(1, 1, "p", "abc", 3);
	message.data[message.len - 4] = 4;
	is_refused("ends too early", "a length beyond the end");
	message.data[message.len - 4] = 2;
	is_refused("bytes after its end", "a length before the end");
	message.data[message.len - 7] = (char)0xff;
	is_refused("ends too early", "a length that is huge");
}

static void
not_asked_for(void)
{
	char what[32];

	message_change('I', 7);
	put_8('N');
	put_16(2);
	put_8('b');
	put_counted("\0\0\0\1", 4);
	put_value("1");
	is_refused("binary", "a binary value");
	message_change('U', 7);
	put_8('O');
	put_16(1);
	put_8('b');
	put_counted("\0\0\0\1", 4);
	put_row('N', 1, (const char *[]){ "2" });
	is_refused("binary", "a binary value in the old row");
	message_change('D', 7);
	put_8('K');
	put_16(1);
	put_8('x');
	is_refused("unknown kind of column value", "a value of kind x");

	for (const char *t = "SEc"; *t != '\0'; t++) {
		snprintf(what, sizeof(what), "type %c", *t);
		message_start(*t);
		put_32(1);
		is_refused("streamed transaction, which was not asked for", what);
		message_start(*t);
		is_refused("streamed transaction, which was not asked for", what);
	}
	for (const char *t = "bPKrp"; *t != '\0'; t++) {
		snprintf(what, sizeof(what), "type %c", *t);
		message_start(*t);
		put_32(1);
		is_refused("two-phase transaction, which was not asked for", what);
	}
	for (int t = 0; t < 256; t++)
		if (t == 0 || strchr("BCORYIUDTMSEcAbPKrp", t) == NULL) {
			message_start(t);
			put_32(1);
			if (decode() != -1 || strstr(why, "unknown type") == NULL)
				ok(0, "type %d is unknown", t);
		}
	ok(1, "all other types are unknown");
}

/* Is this inside the bytes that were decoded, or a constant? */
static int
is_inside(struct pgoutput_bytes b, size_t len)
{
	return b.len == 0 || (b.p >= copy && b.p + b.len <= copy + len) ||
	       (b.len == 10 && memcmp(b.p, "pg_catalog", 10) == 0);
}

/* All that the accessors hand out of an accepted message. */
static int
walk(size_t len)
{
	struct pgoutput_tuple *rows[] = { &m.u.change.old, &m.u.change.new };
	int good = 1;

	switch (m.type) {
	case 'R':
		for (int i = 0; i < m.u.relation.n; i++)
			good &= is_inside(pgoutput_column(&m.u.relation.columns).name, len);
		good &= is_inside(m.u.relation.schema, len) && is_inside(m.u.relation.table, len);
		return good && !m.u.relation.columns.failed;
	case 'I':
	case 'U':
	case 'D':
		for (int k = 0; k < 2; k++)
			for (int i = 0; i < rows[k]->n; i++) {
				struct pgoutput_value v = pgoutput_value(&rows[k]->values);

				good &= strchr("tnu", v.kind) != NULL && !rows[k]->values.failed;
				good &= is_inside(v.text, len);
			}
		return good;
	case 'T':
		for (int i = 0; i < m.u.truncate.n; i++)
			pgoutput_truncated(&m.u.truncate.relations);
		return !m.u.truncate.relations.failed;
	case 'M':
		return is_inside(m.u.message.prefix, len) && is_inside(m.u.message.content, len);
	default:
		return 1;
	}
}

/* What is wrong with the outcome for a recorded message, and for parts of it? */
static const char *
judge(const unsigned char *p, size_t len, int refused)
{
	static unsigned char longer[65536 + 1];

	if (refused)
		return decode_bytes(p, len) == -1 ? NULL : "it is accepted";
	if (decode_bytes(p, len) != 0)
		return why;
	if (!walk(len))
		return "something lies outside";
	for (size_t n = 0; n < len; n++)
		if (decode_bytes(p, n) != -1)
			return "it is accepted when it is cut";
	memcpy(longer, p, len);
	for (int c = 0; c < 256; c++) {
		longer[len] = (unsigned char)c;
		if (decode_bytes(longer, len + 1) != -1)
			return "it is accepted with a byte more";
	}
	return NULL;
}

/* Any byte changed: the decoder may say what it likes, but reads inside. */
static int
disturb(const unsigned char *p, size_t len)
{
	static const unsigned char bytes[] = { 0, 1, 'N', 't', 'u', 0x7f, 0x80, 0xff };
	static unsigned char changed[65536];
	int good = 1;

	for (size_t i = 0; i < len && i < 300; i++)
		for (size_t b = 0; b < sizeof(bytes); b++) {
			memcpy(changed, p, len);
			changed[i] = bytes[b];
			if (decode_bytes(changed, len) == 0)
				good &= walk(len);
		}
	return good;
}

static void
recorded_file(const char *path, const char *name)
{
	static unsigned char data[65536];
	int fd = open(path, O_RDONLY), n = 0;
	ssize_t size = fd >= 0 ? read(fd, data, sizeof(data)) : -1;
	/* Recorded with options that are not asked for here. */
	int refused = strcmp(name, "streamed") == 0;
	const char *problem = size > 0 ? NULL : "it could not be read";

	/* An option byte of the fuzz target, then messages with their length in front. */
	for (ssize_t at = 1; at + 2 <= size && problem == NULL; n++) {
		size_t len = (size_t)data[at] << 8 | data[at + 1];

		if ((ssize_t)len > size - at - 2)
			break;
		problem = judge(
		    data + at + 2, len, refused || strchr("bPKrp", data[at + 2]) != NULL);
		if (problem == NULL && !disturb(data + at + 2, len))
			problem = "something lies outside when a byte is changed";
		at += 2 + (ssize_t)len;
	}
	if (fd >= 0)
		close(fd);
	if (!ok(problem == NULL && n > 0, "recorded: %s, %d messages", name, n))
		printf("#   %s\n", problem);
}

static void
recorded(const char *root)
{
	char folder[4096], path[8192];
	struct dirent *d;
	int n = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/test/data/fuzz/pgoutput", root);
	if ((dir = opendir(folder)) == NULL) {
		ok(0, "\"%s\" is there", folder);
		return;
	}
	while ((d = readdir(dir)) != NULL)
		if (strspn(d->d_name, "abcdefghijklmnopqrstuvwxyz") == strlen(d->d_name)) {
			snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
			recorded_file(path, d->d_name);
			n++;
		}
	closedir(dir);
	ok(n >= 10, "recorded files: %d", n);
}

int
main(int argc, char **argv)
{
	begin_and_commit();
	origin_and_type();
	relation();
	insert();
	update();
	deletion();
	truncate_some();
	logical_message();
	malformed();
	not_asked_for();
	recorded(argc > 1 ? argv[1] : ".");
	free(copy);
	buf_free(&message);
	return tap_done();
}
