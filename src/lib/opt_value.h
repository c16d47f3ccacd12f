/* The value of an option, by its kind: how it is read, and what error messages say of it. */
#ifndef OPT_VALUE_H
#define OPT_VALUE_H

#include "opt.h"

/* Read s into o->value. 0, or -1 if it is none. */
int opt_value_set(const struct opt *o, const char *s, int in_environment);

/* What an option of this kind expects.  Valid until the next call. */
const char *opt_value_expected(const struct opt *o);

/* A value that was given, with quotes; pairs may be passwords: those before it are counted. */
const char *opt_value_shown(const struct opt *o, const char *value);

#endif
