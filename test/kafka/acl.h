/* The commands about rights, with the number of their arguments and these. */
#ifndef ACL_H
#define ACL_H

void acl_allow(int n, char **args);

#endif
