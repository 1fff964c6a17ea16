#include "tests/support/lines.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

static bool has(const json_t *line, const char *key, const char *want)
{
	const char *is = json_string_value(json_object_get(line, key));

	return !want || strcmp(is ? is : "", want) == 0;
}

static bool matches(const json_t *line, const struct line *like)
{
	return has(line, "conn", like->conn) && has(line, "step", like->step) &&
		has(line, "way", like->way) && has(line, "err", like->err) &&
		has(line, "what", like->what) && has(line, "msg", like->msg) &&
		(like->worker == 0 ||
			json_integer_value(json_object_get(line, "worker")) == (json_int_t)like->worker);
}

int lines_count(const char *path, const struct line *like)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t n;
	int found = 0;

	if (!f)
		return -1;
	while (found >= 0 && (n = getline(&text, &room, f)) > 0) {
		json_t *line = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);

		if (!line)
			found = -1;
		else if (matches(line, like))
			found++;
		json_decref(line);
	}
	free(text);
	fclose(f);
	return found;
}

/* -1: there is no such member. */
static int lines_of_member(const struct live *w, const char *role, unsigned i, const struct line *like)
{
	char name[64], path[PATH_MAX];

	snprintf(name, sizeof name, "trace/%s%u.jsonl", role, i);
	live_path(w, name, path);
	return lines_count(path, like);
}

int lines_of(const struct live *w, const char *role, const struct line *like)
{
	int found = 0;

	for (unsigned i = 1; found >= 0; i++) {
		int n = lines_of_member(w, role, i, like);

		if (n < 0)
			return i > 1 ? found : -1;
		found += n;
	}
	return found;
}

bool lines_member(const struct live *w, const char *role, const char *conn, const char *step, char out[16])
{
	const struct line got = { .conn = conn, .step = step, .way = "got" };
	unsigned members = 0;
	int n;

	for (unsigned i = 1; (n = lines_of_member(w, role, i, &got)) >= 0; i++)
		if (n > 0 && ++members)
			snprintf(out, 16, "%.8s%u", role, i);
	return members == 1;
}
