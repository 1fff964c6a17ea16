/* gen-protocol.c - the generated parts of doc/protocol.md.
 *
 *	gen-protocol RECORDED       all sections, between their markers; RECORDED is doc/recorded.txt
 *	gen-protocol RECORDED FILE  FILE with its sections made anew
 *	gen-protocol --names FILE   nothing, and 0 where all that FILE names exists
 *
 * A marker that is wrong, a section that is missing or stands twice: a line on stderr, and 1. */
#include <stdio.h>

#include "doc/gen.h"
#include "lib/os/files.h"

#define BEGIN "<!-- generated: "
#define BEGIN_END " -->"
#define END "<!-- end -->"

static void put_section(struct hl_buf *out, const struct gen_section *s)
{
	hl_buf_printf(out, BEGIN "%s" BEGIN_END "\n", s->name);
	s->print(out);
	hl_buf_text(out, END "\n");
}

static hl_err all_sections(struct hl_buf *out)
{
	size_t n;
	const struct gen_section *s = gen_sections(&n);

	for (; n > 0; n--, s++)
		put_section(out, s);
	return out->err;
}

/* -- a document ------------------------------------------------------------------------------------ */

struct walk {
	const char *file;
	struct hl_bytes left;
	unsigned line;
	unsigned seen; /* a bit for each section */
};

/* The next line, without its end. */
static bool next_line(struct walk *w, struct hl_bytes *line)
{
	const uint8_t *end = w->left.n ? memchr(w->left.p, '\n', w->left.n) : NULL;

	if (w->left.n == 0)
		return false;
	*line = hl_bytes(w->left.p, end ? (size_t)(end - w->left.p) : w->left.n);
	w->left = hl_bytes(line->p + line->n, w->left.n - line->n);
	if (end)
		w->left = hl_bytes(w->left.p + 1, w->left.n - 1);
	w->line++;
	return true;
}

static hl_err wrong(const struct walk *w, const char *what)
{
	fprintf(stderr, "%s:%u: %s\n", w->file, w->line, what);
	return HL_E_ARG;
}

/* The section that a marker names. */
static const struct gen_section *section_of(struct hl_bytes line, unsigned *number)
{
	size_t n, around = strlen(BEGIN) + strlen(BEGIN_END);
	const struct gen_section *s = gen_sections(&n);

	for (size_t i = 0; i < n; i++)
		if (line.n == around + strlen(s[i].name) &&
			memcmp(line.p + strlen(BEGIN), s[i].name, strlen(s[i].name)) == 0) {
			*number = (unsigned)i;
			return &s[i];
		}
	return NULL;
}

static hl_err replace_section(struct walk *w, struct hl_bytes line, struct hl_buf *out)
{
	unsigned number = 0;
	const struct gen_section *s = section_of(line, &number);

	if (!s)
		return wrong(w, "there is no such section");
	if (w->seen & 1u << number)
		return wrong(w, "this section stands twice");
	w->seen |= 1u << number;
	while (next_line(w, &line))
		if (hl_bytes_eq(line, hl_text(END))) {
			put_section(out, s);
			return HL_OK;
		}
	return wrong(w, "a section has no end");
}

static hl_err renew(const char *file, struct hl_bytes text, struct hl_buf *out)
{
	struct walk w = { .file = file, .left = text };
	struct hl_bytes line;
	size_t n;

	while (next_line(&w, &line)) {
		if (line.n >= strlen(BEGIN) && memcmp(line.p, BEGIN, strlen(BEGIN)) == 0) {
			HL_TRY(replace_section(&w, line, out));
			continue;
		}
		hl_buf_put(out, line);
		hl_buf_text(out, "\n");
	}
	(void)gen_sections(&n);
	return w.seen == (1u << n) - 1 ? out->err : wrong(&w, "a section is missing");
}

static hl_err run(int argc, char **argv, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);
	bool names = argc == 3 && strcmp(argv[1], "--names") == 0;

	if (argc != 2 && argc != 3)
		return HL_E_ARG;
	if (!names)
		HL_TRY(gen_connection_read(argv[1]));
	if (argc == 2)
		return all_sections(out);
	HL_TRY(hl_file_read(argv[2], HL_BUF_MAX, &text));
	if (names)
		return gen_check_names(argv[2], hl_buf_view(&text)) == 0 ? HL_OK : HL_E_NOT_FOUND;
	return renew(argv[2], hl_buf_view(&text), out);
}

int main(int argc, char **argv)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(HL_BUF_MAX);
	hl_err err = run(argc, argv, &out);

	if (err == HL_OK && (out.n == 0 || fwrite(hl_buf_view(&out).p, 1, out.n, stdout) == out.n) &&
		fflush(stdout) == 0)
		return 0;
	fprintf(stderr, "gen-protocol: %s\n", hl_err_text(err == HL_OK ? HL_E_IO : err));
	return 1;
}
