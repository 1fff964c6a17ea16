#include "tests/support/vectors.h"

#include <stdlib.h>

static void give_up(const struct vectors *v, const char *why)
{
	fprintf(stderr, "%s:%zu: %s\n", v->name, v->at, why);
	abort();
}

/* The test driver exports srcdir; started by hand, a test looks below the current folder. */
void vectors_open(struct vectors *v, const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];

	v->name = name;
	v->lines = v->at = 0;
	snprintf(path, sizeof path, "%s/tests/vectors/%s", srcdir ? srcdir : ".", name);
	v->f = fopen(path, "re");
	if (!v->f)
		give_up(v, "cannot be opened");
}

void vectors_close(struct vectors *v)
{
	fclose(v->f);
}

bool vectors_next(struct vectors *v, size_t columns)
{
	v->rest = v->line;
	do {
		v->at++;
		if (!fgets(v->line, sizeof v->line, v->f))
			return false;
		if (!strchr(v->line, '\n'))
			give_up(v, "the line is too long");
	} while (v->line[0] == '#');
	for (size_t i = 0; i < columns; i++) {
		v->column[i] = strtok_r(v->rest, " \n", &v->rest);
		if (!v->column[i])
			give_up(v, "columns are missing");
	}
	v->lines++;
	return true;
}

/* In place: the bytes are half as long as their digits. */
struct hl_bytes vectors_bytes(struct vectors *v, size_t i)
{
	char *hex = v->column[i];
	size_t n = 0;

	if (strcmp(hex, "-") == 0)
		return hl_bytes(NULL, 0);
	if (hl_unhex(hex, strlen(hex), (uint8_t *)hex, sizeof v->line, &n) != HL_OK)
		give_up(v, "a column is no hex");
	return hl_bytes(hex, n);
}

uint32_t vectors_number(struct vectors *v, size_t i)
{
	return (uint32_t)strtoul(v->column[i], NULL, 10);
}
