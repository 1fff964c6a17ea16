/* number.h - a number on the command line. */
#pragma once

#include <argp.h>

/** Ends the process with a message where it is none from `least` to `most`. */
unsigned bench_number(const char *text, unsigned least, unsigned most, struct argp_state *state);
