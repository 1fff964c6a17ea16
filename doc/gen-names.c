/* gen-names.c - whether what the prose of doc/protocol.md names is there.
 *
 *	`HL_FRAME_MAX`       upper case with underscores: a constant of the tables, an error, a
 *	                     mechanism, an attribute or a return value
 *	`"hsmlet psk 1"`     in quotes: the value of a label
 *	`hello.proxy`        lower case with dots: a message, a step or a fault point
 *	`retry_after_ms`     lower case with underscores: a field of a message
 *	HL-0303              an error
 *
 * Names of files (a dot before c, h, md, cfg, txt, or a slash) and blocks of code are passed over. */
#include "doc/gen.h"

#include <stdio.h>

#include "client/pkcs11/ckr.h"
#include "hsm/attribute.h"
#include "hsm/key.h"
#include "lib/base/point.h"
#include "lib/base/step.h"
#include "lib/wire/messages.h"

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define DIGITS "0123456789"

/* -- what there is ------------------------------------------------------------------------------- */

static bool is(struct hl_bytes name, const char *text)
{
	return hl_bytes_eq(name, hl_text(text));
}

static bool is_constant(struct hl_bytes name)
{
	size_t constants;
	unsigned errors;
	const struct gen_constant *c = gen_constants(&constants);
	const struct hl_err_row *e = hl_err_rows(&errors);

	for (; constants > 0; constants--, c++)
		if (is(name, c->name))
			return true;
	for (; errors > 0; errors--, e++)
		if (is(name, e->name))
			return true;
	return false;
}

static bool is_cryptoki(struct hl_bytes name)
{
	size_t mechanisms, attributes;
	const struct hsm_mechanism *m = hsm_mechanisms(&mechanisms);
	const struct hsm_attribute_row *a = hsm_attribute_rows(&attributes);

	for (; mechanisms > 0; mechanisms--, m++)
		if (is(name, m->name))
			return true;
	for (; attributes > 0; attributes--, a++)
		if (is(name, a->name))
			return true;
	return false;
}

/* One that the provider gives for an error. */
static bool is_return_value(struct hl_bytes name)
{
	size_t n;
	const struct p11_ckr_row *row = p11_ckr_rows(&n);

	for (; n > 0; n--, row++)
		if (is(name, p11_ckr_name(row->rv)) || is(name, p11_ckr_name(row->open)))
			return true;
	return false;
}

static bool is_label(struct hl_bytes quoted)
{
	size_t n;
	const struct gen_constant *c = gen_constants(&n);

	for (; n > 0; n--, c++)
		if (c->string && is(hl_bytes(quoted.p + 1, quoted.n - 2), c->string))
			return true;
	return false;
}

static bool is_dotted(struct hl_bytes name)
{
	static const char *const points[] = {
#define X(id, text, step, what) text,
		HL_POINTS(X)
#undef X
	};
	size_t n;
	const struct hl_msg *const *m = hl_msg_all(&n);

	for (; n > 0; n--, m++)
		if (is(name, (*m)->name))
			return true;
	for (unsigned i = 0; i < HL_STEP_COUNT; i++)
		if (is(name, hl_step_row(i)->name))
			return true;
	for (size_t i = 0; i < HL_COUNT(points); i++)
		if (is(name, points[i]))
			return true;
	return false;
}

static bool is_field(struct hl_bytes name)
{
	size_t n;
	const struct hl_msg *const *m = hl_msg_all(&n);

	for (; n > 0; n--, m++)
		for (size_t i = 0; i < (*m)->fields; i++)
			if (is(name, (*m)->field[i].name))
				return true;
	return false;
}

/* -- what a name means ----------------------------------------------------------------------------- */

static bool is_of(struct hl_bytes name, const char *letters)
{
	for (size_t i = 0; i < name.n; i++)
		if (!strchr(letters, name.p[i]))
			return false;
	return name.n > 0;
}

static bool has(struct hl_bytes name, char c)
{
	return name.n > 0 && memchr(name.p, c, name.n) != NULL;
}

static bool is_file(struct hl_bytes name)
{
	static const char *const ends[] = { ".c", ".h", ".md", ".cfg", ".txt" };

	for (size_t i = 0; i < HL_COUNT(ends); i++) {
		size_t n = strlen(ends[i]);

		if (name.n > n && memcmp(name.p + name.n - n, ends[i], n) == 0)
			return true;
	}
	return has(name, '/');
}

static bool is_known(struct hl_bytes name)
{
	if (name.n > 2 && name.p[0] == '"' && name.p[name.n - 1] == '"')
		return is_label(name);
	if (is_file(name))
		return true;
	if (is_of(name, UPPER) && has(name, '_'))
		return is_constant(name) || is_cryptoki(name) || is_return_value(name);
	if (is_of(name, LOWER ".") && has(name, '.'))
		return is_dotted(name);
	if (is_of(name, LOWER "_") && has(name, '_'))
		return is_field(name);
	return true;
}

/* -- the walk ---------------------------------------------------------------------------------------- */

static unsigned tell(const char *file, unsigned line, struct hl_bytes name)
{
	fprintf(stderr, "%s:%u: there is no %.*s\n", file, line, (int)name.n, (const char *)name.p);
	return 1;
}

static unsigned check_ids(const char *file, unsigned number, struct hl_bytes line)
{
	unsigned bad = 0;

	for (size_t i = 0; i + 7 <= line.n; i++) {
		struct hl_bytes id = hl_bytes(line.p + i, 7);
		uint32_t code = 0;

		if (memcmp(id.p, "HL-", 3) != 0 || !is_of(hl_bytes(id.p + 3, 4), DIGITS))
			continue;
		for (size_t k = 3; k < id.n; k++)
			code = code * 10 + (uint32_t)(id.p[k] - '0');
		if (hl_err_of_wire(code) != -(int)code) /* an unknown one becomes HL_E_BUG */
			bad += tell(file, number, id);
	}
	return bad;
}

static unsigned check_line(const char *file, unsigned number, struct hl_bytes line)
{
	unsigned bad = check_ids(file, number, line);
	size_t open = SIZE_MAX;

	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] != '`')
			continue;
		if (open != SIZE_MAX) {
			struct hl_bytes name = hl_bytes(line.p + open, i - open);

			if (!is_known(name))
				bad += tell(file, number, name);
		}
		open = open == SIZE_MAX ? i + 1 : SIZE_MAX;
	}
	return bad;
}

unsigned gen_check_names(const char *file, struct hl_bytes text)
{
	bool code = false;
	unsigned bad = 0;

	for (unsigned number = 1; text.n > 0; number++) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		struct hl_bytes line = hl_bytes(text.p, end ? (size_t)(end - text.p) : text.n);

		if (line.n >= 3 && memcmp(line.p, "```", 3) == 0)
			code = !code;
		else if (!code)
			bad += check_line(file, number, line);
		text = hl_bytes(text.p + line.n, text.n - line.n);
		if (end)
			text = hl_bytes(text.p + 1, text.n - 1);
	}
	return bad;
}
