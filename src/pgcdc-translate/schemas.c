#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "log.h"
#include "lsn.h"
#include "schemas.h"

static int
damaged(const struct translate *t, const char *why)
{
	return log_permanent("line %llu has a row of the schema log that is damaged: %s",
	    (unsigned long long)t->number, why);
}

/* *json is the value in these bytes.  0, or the exit code after reporting. */
static int
load(const struct translate *t, json_t **json, const char *p, size_t len)
{
	json_error_t why;

	if ((*json = document_load(p, len, &why)) != NULL)
		return 0;
	return errno == ENOMEM ? log_temporary("out of memory for a row of the schema log")
	                       : damaged(t, why.text);
}

/* The same of a column of the line; *json stays as it is when that is not there. */
static int
load_column(const struct translate *t, json_t **json, const char *column)
{
	const struct event_array *columns = &t->event.columns;

	for (size_t i = 0; i < columns->n; i++) {
		const struct event_entry *entry = &columns->entry[i];

		if (event_is_text(entry->name, column) && entry->value.p != NULL)
			return load(t, json, entry->value.p, entry->value.len);
	}
	return 0;
}

static int
unusable(const char *schema, const char *name, uint64_t schema_id, const char *why)
{
	return log_permanent("the definition of table \"%s.%s\" in row %llu of the schema log "
			     "cannot be used: %s",
	    schema != NULL ? schema : "?", name != NULL ? name : "?", (unsigned long long)schema_id,
	    why);
}

/*
 * Add the definition in one element of "tables"; *like has its interval.  An old one, told by the
 * store, may be forgotten: it can be asked for again.
 */
static int
add(struct translate *t, const json_t *json, const struct definition *like)
{
	const char *schema = json_string_value(json_object_get(json, "schema"));
	const char *name = json_string_value(json_object_get(json, "name"));
	char why[256] = "out of memory";
	struct definition *d;
	struct table *table;

	d = definition_make(json, like, &t->options->choice, why, sizeof(why));
	if (d == NULL)
		return errno == ENOMEM ? log_temporary("out of memory for a definition")
		                       : unusable(schema, name, like->schema_id, why);
	table = tables_get_plain(&t->tables, schema, name);
	if (table != NULL)
		table_forget_row(table, like->schema_id);
	if (table == NULL || table_add(table, d, t->store != NULL ? TABLES_INTERVALS : 0) != 0)
		return log_temporary("out of memory for a definition");
	return 0;
}

/* The table that the object names with "schema" and "name", or NULL. */
static struct table *
named(struct translate *t, const json_t *json)
{
	const char *schema = json_string_value(json_object_get(json, "schema"));
	const char *name = json_string_value(json_object_get(json, "name"));

	return schema != NULL && name != NULL ? tables_get_plain(&t->tables, schema, name) : NULL;
}

/* What was dropped or renamed: nothing is known of the next table with its name. */
static void
end_name(struct translate *t, const json_t *json, uint64_t lsn)
{
	struct table *table = named(t, json);

	if (table != NULL)
		table_end(table, lsn);
}

/*
 * Tables that have another name now.  Not for ALTER SCHEMA, which does not lock them: until it
 * is committed others go on writing to the old name.
 */
static void
end_renamed(struct translate *t, const json_t *tables, uint64_t lsn)
{
	const json_t *json;
	size_t i;

	json_array_foreach(tables, i, json) end_name(t, json_object_get(json, "was"), lsn);
}

static int
is_command(const struct event *e, const char *tag)
{
	for (size_t i = 0; i < e->columns.n; i++)
		if (event_is_text(e->columns.entry[i].name, "command_tag"))
			return event_is_text(e->columns.entry[i].value, tag);
	return 0;
}

static void
warn_of_gap(const json_t *schema, uint64_t lsn)
{
	const char *gap = json_string_value(json_object_get(schema, "gap"));

	if (gap != NULL)
		log_warn(
		    "the schema log has a gap at %s, as a trigger failed (%s): rows behind it may "
		    "not be what they seem; run \"pgcdc init --baseline\", unless that was done since",
		    lsn_text(lsn), gap);
}

/* Sinks have no database: they get the row of the log before the first row that it is for. */
static void
write_baseline(struct translate *t, struct event_span lsn, struct event_span columns)
{
	struct buf *out = &t->out.buf;

	buf_str(out, "{\"action\":\"I\",\"lsn\":\"");
	buf_add(out, lsn.p, lsn.len);
	buf_str(out, "\",\"schema\":\"pgcdc\",\"table\":\"schema_log\",\"columns\":");
	buf_add(out, columns.p, columns.len);
	buf_str(out, ",\"baseline\":true}\n");
}

/* From where on the definition that came at lsn holds; table is NULL while its name was not seen. */
static uint64_t
begin_of(const struct translate *t, const struct table *table, const json_t *json, int is_baseline,
    uint64_t lsn)
{
	if (t->store != NULL || table == NULL)
		return lsn;
	/* The table is older than the log, and as it was. */
	if (is_baseline && table->n == 0)
		return 0;
	/* Made by CREATE TABLE AS: its rows are being held back. */
	if (t->hold.table != NULL && json_is_true(json_object_get(json, "rows_before")))
		return table_unknown(table, t->hold.lsn, lsn);
	return lsn;
}

static int
take_schema(struct translate *t, const json_t *schema, uint64_t id, uint64_t lsn)
{
	struct definition like = { .until = UINT64_MAX, .known = lsn, .schema_id = id };
	int is_baseline = json_is_true(json_object_get(schema, "baseline"));
	int is_rename;
	const json_t *json;
	size_t i;
	int err;

	warn_of_gap(schema, lsn);
	is_rename = is_command(&t->event, "ALTER SCHEMA");
	if (!is_rename)
		end_renamed(t, json_object_get(schema, "tables"), lsn);
	if (is_rename || t->moved.len > 0) {
		buf_add(&t->moved, t->moved.len == 0 ? "{" : ",", 1);
		buf_uint(&t->moved, id);
		if (t->moved.failed)
			return log_temporary("out of memory for a renamed schema");
		like.is_uncommitted = 1;
	}
	json_array_foreach(json_object_get(schema, "tables"), i, json)
	{
		const struct table *table = named(t, json);

		/* The store has told of it, and from where on it holds. */
		if (table != NULL && table_knows(table, id) && !like.is_uncommitted)
			continue;
		like.from = begin_of(t, table, json, is_baseline, lsn);
		if ((err = add(t, json, &like)) != 0)
			return err;
		if (t->hold.table != NULL && like.from < lsn)
			write_baseline(t,
			    (struct event_span){ t->event.lsn.p + 1, t->event.lsn.len - 2 },
			    t->event.columns.whole);
	}
	return 0;
}

static int
is_array_or_absent(const json_t *json)
{
	return json == NULL || json_is_array(json);
}

static void
take_dropped(struct translate *t, const json_t *dropped, uint64_t lsn)
{
	const json_t *json;
	size_t i;

	json_array_foreach(dropped, i, json) end_name(t, json, lsn);
}

/* A row of the log, as it stands on its line and then as what is in its JSON texts. */
struct entry {
	json_t *id, *schema_text, *dropped_text;
	json_t *schema, *dropped;
};

static int
load_text(const struct translate *t, json_t **json, const json_t *text)
{
	return load(t, json, json_string_value(text), json_string_length(text));
}

static int
load_entry(const struct translate *t, struct entry *entry)
{
	int err;

	if ((err = load_column(t, &entry->id, "id")) != 0 ||
	    (err = load_column(t, &entry->schema_text, "schema")) != 0 ||
	    (err = load_column(t, &entry->dropped_text, "dropped")) != 0)
		return err;
	if (!json_is_integer(entry->id) || !json_is_string(entry->schema_text))
		return damaged(t, "it lacks \"id\" or \"schema\"");
	if ((err = load_text(t, &entry->schema, entry->schema_text)) != 0)
		return err;
	if (!json_is_object(entry->schema) ||
	    !is_array_or_absent(json_object_get(entry->schema, "tables")))
		return damaged(t, "its \"schema\" is none");
	if (entry->dropped_text == NULL || json_is_null(entry->dropped_text))
		return 0;
	if (!json_is_string(entry->dropped_text))
		return damaged(t, "its \"dropped\" is none");
	if ((err = load_text(t, &entry->dropped, entry->dropped_text)) != 0)
		return err;
	return json_is_array(entry->dropped) ? 0 : damaged(t, "its \"dropped\" is none");
}

int
schemas_take(struct translate *t)
{
	struct entry entry = { .id = NULL };
	uint64_t lsn;
	int err;

	t->n_schemas++;
	if (translate_lsn(&lsn, &t->event) != 0)
		return damaged(t, "its \"lsn\" is none");
	if ((err = load_entry(t, &entry)) == 0) {
		take_dropped(t, entry.dropped, lsn);
		err = take_schema(t, entry.schema, (uint64_t)json_integer_value(entry.id), lsn);
	}
	json_decref(entry.id);
	json_decref(entry.schema_text);
	json_decref(entry.dropped_text);
	json_decref(entry.schema);
	json_decref(entry.dropped);
	return err;
}

int
schemas_commit(struct translate *t)
{
	uint64_t lsn;
	int err;

	if (t->moved.len == 0)
		return 0;
	if (translate_lsn(&lsn, &t->event) != 0)
		return log_permanent("line %llu ends a transaction that renames a schema, and its "
				     "\"lsn\" is none",
		    (unsigned long long)t->number);
	tables_commit(&t->tables, lsn);
	buf_add(&t->moved, "}", 2); /* with its NUL */
	if (t->moved.failed)
		return log_temporary("out of memory for the commit of a renamed schema");
	err = t->store != NULL ? store_commit(t->store, t->moved.data, lsn) : 0;
	buf_drop(&t->moved, t->moved.len);
	return err;
}

/* Of what the store says. */
static int
load_answer(
    json_t **json, const char *text, const struct table *table, const struct store_answer *a)
{
	json_error_t why;

	if ((*json = document_load(text, strlen(text), &why)) != NULL)
		return 0;
	return errno == ENOMEM ? log_temporary("out of memory for a definition")
	                       : unusable(table->schema, table->name, a->schema_id, why.text);
}

static int
write_answer(struct translate *t, const struct table *table, const struct store_answer *a)
{
	const char *lsn = lsn_text(a->lsn);
	json_t *columns;
	char *text;
	int err;

	if ((err = load_answer(&columns, a->row, table, a)) != 0)
		return err;
	text = json_dumps(columns, JSON_COMPACT);
	json_decref(columns);
	if (text == NULL)
		return log_temporary("out of memory for a definition");
	write_baseline(
	    t, (struct event_span){ lsn, strlen(lsn) }, (struct event_span){ text, strlen(text) });
	free(text);
	return 0;
}

static int
take_answer(
    struct translate *t, const struct table *table, uint64_t lsn, const struct store_answer *a)
{
	struct definition like = {
		.from = a->from, .until = a->until, .known = lsn, .schema_id = a->schema_id
	};
	int is_news = !table_knows(table, a->schema_id);
	json_t *json;
	int err;

	if ((err = load_answer(&json, a->table, table, a)) != 0)
		return err;
	err = add(t, json, &like);
	json_decref(json);
	if (err == 0 && a->row != NULL && is_news)
		err = write_answer(t, table, a);
	return err;
}

static int
add_unknown(struct table *table, uint64_t lsn)
{
	struct definition *d = definition_unknown(
	    &(struct definition){ .until = UINT64_MAX, .known = lsn });

	log_warn("table \"%s.%s\" is not in the store's catalog: its rows get no ids",
	    table->schema, table->name);
	if (d == NULL || table_add(table, d, 0) != 0)
		return log_temporary("out of memory for a definition");
	return 0;
}

static int
never_seen(const struct table *table, uint64_t lsn, const char *remedy)
{
	return log_permanent("the schema log does not have table \"%s.%s\" at %s; %s",
	    table->schema, table->name, lsn_text(lsn), remedy);
}

/* *a is what the store says of the table. */
static int
ask(const struct translate *t, struct store_answer *a, const struct table *table, uint64_t lsn,
    int is_lacking)
{
	struct store_question q = { .schema = table->schema,
		.name = table->name,
		.lsn = lsn,
		.commit = t->commit,
		.is_lacking = is_lacking };
	struct event_span xid = t->event.xid;
	char text[16] = "";

	if (xid.p != NULL && xid.len < sizeof(text))
		memcpy(text, xid.p, xid.len);
	if (*text != '\0' && text[strspn(text, "0123456789")] == '\0')
		q.xid = text;
	return store_ask(t->store, a, &q);
}

struct definition *
schemas_known(const struct translate *t, const struct table *table, uint64_t lsn)
{
	return t->store != NULL && t->event.code == 'R' ? table_at_dumped(table, lsn)
	                                                : table_at(table, lsn);
}

int
schemas_find(struct translate *t, struct table *table, uint64_t lsn, struct definition **definition)
{
	struct store_answer a;
	int err;

	if ((*definition = schemas_known(t, table, lsn)) != NULL)
		return 0;
	if (t->store == NULL)
		return never_seen(table, lsn, "name the store with --store");
	if ((err = ask(t, &a, table, lsn, 0)) != 0)
		return err;
	if (a.table != NULL)
		err = take_answer(t, table, lsn, &a);
	else if (t->store->survey.keeps_log)
		err = never_seen(table, lsn, "run \"pgcdc init --baseline\" there");
	else
		err = add_unknown(table, lsn);
	free(a.table);
	free(a.row);
	if (err == 0 && (*definition = table_at(table, lsn)) == NULL)
		err = log_permanent("the store's definition of table \"%s.%s\" is not one for %s",
		    table->schema, table->name, lsn_text(lsn));
	return err;
}

static int
not_in_log(const struct translate *t, const struct table *table, uint64_t lsn,
    struct event_span column, uint64_t schema_id)
{
	return log_permanent(
	    "line %llu: column %.*s of table \"%s.%s\" at %s is not in row %llu of "
	    "the schema log; run \"pgcdc init --baseline\" on the store",
	    (unsigned long long)t->number, (int)column.len,
	    column.p != NULL ? column.p : "without name", table->schema, table->name, lsn_text(lsn),
	    (unsigned long long)schema_id);
}

static int
has_column(const struct definition *d, struct event_span column)
{
	size_t hint = 0;

	return column.p != NULL && definition_column(d, column.p, column.len, &hint) != NULL;
}

/* The log has missed a change: has a baseline, or what was logged behind a gap, caught up? */
static int
catch_up(struct translate *t, struct table *table, uint64_t lsn, struct event_span column,
    struct definition **definition)
{
	uint64_t lacking = (*definition)->schema_id;
	struct store_answer a;
	int err;

	if ((err = ask(t, &a, table, lsn, 1)) != 0)
		return err;
	if (a.table != NULL && a.schema_id != lacking)
		err = take_answer(t, table, lsn, &a);
	free(a.table);
	free(a.row);
	if (err != 0)
		return err;
	*definition = table_at(table, lsn);
	if (*definition == NULL || !has_column(*definition, column))
		return not_in_log(t, table, lsn, column, lacking);
	log_warn(
	    "a change of table \"%s.%s\" before %s is not in the schema log: its rows are read "
	    "with row %llu, which was logged later",
	    table->schema, table->name, lsn_text(lsn),
	    (unsigned long long)(*definition)->schema_id);
	return 0;
}

int
schemas_renew(struct translate *t, struct table *table, uint64_t lsn, struct event_span column,
    struct definition **definition)
{
	int err;

	if (t->store == NULL)
		return not_in_log(t, table, lsn, column, (*definition)->schema_id);
	if (t->store->survey.keeps_log)
		return catch_up(t, table, lsn, column, definition);
	table_forget(table);
	if ((err = schemas_find(t, table, lsn, definition)) != 0)
		return err;
	if (!has_column(*definition, column)) {
		(*definition)->is_partial = 1;
		log_warn("column %.*s of table \"%s.%s\" is not in the store's catalog: it gets no "
			 "id",
		    (int)column.len, column.p != NULL ? column.p : "", table->schema, table->name);
	}
	return 0;
}
