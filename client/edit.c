#include "client/edit.h"

#include <stdio.h>

#define PATH_MAX_BYTES 128

struct scan {
	const char *p;
	size_t n, at;
};

static bool more(const struct scan *s)
{
	return s->at < s->n;
}

static bool is_one_of(char c, const char *set)
{
	return c != 0 && strchr(set, c) != NULL;
}

static bool begins(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return n <= s->n - s->at && memcmp(s->p + s->at, word, n) == 0;
}

/* To the first byte behind the next `mark` from `from` on, or to the end. */
static void skip_past(struct scan *s, size_t from, const char *mark)
{
	s->at = from;
	while (more(s) && !begins(s, mark))
		s->at++;
	s->at += more(s) ? strlen(mark) : 0;
}

/* White space, comments, and lines that include another file. */
static void skip_blank(struct scan *s)
{
	while (more(s)) {
		if (is_one_of(s->p[s->at], " \t\r\n\f\v"))
			s->at++;
		else if (begins(s, "#") || begins(s, "//") || begins(s, "@include"))
			skip_past(s, s->at, "\n");
		else if (begins(s, "/*"))
			skip_past(s, s->at + 2, "*/");
		else
			return;
	}
}

static bool take_one_of(struct scan *s, const char *set)
{
	bool there;

	skip_blank(s);
	there = more(s) && is_one_of(s->p[s->at], set);
	s->at += there;
	return there;
}

static struct hl_bytes take_name(struct scan *s)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_*";
	size_t from = s->at;

	while (more(s) && is_one_of(s->p[s->at], letters))
		s->at++;
	return hl_bytes(s->p + from, s->at - from);
}

static void skip_string(struct scan *s)
{
	for (s->at++; more(s) && s->p[s->at] != '"'; s->at++)
		if (s->p[s->at] == '\\' && s->at + 1 < s->n)
			s->at++;
	s->at += more(s);
}

/* Strings that follow one another are one value. */
static void skip_strings(struct scan *s)
{
	size_t end;

	do {
		skip_string(s);
		end = s->at;
		skip_blank(s);
	} while (more(s) && s->p[s->at] == '"');
	s->at = end;
}

static bool skip_brackets(struct scan *s)
{
	unsigned depth = 0;

	do {
		skip_blank(s);
		if (!more(s))
			return false;
		if (s->p[s->at] == '"') {
			skip_string(s);
			continue;
		}
		depth += is_one_of(s->p[s->at], "{[(");
		depth -= is_one_of(s->p[s->at], "}])");
		s->at++;
	} while (depth > 0);
	return true;
}

static bool skip_value(struct scan *s)
{
	size_t from = s->at;

	if (!more(s))
		return false;
	if (is_one_of(s->p[s->at], "{[("))
		return skip_brackets(s);
	if (s->p[s->at] == '"')
		skip_strings(s);
	else
		while (more(s) && !is_one_of(s->p[s->at], " \t\r\n\f\v;,}])#\"/"))
			s->at++;
	return s->at > from;
}

/* Among the settings of the group in which `s` stands. */
static bool find_here(struct scan *s, struct hl_bytes wanted, struct client_place *out)
{
	struct client_place at;
	struct hl_bytes name;

	for (;;) {
		skip_blank(s);
		at.name = s->at;
		name = take_name(s);
		if (name.n == 0 || !take_one_of(s, ":="))
			return false;
		skip_blank(s);
		at.value = s->at;
		if (!skip_value(s))
			return false;
		at.end = s->at;
		at.after = take_one_of(s, ";,") ? s->at : at.end;
		if (hl_bytes_eq(name, wanted)) {
			*out = at;
			return true;
		}
	}
}

bool client_edit_find(struct hl_bytes text, const char *path, struct client_place *out)
{
	struct scan s = { (const char *)text.p, text.n, 0 };

	if (text.n == 0)
		return false;
	for (;;) {
		size_t n = strcspn(path, ".");

		if (!find_here(&s, hl_bytes(path, n), out))
			return false;
		path += n;
		if (!*path)
			return true;
		path++;
		if (s.p[out->value] != '{')
			return false;
		s.at = out->value + 1;
	}
}

int client_edit_line(struct hl_bytes text, const char *path)
{
	struct client_place at;
	int line = 1;

	if (!client_edit_find(text, path, &at))
		return 0;
	for (size_t i = 0; i < at.name; i++)
		line += text.p[i] == '\n';
	return line;
}

/* Replace text[from .. to) by `piece`. */
static void splice(struct hl_buf *text, size_t from, size_t to, const struct hl_buf *piece)
{
	struct hl_buf fresh = hl_buf(text->max);
	struct hl_bytes old = hl_buf_view(text);

	if (text->err != HL_OK)
		return;
	hl_buf_put(&fresh, hl_bytes(old.p, from));
	hl_buf_put(&fresh, hl_buf_view(piece));
	if (to < old.n)
		hl_buf_put(&fresh, hl_bytes(old.p + to, old.n - to));
	if (fresh.err == HL_OK)
		fresh.err = piece->err;
	hl_buf_clear(text);
	*text = fresh;
}

static unsigned depth_of(const char *path)
{
	unsigned depth = 0;

	for (; *path; path++)
		depth += *path == '.';
	return depth;
}

static void put_tabs(struct hl_buf *out, unsigned n)
{
	while (n-- > 0)
		hl_buf_u8(out, '\t');
}

static void put_indented(struct hl_buf *out, unsigned depth, const char *value)
{
	for (; *value; value++) {
		hl_buf_u8(out, (uint8_t)*value);
		if (*value == '\n')
			put_tabs(out, depth);
	}
}

/* The first byte of the line in which `at` stands, if only blanks lie between; else `at`. */
static size_t line_start(struct hl_bytes text, size_t at)
{
	size_t start = at;

	while (start > 0 && (text.p[start - 1] == ' ' || text.p[start - 1] == '\t'))
		start--;
	return start == 0 || text.p[start - 1] == '\n' ? start : at;
}

/* As the last setting before `end`: the closing bracket of its group, or the end of the text. */
static void insert(struct hl_buf *text, size_t end, const char *path, const char *value)
{
	HL_AUTO(hl_buf_clear) struct hl_buf piece = hl_buf(text->max);
	struct hl_bytes old = hl_buf_view(text);
	unsigned depth = depth_of(path);
	const char *dot = strrchr(path, '.');
	size_t at = line_start(old, end);
	bool own_line = at == 0 || old.p[at - 1] == '\n';

	/* A comment may run to the end of a text without a last newline. */
	if (!own_line && end == old.n)
		hl_buf_text(&piece, "\n");
	if (own_line)
		put_tabs(&piece, depth);
	else if (end < old.n && old.p[end - 1] != ' ')
		hl_buf_text(&piece, " ");
	hl_buf_printf(&piece, "%s%s", dot ? dot + 1 : path, *value == '{' ? ": " : " = ");
	put_indented(&piece, depth, value);
	hl_buf_text(&piece, own_line || end == old.n ? ";\n" : "; ");
	splice(text, at, at, &piece);
}

static void add(struct hl_buf *text, const char *path, const char *value)
{
	const char *dot = strrchr(path, '.');
	char parent[PATH_MAX_BYTES];
	struct client_place at;

	if (!dot) {
		insert(text, text->n, path, value);
		return;
	}
	snprintf(parent, sizeof parent, "%.*s", (int)(dot - path), path);
	if (!client_edit_find(hl_buf_view(text), parent, &at))
		add(text, parent, "{\n}");
	if (text->err != HL_OK)
		return;
	if (client_edit_find(hl_buf_view(text), parent, &at) &&
		hl_buf_view(text).p[at.value] == '{')
		insert(text, at.end - 1, path, value);
	else
		text->err = HL_E_CONFIG;
}

void client_edit_set(struct hl_buf *text, const char *path, const char *value)
{
	HL_AUTO(hl_buf_clear) struct hl_buf piece = hl_buf(text->max);
	struct client_place at;

	if (text->err != HL_OK)
		return;
	if (!client_edit_find(hl_buf_view(text), path, &at)) {
		add(text, path, value);
		return;
	}
	put_indented(&piece, depth_of(path), value);
	splice(text, at.value, at.end, &piece);
}

hl_err client_edit_remove(struct hl_buf *text, const char *path)
{
	struct hl_buf nothing = hl_buf(0);
	struct hl_bytes old = hl_buf_view(text);
	struct client_place at;
	size_t from, to;

	HL_TRY(text->err);
	if (!client_edit_find(old, path, &at))
		return HL_E_NOT_FOUND;
	from = line_start(old, at.name);
	to = at.after;
	while (to < old.n && is_one_of((char)old.p[to], " \t\r"))
		to++;
	if (to < old.n && old.p[to] == '\n' && (from == 0 || old.p[from - 1] == '\n'))
		to++;
	splice(text, from, to, &nothing);
	return text->err;
}

hl_err client_edit_quote(struct hl_buf *out, const char *s)
{
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return HL_E_ARG;
	hl_buf_u8(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			hl_buf_u8(out, '\\');
		hl_buf_u8(out, (uint8_t)*s);
	}
	hl_buf_u8(out, '"');
	return out->err;
}
