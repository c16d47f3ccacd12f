#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "types.h"

/*
 * Built-in types by OID (PostgreSQL, src/include/catalog/pg_type.dat; OIDs of built-in
 * types never change).  The modifier's form: none, a length, or precision and scale.
 */
enum modifier { MOD_NONE, MOD_LENGTH, MOD_NUMERIC };

static const struct builtin {
	uint32_t oid;
	enum modifier modifier;
	const char *name;
} builtins[] = {
	{ 16, MOD_NONE, "boolean" },
	{ 17, MOD_NONE, "bytea" },
	{ 18, MOD_NONE, "\"char\"" },
	{ 19, MOD_NONE, "name" },
	{ 20, MOD_NONE, "bigint" },
	{ 21, MOD_NONE, "smallint" },
	{ 23, MOD_NONE, "integer" },
	{ 25, MOD_NONE, "text" },
	{ 26, MOD_NONE, "oid" },
	{ 114, MOD_NONE, "json" },
	{ 142, MOD_NONE, "xml" },
	{ 700, MOD_NONE, "real" },
	{ 701, MOD_NONE, "double precision" },
	{ 790, MOD_NONE, "money" },
	{ 869, MOD_NONE, "inet" },
	{ 1009, MOD_NONE, "text[]" },
	{ 1016, MOD_NONE, "bigint[]" },
	{ 1007, MOD_NONE, "integer[]" },
	{ 1043, MOD_LENGTH, "character varying" },
	{ 1082, MOD_NONE, "date" },
	{ 1083, MOD_NONE, "time without time zone" },
	{ 1114, MOD_NONE, "timestamp without time zone" },
	{ 1184, MOD_NONE, "timestamp with time zone" },
	{ 1186, MOD_NONE, "interval" },
	{ 1700, MOD_NUMERIC, "numeric" },
	{ 2950, MOD_NONE, "uuid" },
	{ 3802, MOD_NONE, "jsonb" },
};
#define N_BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

/* Postgres stores a length modifier with the size of a varlena header added. */
#define VARHDRSZ 4

struct known {
	uint32_t oid;
	int32_t modifier;
	int stale;
	char *name;
};

struct announced {
	uint32_t oid;
	char *schema, *name;
};

struct types {
	types_ask *ask;
	void *context;
	/* Few and read only when a Relation message comes: lists will do. */
	struct known *known;
	size_t n_known;
	struct announced *announced;
	size_t n_announced;
	char scratch[64];
};

static const struct builtin *
find_builtin(uint32_t oid)
{
	for (size_t i = 0; i < N_BUILTINS; i++)
		if (builtins[i].oid == oid)
			return &builtins[i];
	return NULL;
}

struct types *
types_new(types_ask *ask, void *context)
{
	struct types *t = calloc(1, sizeof(*t));

	if (t != NULL) {
		t->ask = ask;
		t->context = context;
	}
	return t;
}

void
types_free(struct types *t)
{
	for (size_t i = 0; i < t->n_known; i++)
		free(t->known[i].name);
	for (size_t i = 0; i < t->n_announced; i++) {
		free(t->announced[i].schema);
		free(t->announced[i].name);
	}
	free(t->known);
	free(t->announced);
	free(t);
}

static int
out_of_memory(void)
{
	return log_temporary("out of memory while remembering a type");
}

/* The name of a built-in type with its modifier, or NULL: ask the server. */
static const char *
builtin_name(struct types *t, uint32_t oid, int32_t modifier)
{
	const struct builtin *b = find_builtin(oid);
	uint32_t bits;

	if (b == NULL)
		return NULL;
	if (modifier < 0)
		return b->name;
	switch (b->modifier) {
	case MOD_LENGTH:
		snprintf(t->scratch, sizeof(t->scratch), "%s(%d)", b->name, modifier - VARHDRSZ);
		return t->scratch;
	case MOD_NUMERIC:
		/* Precision in the high half; scale in 11 bits, signed (numeric.c). */
		bits = (uint32_t)modifier - VARHDRSZ;
		snprintf(t->scratch, sizeof(t->scratch), "%s(%u,%d)", b->name, bits >> 16 & 0xffff,
		    (int)((bits & 0x7ff) ^ 1024) - 1024);
		return t->scratch;
	case MOD_NONE:
		break;
	}
	return NULL;
}

/* Quoted unless it is plain; words of SQL are not known here, and stay as they are. */
static void
add_identifier(struct buf *b, const char *id)
{
	int simple = *id != '\0' && !(*id >= '0' && *id <= '9');

	for (const char *c = id; *c != '\0'; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_'))
			simple = 0;
	if (simple) {
		buf_str(b, id);
		return;
	}
	buf_add(b, "\"", 1);
	for (; *id != '\0'; id++) {
		if (*id == '"')
			buf_add(b, "\"", 1);
		buf_add(b, id, 1);
	}
	buf_add(b, "\"", 1);
}

static struct announced *
find_announced(struct types *t, uint32_t oid)
{
	for (size_t i = 0; i < t->n_announced; i++)
		if (t->announced[i].oid == oid)
			return &t->announced[i];
	return NULL;
}

int
types_announce(
    struct types *t, uint32_t oid, struct pgoutput_bytes schema, struct pgoutput_bytes name)
{
	struct announced *a = find_announced(t, oid);
	char *schema_copy, *name_copy;

	for (size_t i = 0; i < t->n_known; i++)
		if (t->known[i].oid == oid)
			t->known[i].stale = 1;
	if (a == NULL) {
		struct announced *grown = realloc(
		    t->announced, (t->n_announced + 1) * sizeof(*grown));

		if (grown == NULL)
			return out_of_memory();
		t->announced = grown;
		a = &t->announced[t->n_announced++];
		*a = (struct announced){ .oid = oid };
	}
	schema_copy = strndup(schema.p, schema.len);
	name_copy = strndup(name.p, name.len);
	free(a->schema);
	free(a->name);
	a->schema = schema_copy;
	a->name = name_copy;
	return schema_copy == NULL || name_copy == NULL ? out_of_memory() : 0;
}

/* Ask the server and remember the answer in the entry k. */
static int
learn(struct types *t, struct known *k)
{
	const struct announced *a = find_announced(t, k->oid);
	struct buf name = BUF_INIT;
	int err = t->ask(t->context, k->oid, k->modifier, a != NULL ? a->schema : NULL,
	    a != NULL ? a->name : NULL, &name);

	if (err != 0) {
		buf_free(&name);
		return err;
	}
	if (name.len == 0 && a != NULL) {
		/* pgoutput sends pg_catalog as an empty name; format_type() leaves it out, too. */
		if (a->schema[0] != '\0') {
			add_identifier(&name, a->schema);
			buf_add(&name, ".", 1);
		}
		add_identifier(&name, a->name);
	}
	if (name.len == 0)
		buf_str(&name, "???"); /* as format_type() says it */
	buf_add(&name, "", 1);
	if (name.failed) {
		buf_free(&name);
		return out_of_memory();
	}
	free(k->name);
	k->name = name.data;
	k->stale = 0;
	return 0;
}

int
types_name(struct types *t, const char **name, uint32_t oid, int32_t modifier)
{
	struct known *k = NULL;
	int err;

	if ((*name = builtin_name(t, oid, modifier)) != NULL)
		return 0;
	for (size_t i = 0; i < t->n_known && k == NULL; i++)
		if (t->known[i].oid == oid && t->known[i].modifier == modifier)
			k = &t->known[i];
	if (k == NULL) {
		struct known *grown = realloc(t->known, (t->n_known + 1) * sizeof(*grown));

		if (grown == NULL)
			return out_of_memory();
		t->known = grown;
		k = &t->known[t->n_known++];
		*k = (struct known){ .oid = oid, .modifier = modifier, .stale = 1 };
	}
	if (k->stale && (err = learn(t, k)) != 0)
		return err;
	*name = k->name;
	return 0;
}
