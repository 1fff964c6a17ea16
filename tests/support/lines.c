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

int lines_of(const struct live *w, const char *role, const struct line *like)
{
	int found = 0;

	for (unsigned i = 1; found >= 0; i++) {
		char name[64], path[PATH_MAX];
		int n;

		snprintf(name, sizeof name, "trace/%s%u.jsonl", role, i);
		live_path(w, name, path);
		n = lines_count(path, like);
		if (n < 0)
			return i > 1 ? found : -1;
		found += n;
	}
	return found;
}
