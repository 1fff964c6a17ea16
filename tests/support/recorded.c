#include "tests/support/recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 80
#define ROWS 600

static struct part part[PARTS];
static struct row row[ROWS];
static size_t parts, rows, misplaced;
static char speaker[16]; /* of the heading above */
/* What the tables of messages, further down in the document, say of types. */
static struct {
	char name[48];
	unsigned type;
} message[100];
static size_t messages;

/* While the document is read no test runs yet. */
static void must(bool fits)
{
	if (fits)
		return;
	fprintf(stderr, "doc/protocol.md: the recorded connection has no room here\n");
	exit(1);
}

static struct part *add(const char *name)
{
	struct part *p = &part[parts++];

	must(parts < sizeof part / sizeof *part);
	snprintf(p->name, sizeof p->name, "%.40s", name);
	snprintf(p->from, sizeof p->from, "%s", speaker);
	return p;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_byte(const char **at, struct part *to)
{
	int high = digit((*at)[0]), low = high < 0 ? -1 : digit((*at)[1]);

	if (low < 0 || to->n == RECORDED_ROOM)
		return false;
	to->p[to->n++] = (uint8_t)(high << 4 | low);
	*at += 2;
	return true;
}

/* "0010  00 01 ...  note" */
static void read_row(struct part *p, const char *line)
{
	struct row *r = &row[rows++];
	char *end;

	must(rows < ROWS);
	r->part = p;
	r->at = p->n;
	misplaced += strtoul(line, &end, 16) != p->n || end != line + 4;
	for (end++; *end == ' ' && end[1] != ' ';) {
		const char *at = end + 1;

		if (!take_byte(&at, p))
			break;
		end = (char *)at;
	}
	r->n = p->n - r->at;
	while (*end == ' ')
		end++;
	snprintf(r->note, sizeof r->note, "%.79s", end);
}

/* `name  "text"` or `name  hex` */
static void read_value(const char *line)
{
	size_t name = strcspn(line, " ");
	char text[48];
	struct part *p;
	const char *at = line + name + strspn(line + name, " ");

	snprintf(text, sizeof text, "%.*s", (int)name, line);
	p = add(text);
	if (*at == '"') {
		p->n = strlen(at) - 2;
		must(p->n < RECORDED_ROOM);
		memcpy(p->p, at + 1, p->n);
		return;
	}
	while (take_byte(&at, p))
		;
	misplaced += *at != 0;
}

static void read_line(const char *line)
{
	static struct part *block;
	static bool values;
	char name[48];

	if (sscanf(line, "#### %*u, %15s >", speaker) == 1 || *line == 0)
		return;
	if (sscanf(line, "```bytes %47s", name) == 1)
		block = add(name);
	else if (strcmp(line, "```values") == 0)
		values = true;
	else if (strcmp(line, "```") == 0)
		block = NULL, values = false;
	else if (block)
		read_row(block, line);
	else if (values)
		read_value(line);
}

static void read_table(const char *line)
{
	static char name[48];

	if (sscanf(line, "#### `%40[^`]`", name) == 1)
		return;
	must(messages < sizeof message / sizeof *message);
	if (sscanf(line, "Type 0x%4x", &message[messages].type) == 1)
		memcpy(message[messages++].name, name, sizeof name);
}

bool recorded_read(void)
{
	const char *under = getenv("srcdir");
	char path[1024], *line = NULL;
	bool in = false, whole = false;
	size_t room = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof path, "%.1000s/doc/protocol.md", under ? under : ".");
	f = fopen(path, "r");
	if (!f)
		return false;
	while ((n = getline(&line, &room, f)) > 0) {
		line[n - 1] = line[n - 1] == '\n' ? 0 : line[n - 1];
		whole = whole || (in && strcmp(line, "<!-- end -->") == 0);
		in = (in && !whole) || strcmp(line, "<!-- generated: connection -->") == 0;
		if (in)
			read_line(line);
		else
			read_table(line);
	}
	free(line);
	fclose(f);
	return whole;
}

/* -- what was read ------------------------------------------------------------------------------------------- */

const struct part *recorded_part(const char *name)
{
	for (size_t i = 0; i < parts; i++)
		if (strcmp(part[i].name, name) == 0)
			return &part[i];
	return NULL;
}

const struct row *recorded_rows(size_t *n)
{
	*n = rows;
	return row;
}

size_t recorded_misplaced(void)
{
	return misplaced;
}

unsigned recorded_type(const char *name)
{
	for (size_t i = 0; i < messages; i++)
		if (strcmp(message[i].name, name) == 0)
			return message[i].type;
	return 0;
}
