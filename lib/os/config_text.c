#include "lib/os/config_text.h"

#define DEPTH_MAX 32

struct text {
	const char *file;
	struct hl_config_error *error;
	const char *p;
	size_t n, at;
	int line;
	bool fresh;              /* nothing but blanks on this line so far */
	char last;               /* the last byte that meant something; a string's is its quote */
	char bracket[DEPTH_MAX]; /* what is open here */
	unsigned depth;
};

static bool begins(const struct text *t, const char *word)
{
	size_t n = strlen(word);

	return n <= t->n - t->at && memcmp(t->p + t->at, word, n) == 0;
}

static void step(struct text *t)
{
	t->line += t->p[t->at] == '\n';
	t->at++;
}

static void skip_line(struct text *t)
{
	while (t->at < t->n && t->p[t->at] != '\n')
		t->at++;
}

static hl_err skip_comment(struct text *t)
{
	int line = t->line;

	for (t->at += 2; t->at < t->n; step(t))
		if (begins(t, "*/")) {
			t->at += 2;
			return HL_OK;
		}
	return hl_config_fail(t->error, t->file, line, "a comment is not closed");
}

/* A value, an item of a list or an array, or the continuation of another string. */
static bool string_may_stand_here(const struct text *t)
{
	bool listed = t->depth > 0 && t->bracket[t->depth - 1] != '{';

	return t->last != 0 && (strchr("=:([\"", t->last) || (t->last == ',' && listed));
}

static hl_err skip_string(struct text *t)
{
	int line = t->line;

	if (!string_may_stand_here(t))
		return hl_config_fail(
			t->error, t->file, line, "syntax error: a string may not stand here");
	for (step(t); t->at < t->n && t->p[t->at] != '"'; step(t))
		if (begins(t, "\\\"") || begins(t, "\\\\"))
			t->at++;
	if (t->at >= t->n)
		return hl_config_fail(t->error, t->file, line, "a string is not closed");
	t->at++;
	t->last = '"';
	return HL_OK;
}

static hl_err take_mark(struct text *t)
{
	char c = t->p[t->at];

	if (t->fresh && begins(t, "@include"))
		return hl_config_fail(t->error, t->file, t->line, "@include is not supported");
	if (strchr("{[(", c)) {
		if (t->depth == DEPTH_MAX)
			return hl_config_fail(t->error, t->file, t->line, "nested too deep");
		t->bracket[t->depth++] = c;
	} else if (strchr("}])", c) && t->depth > 0) {
		t->depth--; /* whether they match is libconfig's to say */
	}
	t->last = c;
	t->fresh = false;
	step(t);
	return HL_OK;
}

static hl_err check_nul(const char *file, struct hl_bytes text, struct hl_config_error *error)
{
	int line = 1;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == 0)
			return hl_config_fail(error, file, line, "a NUL byte");
		line += text.p[i] == '\n';
	}
	return HL_OK;
}

hl_err hl_config_check_text(const char *file, struct hl_bytes text, struct hl_config_error *error)
{
	struct text t = { file, error, (const char *)text.p, text.n, .line = 1, .fresh = true };

	HL_TRY(check_nul(file, text, error));
	while (t.at < t.n) {
		char c = t.p[t.at];

		if (c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '\f') {
			t.fresh = t.fresh || c == '\n';
			step(&t);
		} else if (c == '#' || begins(&t, "//")) {
			skip_line(&t);
		} else if (begins(&t, "/*")) {
			HL_TRY(skip_comment(&t));
		} else if (c == '"') {
			HL_TRY(skip_string(&t));
		} else {
			HL_TRY(take_mark(&t));
		}
	}
	return HL_OK;
}
