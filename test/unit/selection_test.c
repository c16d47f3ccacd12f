/* Columns that the user names for a table. */
#include <stdlib.h>

#include "log.h"
#include "selection.h"
#include "tap.h"

#include "said.h"

/* As the option's parser cuts it, at commas; the items live as long as the program. */
static struct opt_list
list_of(const char *text)
{
	static char texts[32][64], *items[32][8];
	static size_t lists;
	char *rest = texts[lists];
	struct opt_list list = { .item = items[lists++] };

	strcpy(rest, text);
	for (char *p; *text != '\0' && (p = strsep(&rest, ",")) != NULL;)
		list.item[list.n++] = p;
	return list;
}

static const struct {
	const char *list, *schema, *table, *column;
	int found, has;
} cases[] = {
	{ "s.t:a", "s", "t", "a", 1, 1 },
	{ "s.t:a", "s", "t", "b", 1, 0 },
	{ "s.t:a", "s", "u", "a", 0, 0 },
	{ "s.t:a,b,c", "s", "t", "a", 1, 1 },
	{ "s.t:a,b,c", "s", "t", "b", 1, 1 },
	{ "s.t:a,b,c", "s", "t", "c", 1, 1 },
	{ "s.t:a,b,s.u:c", "s", "t", "c", 1, 0 },
	{ "s.t:a,b,s.u:c", "s", "u", "c", 1, 1 },
	{ "s.t:a,b,s.u:c", "s", "u", "a", 1, 0 },
	{ "*.t:a,s.*:b", "s", "t", "b", 1, 0 },
	{ "*.t:a,s.*:b", "s", "u", "b", 1, 1 },
	{ "*.t:a,s.*:b", "r", "u", "b", 0, 0 },
	{ "*.*:x*", "any", "thing", "xy", 1, 1 },
	{ "*.*:x*", "any", "thing", "yx", 1, 0 },
	{ "*.*:*", "any", "thing", "", 1, 1 },
	{ "s.t:a*z,q", "s", "t", "a--z", 1, 1 },
	{ "s.t:A", "s", "t", "a", 1, 0 },
	{ "s.t:\xc3\xa9", "s", "t", "\xc3\xa9", 1, 1 },
	{ "s.t:a:b", "s", "t", "a:b", 1, 1 },
	{ "s.t:a.b", "s", "t", "a.b", 1, 1 },
	{ "", "s", "t", "a", 0, 0 },
};

static void
finding(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct opt_list list = list_of(cases[i].list);
		struct selections s;
		const struct selection *one;

		is_int(selections_parse(&s, &list, "columns"), 0, "\"%s\"", cases[i].list);
		one = selections_find(&s, cases[i].schema, cases[i].table);
		is_int(one != NULL, cases[i].found, "... table %s.%s", cases[i].schema,
		    cases[i].table);
		if (one != NULL)
			is_int(selection_has(one, cases[i].column), cases[i].has, "... column %s",
			    cases[i].column);
		free(s.item);
		free(s.is_seen);
	}
	is_str(said(), "", "nothing is said");
}

static void
refusing(void)
{
	static const char *const bad[] = { "a", "a,s.t:b", "t:a", "s.t", "s.t:", "s.t:a,,b",
		"s.t:a,u:b", ":a", "a:b.c", "s.t:a,s.u:" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct opt_list list = list_of(bad[i]);
		struct selections s;

		is_int(selections_parse(&s, &list, "columns"), EXIT_PERMANENT, "\"%s\"", bad[i]);
		said_line("for option \"--columns\"; expected schema.table:column,...");
		free(s.item);
		free(s.is_seen);
	}
}

static void
unseen(void)
{
	struct opt_list list = list_of("s.t:a,b*,x.*:c,s.u:d");
	struct selections s;

	is_int(selections_parse(&s, &list, "columns"), 0, "a list");
	selections_see(&s, "s", "t", NULL);
	selections_see(&s, "s", "t", "a");
	selections_see(&s, "s", "t", "d");
	selections_see(&s, "s", "u", NULL);
	selections_see(&s, "s", "v", "b");
	selections_warn_unseen(&s, "columns", "table");
	is_str(said(),
	    "selection_test: warning: column \"b*\" of option \"--columns\" is in no table that "
	    "\"s.t\" matches\n"
	    "selection_test: warning: pattern \"x.*\" of option \"--columns\" matches no table\n"
	    "selection_test: warning: column \"d\" of option \"--columns\" is in no table that "
	    "\"s.u\" matches\n",
	    "what has matched nothing is warned about");
	selections_see(&s, "s", "t", "bb");
	selections_see(&s, "x", "y", "c");
	selections_see(&s, "s", "u", "d");
	selections_warn_unseen(&s, "columns", "table");
	is_str(said(), "", "and what has is not");
	free(s.item);
	free(s.is_seen);
}

int
main(void)
{
	log_init("selection_test");
	said_start();
	finding();
	refusing();
	unseen();
	return tap_done();
}
