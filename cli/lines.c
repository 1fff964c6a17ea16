#include "cli/lines.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES (1u << 20)

/* -- one line --------------------------------------------------------------------------------------- */

static hl_err err_of(const json_t *j)
{
	const char *text = json_string_value(json_object_get(j, "err"));

	if (!text)
		return HL_OK;
	return strncmp(text, "HL-", 3) == 0 ? hl_err_of_wire((uint32_t)strtoul(text + 3, NULL, 10)) : HL_E_BUG;
}

/* False: it is no line of a trace. */
static bool parse(struct hl_bytes text, struct cli_line *out)
{
	json_t *j = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *n = json_object_get(j, "n"), *mono = json_object_get(j, "mono_us");
	struct cli_line l = {
		.json = j,
		.mono_us = json_integer_value(mono),
		.wall_ms = json_integer_value(json_object_get(j, "wall_ms")),
		.step = json_is_integer(n) ? (int)json_integer_value(n) : -1,
		.err = err_of(j),
		.who = json_string_value(json_object_get(j, "who")),
		.role = json_string_value(json_object_get(j, "role")),
		.conn = json_string_value(json_object_get(j, "conn")),
		.note = json_string_value(json_object_get(j, "note")),
	};

	if (!json_is_integer(mono) || !l.who || !l.role || l.step < -1 || l.step >= (int)HL_STEP_COUNT) {
		json_decref(j);
		return false;
	}
	*out = l;
	return true;
}

static hl_err add(struct cli_lines *l, struct hl_bytes text)
{
	struct cli_line line;

	if (text.n == 0)
		return HL_OK;
	if (!parse(text, &line)) {
		l->broken++;
		return HL_OK;
	}
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 256;
		struct cli_line *more = reallocarray(l->line, room, sizeof *more);

		if (!more) {
			json_decref(line.json);
			return HL_E_NOMEM;
		}
		l->line = more;
		l->room = room;
	}
	l->line[l->n++] = line;
	return HL_OK;
}

hl_err cli_lines_add(struct cli_lines *l, struct hl_bytes text)
{
	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		HL_TRY(add(l, hl_bytes(text.p, n)));
		n += end != NULL;
		text = hl_bytes(text.p + n, text.n - n);
	}
	return HL_OK;
}

/* -- files ------------------------------------------------------------------------------------------ */

/* Line by line: a trace may have grown beyond any buffer. */
static hl_err read_file(struct cli_lines *l, int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	hl_err err = HL_OK;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return HL_E_IO;
	}
	while (err == HL_OK && (n = getline(&line, &room, f)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if ((size_t)n > LINE_MAX_BYTES)
			l->broken++;
		else
			err = add(l, hl_bytes(line, (size_t)n));
	}
	if (err == HL_OK && ferror(f))
		err = HL_E_IO;
	free(line);
	fclose(f);
	return err;
}

static bool is_trace(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && strcmp(name + n - 6, ".jsonl") == 0;
}

hl_err cli_lines_read(struct cli_lines *l, const char *folder)
{
	DIR *d = opendir(folder);
	hl_err err = HL_OK;

	if (!d)
		return errno == ENOENT ? HL_E_NOT_FOUND : HL_E_IO;
	for (const struct dirent *e = readdir(d); e && err == HL_OK; e = readdir(d))
		if (is_trace(e->d_name))
			err = read_file(l, dirfd(d), e->d_name);
	closedir(d);
	return err;
}

static int compare(const void *a, const void *b)
{
	const struct cli_line *x = a, *y = b;
	int by_conn = strcmp(x->conn ? x->conn : "", y->conn ? y->conn : "");

	if (by_conn != 0)
		return by_conn;
	if (x->mono_us != y->mono_us)
		return x->mono_us < y->mono_us ? -1 : 1;
	return x->step - y->step;
}

void cli_lines_sort(struct cli_lines *l)
{
	if (l->n > 0)
		qsort(l->line, l->n, sizeof *l->line, compare);
}

void cli_lines_clear(struct cli_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		json_decref(l->line[i].json);
	free(l->line);
	*l = (struct cli_lines){ 0 };
}

/* -- connections ------------------------------------------------------------------------------------ */

static void note_who(struct cli_connection *k, const struct cli_line *l)
{
	static const char *const roles[CLI_COLS] = { "client", NULL, "proxy", "directory", "hsm" };

	for (size_t i = 0; i < CLI_COLS; i++)
		if (roles[i] && strcmp(roles[i], l->role) == 0)
			k->who[i] = l->who;
}

static void note_step(struct cli_connection *k, const struct cli_line *l)
{
	const json_t *fields = json_object_get(l->json, "fields");
	const char *partition = json_string_value(json_object_get(fields, "partition"));

	if (partition && !k->partition)
		k->partition = partition;
	if (l->step < 0 || (size_t)l->step >= CLI_STEPS)
		return;
	if (!k->step[l->step].seen) {
		k->step[l->step].seen = true;
		k->step[l->step].at_us = l->mono_us;
	}
	if (l->note && !k->step[l->step].note)
		k->step[l->step].note = l->note;
	if (l->mono_us > k->end_us && (l->step > k->reached || l->step == HL_STEP_PROVED))
		k->end_us = l->mono_us;
	if (l->step > k->reached)
		k->reached = l->step;
}

/* Of several lines that tell of the failure the client's counts: it is what the user has met. */
static void note_failure(struct cli_connection *k, const struct cli_line *l)
{
	bool client = strcmp(l->role, "client") == 0;

	if (l->err == HL_OK || l->step < 0 || (k->err != HL_OK && !client))
		return;
	k->err = l->err;
	k->failed = l->step;
	if ((size_t)l->step < CLI_STEPS)
		k->step[l->step].err = l->err;
}

/* An attempt that ended before it had an id; two such lines have nothing in common. */
static bool is_nameless(const char *conn)
{
	return strspn(conn, "0") == strlen(conn);
}

bool cli_lines_next(const struct cli_lines *l, size_t *at, struct cli_connection *out)
{
	struct cli_connection k = { .reached = -1, .failed = -1 };

	while (*at < l->n && !l->line[*at].conn)
		++*at;
	if (*at == l->n)
		return false;
	k.line = &l->line[*at];
	k.id = k.line->conn;
	k.nameless = is_nameless(k.id);
	k.start_us = k.end_us = k.line->mono_us;
	k.wall_ms = k.line->wall_ms;
	for (; *at < l->n && strcmp(l->line[*at].conn, k.id) == 0; ++*at, k.lines++) {
		if (k.lines > 0 && k.nameless)
			break;
		note_who(&k, &l->line[*at]);
		note_step(&k, &l->line[*at]);
		note_failure(&k, &l->line[*at]);
	}
	*out = k;
	return true;
}

hl_err cli_lines_find(const struct cli_lines *l, const char *prefix, struct cli_connection *out)
{
	struct cli_connection k, best = { 0 };
	size_t at = 0, n = prefix ? strlen(prefix) : 0, matches = 0;

	while (cli_lines_next(l, &at, &k)) {
		if (n > 0 && (k.nameless || strncasecmp(k.id, prefix, n) != 0))
			continue;
		matches++;
		if (!best.id || k.start_us > best.start_us)
			best = k;
	}
	if (matches == 0)
		return HL_E_NOT_FOUND;
	if (n > 0 && matches > 1)
		return HL_E_ARG;
	*out = best;
	return HL_OK;
}
