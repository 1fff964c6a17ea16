/* last_words.c - why a daemon ended: the end of its log, as an error with four parts. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/process.h"
#include "cli/say.h"

#define LOG_TAIL 2048

static void read_tail(const struct cli_world *w, const struct cli_process *p, char out[LOG_TAIL])
{
	char path[CLI_PATH];
	int fd;
	ssize_t n = 0;

	cli_world_path(w, path, "log/%s.log", p->member->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		off_t end = lseek(fd, 0, SEEK_END), from = p->log_at;

		if (end - from > LOG_TAIL - 1)
			from = end - (LOG_TAIL - 1);
		n = pread(fd, out, LOG_TAIL - 1, from);
		close(fd);
	}
	out[n > 0 ? n : 0] = 0;
}

/* The daemon's own last words tell which error it was: its exit code alone stands for several. */
static hl_err error_in(const char *tail)
{
	const char *at = NULL;

	for (const char *p = tail; (p = strstr(p, "err=HL-")) != NULL; p++)
		at = p;
	return at ? hl_err_of_wire((uint32_t)strtoul(at + 7, NULL, 10)) : HL_E_BUG;
}

/* The first line of an error tells what it was about; those after it tell that the daemon gave up. */
static const char *telling_line(char *tail)
{
	size_t n = strlen(tail);
	char *line, *event;

	while (n > 0 && tail[n - 1] == '\n')
		tail[--n] = 0;
	line = strstr(tail, " level=error ");
	if (!line)
		line = strrchr(tail, '\n');
	if (!line)
		line = tail;
	line[1 + strcspn(line + 1, "\n")] = 0;
	event = strstr(line, "event="); /* time, level and name are known */
	return event ? event : line;
}

/* The value of `name` in a line of the log (lib/os/log.h), without its quotes; false: it has none. */
static bool field(const char *line, const char *name, char *out, size_t size)
{
	const char *p = strstr(line, name);
	bool quoted = p && p[strlen(name)] == '"';
	size_t n = 0;

	if (!p)
		return false;
	for (p += strlen(name) + quoted; *p && *p != (quoted ? '"' : ' ') && n + 1 < size; p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		out[n++] = *p;
	}
	out[n] = 0;
	return n > 0;
}

/* Part of the error, so --quiet does not hide them. */
static void show_lines(const char *name, const char *tail)
{
	char copy[LOG_TAIL], *rest = NULL, shown[LOG_TAIL];

	snprintf(copy, sizeof copy, "%s", tail);
	for (char *p = strtok_r(copy, "\n", &rest); p; p = strtok_r(NULL, "\n", &rest)) {
		cli_printable(p, shown, sizeof shown);
		fprintf(stderr, "%s: %s\n", name, shown);
	}
}

/* What a daemon failed at and what the system said of it; of its other words, the line as it stands. */
static void put_words(const char *line, char *out, size_t size)
{
	char value[512], text[256];

	if (strncmp(line, "event=start ", 12) == 0 && field(line, " value=", value, sizeof value) &&
		field(line, " text=", text, sizeof text))
		snprintf(out, size, "%s: %s", value, text);
	else
		snprintf(out, size, "%s", line);
}

hl_err cli_process_trouble(struct cli *c, const struct cli_world *w, const struct cli_process *p)
{
	char tail[LOG_TAIL], words[LOG_TAIL], cause[256], next[256];
	const char *line;
	hl_err err;

	read_tail(w, p, tail);
	err = error_in(tail);
	show_lines(p->member->name, tail);
	line = telling_line(tail);
	put_words(line, words, sizeof words);
	err = cli_fail(c, err, "%s ended: %.600s", p->member->name, words);
	if (field(line, " cause=", cause, sizeof cause))
		cli_cause(c, err, "%s", cause);
	if (field(line, " next=", next, sizeof next))
		return cli_next(c, err, "%s; all it said is in %s/log/%s.log", next, w->dir, p->member->name);
	return cli_next(c, err, "see %s/log/%s.log", w->dir, p->member->name);
}
