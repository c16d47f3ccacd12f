/* pgcdc-kafka produce: event lines to topics. */
#ifndef PRODUCE_H
#define PRODUCE_H

/* The half's main function: argv[0] is its name. The exit code. */
int produce_main(int argc, char **argv);

#endif
