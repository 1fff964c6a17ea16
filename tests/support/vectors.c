#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS 8

/* The test driver exports srcdir; started by hand, a test looks below the current folder. */
FILE *vectors_file(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/tests/vectors/%s", srcdir ? srcdir : ".", name);
	f = fopen(path, "re");
	if (!f) {
		fprintf(stderr, "%s: cannot be opened\n", path);
		abort();
	}
	return f;
}

unsigned vectors_each(const char *name, size_t words, vectors_check *check, void *at)
{
	FILE *f = vectors_file(name);
	unsigned lines = 0;
	char line[4096];

	while (fgets(line, sizeof line, f)) {
		char *word[WORDS], *rest = line;

		if (line[0] == '#')
			continue;
		for (size_t i = 0; i < words; i++) {
			word[i] = strtok_r(rest, " \n", &rest);
			if (!word[i]) {
				fprintf(stderr, "%s: a line has %zu words\n", name, i);
				abort();
			}
		}
		check(at, word);
		lines++;
	}
	fclose(f);
	return lines;
}

struct hl_bytes vectors_hex(const char *hex, uint8_t *out, size_t size)
{
	size_t n = 0;

	if (strcmp(hex, "-") != 0 && hl_unhex(hex, strlen(hex), out, size, &n) != HL_OK)
		abort();
	return hl_bytes(out, n);
}
