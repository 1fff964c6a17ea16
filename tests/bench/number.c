#include "tests/bench/number.h"

#include <stdlib.h>

unsigned bench_number(const char *text, unsigned least, unsigned most, struct argp_state *state)
{
	char *rest;
	unsigned long n = strtoul(text, &rest, 10);

	if (*rest || rest == text || n < least || n > most)
		argp_error(state, "%s is not a number from %u to %u", text, least, most);
	return (unsigned)n;
}
