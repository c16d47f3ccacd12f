/* What an error of the server means for a program that could be started again. */
#ifndef SQLSTATE_H
#define SQLSTATE_H

/*
 * The exit code that an SQLSTATE (PostgreSQL documentation, appendix "Error Codes")
 * deserves; NULL is a lost connection.
 */
int sqlstate_code(const char *sqlstate);

#endif
