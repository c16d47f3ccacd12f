/* The commands about groups of consumers, with the number of their arguments and these. */
#ifndef GROUP_H
#define GROUP_H

void group_describe(int n, char **args);
void group_delete(int n, char **args);

#endif
