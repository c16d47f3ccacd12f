/*
 * Columns that the user names for a table, as --columns and --exclude-columns do, each a
 * list of "schema.table:column,column,...".  '*' stands for any characters in every part.
 */
#ifndef SELECTION_H
#define SELECTION_H

#include <stddef.h>

#include "opt.h"

/* One table's, in the list that was parsed; the strings are the list's. */
struct selection {
	const char *table; /* pattern of schema.table */
	char **column;     /* n patterns */
	size_t n;
	int *
	    is_seen; /* 1 + n of them: what the table's and each pattern has matched, as selections_see() says */
};

struct selections {
	struct selection *item; /* n of them, for the life of the program */
	size_t n;
	int *is_seen; /* those of all items */
};

/* 0, or the exit code after reporting what is wrong with the list of the option. */
int selections_parse(struct selections *s, const struct opt_list *list, const char *option);

/* The first one that is made for the table, or NULL. */
const struct selection *
selections_find(const struct selections *s, const char *schema, const char *table);

/* Does it name the column? */
int selection_has(const struct selection *s, const char *column);

/* A table is there, and with column that column of it: what matches them is not misspelt. */
void selections_see(
    const struct selections *s, const char *schema, const char *table, const char *column);

/* Warn of each pattern of the option that has matched nothing; what is what tables are: "table". */
void selections_warn_unseen(const struct selections *s, const char *option, const char *what);

#endif
