/* gen-sections.c - the tables of doc/protocol.md, each out of the table that the code works with. */
#include "doc/gen.h"

#include "client/pkcs11/ckr.h"
#include "hsm/attribute.h"
#include "hsm/key.h"
#include "lib/base/err_steps.h"
#include "lib/base/point.h"
#include "lib/wire/messages.h"

/* A cell: what Markdown would take for a border or a tag is escaped. */
static void put_cell(struct hl_buf *out, const char *text)
{
	hl_buf_text(out, " ");
	for (; *text; text++) {
		if (*text == '|')
			hl_buf_text(out, "\\|");
		else if (*text == '<')
			hl_buf_text(out, "&lt;");
		else
			hl_buf_u8(out, (uint8_t)*text);
	}
	hl_buf_text(out, " |");
}

static void put_head(struct hl_buf *out, const char *const *title, size_t n)
{
	hl_buf_text(out, "|");
	for (size_t i = 0; i < n; i++)
		put_cell(out, title[i]);
	hl_buf_text(out, "\n|");
	for (size_t i = 0; i < n; i++)
		hl_buf_text(out, " --- |");
	hl_buf_text(out, "\n");
}

#define HEAD(out, ...) \
	put_head(out, (const char *const[]){ __VA_ARGS__ }, \
		HL_COUNT(((const char *const[]){ __VA_ARGS__ })))

/* -- steps, errors, fault points -------------------------------------------------------------- */

static void print_steps(struct hl_buf *out)
{
	HEAD(out, "n", "name", "from", "to", "what crosses");
	for (unsigned i = 0; i < HL_STEP_COUNT; i++) {
		const struct hl_step_row *s = hl_step_row(i);

		hl_buf_printf(out, "| %u | `%s` | %s | %s |", i, s->name, s->from, s->to);
		put_cell(out, s->what);
		hl_buf_text(out, "\n");
	}
}

static void print_errors(struct hl_buf *out)
{
	unsigned n;
	const struct hl_err_row *e = hl_err_rows(&n);

	HEAD(out, "id", "name", "exit code", "retryable", "what failed", "most likely cause", "what to do next");
	for (; n > 0; n--, e++) {
		hl_buf_printf(out, "| HL-%04d | `%s` | %d | %s |", -(int)e->code, e->name, e->exit_code,
			e->again == HL_AGAIN ? "yes" : "no");
		put_cell(out, e->text);
		put_cell(out, e->cause);
		put_cell(out, e->next);
		hl_buf_text(out, "\n");
	}
}

static void print_points(struct hl_buf *out)
{
	static const struct { unsigned step; const char *name, *text; } points[] = {
#define X(id, name, step, text) { step, name, text },
		HL_POINTS(X)
#undef X
	};

	HEAD(out, "point", "step", "where it stands");
	for (size_t i = 0; i < HL_COUNT(points); i++) {
		hl_buf_printf(out, "| `%s` | `%s` |", points[i].name, hl_step_row(points[i].step)->name);
		put_cell(out, points[i].text);
		hl_buf_text(out, "\n");
	}
}

/* -- messages ---------------------------------------------------------------------------------- */

static const char *const kinds[] = {
	[HL_U8] = "U8",       [HL_U16] = "U16",   [HL_U32] = "U32",   [HL_U64] = "U64",
	[HL_BYTES] = "BYTES", [HL_TEXT] = "TEXT", [HL_LIST] = "LIST",
};

static uint64_t largest(enum hl_kind kind)
{
	static const uint64_t most[] = { [HL_U8] = UINT8_MAX, [HL_U16] = UINT16_MAX,
		[HL_U32] = UINT32_MAX, [HL_U64] = UINT64_MAX };

	return kind <= HL_U64 ? most[kind] : UINT64_MAX;
}

/* As they are on the wire, where an optional field that would be zero or empty is left out. */
static void put_bounds(struct hl_buf *out, const struct hl_field *f)
{
	const char *unit = f->kind == HL_BYTES || f->kind == HL_TEXT ? " bytes" : "";
	unsigned long long least = f->min, most = f->max;

	if ((f->flags & HL_OPT) && least == 0)
		least = 1;
	if (f->kind == HL_LIST)
		hl_buf_printf(out, " up to %llu `%s` |", most, f->item->name);
	else if (least > most)
		hl_buf_text(out, " always left out |");
	else if (least == most)
		hl_buf_printf(out, " %llu%s |", least, unit);
	else if (most < largest(f->kind))
		hl_buf_printf(out, " %llu to %llu%s |", least, most, unit);
	else if (least > 0)
		hl_buf_printf(out, " from %llu |", least);
	else
		hl_buf_text(out, " any |");
}

static void put_field(struct hl_buf *out, const struct hl_field *f)
{
	hl_buf_printf(out, "| %u | `%s` | %s |", f->tag, f->name, kinds[f->kind]);
	put_bounds(out, f);
	hl_buf_printf(out, " %s | %s |", f->flags & HL_OPT ? "yes" : "", f->flags & HL_SECRET ? "yes" : "");
	put_cell(out, f->text);
	hl_buf_text(out, "\n");
}

static void print_messages(struct hl_buf *out)
{
	size_t n;
	const struct hl_msg *const *all = hl_msg_all(&n);

	for (size_t i = 0; i < n; i++) {
		const struct hl_msg *m = all[i];

		hl_buf_printf(out, "%s#### `%s`\n\n", i ? "\n" : "", m->name);
		if (m->type)
			hl_buf_printf(out, "Type 0x%04x, %s: %s.\n", m->type, m->way, m->text);
		else
			hl_buf_printf(out, "No frame of its own, %s: %s.\n", m->way, m->text);
		if (m->fields == 0)
			continue;
		hl_buf_text(out, "\n");
		HEAD(out, "tag", "field", "kind", "bounds", "optional", "secret", "meaning");
		for (size_t k = 0; k < m->fields; k++)
			put_field(out, &m->field[k]);
	}
}

/* -- what the HSM can do ------------------------------------------------------------------------ */

struct word {
	unsigned bit;
	const char *text;
};

static void put_list(struct hl_buf *out, unsigned set, const struct word *word, size_t n)
{
	const char *comma = " ";

	for (size_t i = 0; i < n; i++) {
		if (!(set & word[i].bit))
			continue;
		hl_buf_printf(out, "%s%s", comma, word[i].text);
		comma = ", ";
	}
	hl_buf_text(out, " |");
}

static void put_type(struct hl_buf *out, uint32_t type)
{
	static const struct {
		uint32_t type;
		const char *name;
	} types[] = {
		{ HL_CKK_RSA, "RSA" }, { HL_CKK_DSA, "DSA" }, { HL_CKK_DH, "DH" }, { HL_CKK_X9_42_DH, "X9.42 DH" },
		{ HL_CKK_EC, "EC" }, { HL_CKK_EC_EDWARDS, "Edwards" }, { HL_CKK_EC_MONTGOMERY, "Montgomery" },
		{ HL_CKK_AES, "AES" }, { HL_CKK_CAMELLIA, "Camellia" }, { HL_CKK_DES2, "DES2" },
		{ HL_CKK_DES3, "DES3" }, { HL_CKK_CHACHA20, "ChaCha20" }, { HL_CKK_POLY1305, "Poly1305" },
		{ HL_CKK_GENERIC_SECRET, "generic secret" }, { HSM_ANY_SECRET, "any secret" },
	};

	for (size_t i = 0; i < HL_COUNT(types); i++)
		if (types[i].type == type) {
			hl_buf_text(out, types[i].name);
			return;
		}
	if (type != HSM_NO_TYPE)
		hl_buf_text(out, "its own HMAC");
}

static void put_keys(struct hl_buf *out, const struct hsm_mechanism *m)
{
	hl_buf_text(out, " ");
	if (m->also_type == HSM_ANY_SECRET) {
		put_type(out, HSM_ANY_SECRET);
	} else {
		put_type(out, m->key_type);
		if (m->also_type != HSM_NO_TYPE)
			hl_buf_text(out, ", ");
		put_type(out, m->also_type);
	}
	hl_buf_text(out, " |");
	if (m->max > 0)
		hl_buf_printf(out, " %u to %u %s", m->min, m->max, hsm_mechanism_in_bits(m) ? "bits" : "bytes");
	hl_buf_text(out, " |");
}

static void print_mechanisms(struct hl_buf *out)
{
	static const struct word does[] = { { HSM_PAIR, "make a pair" }, { HSM_SIGNS, "sign, verify" },
		{ HSM_ENCRYPTS, "encrypt, decrypt" }, { HSM_WRAPS, "wrap, unwrap" }, { HSM_DERIVES, "derive" },
		{ HSM_DIGESTS, "digest" }, { HSM_IN_PIECES, "in pieces" },
		{ HSM_LEGACY_WRAP, "wraps with legacy_wrap only" },
		{ HSM_LEGACY_UNWRAP, "unwraps with legacy_wrap only" } };
	size_t n;
	const struct hsm_mechanism *m = hsm_mechanisms(&n);

	HEAD(out, "mechanism", "number", "keys", "sizes", "does", "hashes with", "parameter");
	for (; n > 0; n--, m++) {
		hl_buf_printf(out, "| `%s` | 0x%04x |", m->name, m->number);
		put_keys(out, m);
		if ((m->flags & (HSM_GENERATES | HSM_PAIR)) == HSM_GENERATES)
			hl_buf_text(out, hsm_mechanism_in_bits(m) ? " make domain parameters |" : " make a key |");
		else
			put_list(out, m->flags, does, HL_COUNT(does));
		hl_buf_printf(out, " %s | %s |\n", m->digest ? m->digest : "", m->parameter ? m->parameter->name : "");
	}
}

/* Sets of many kinds by one word. */
static void put_kinds(struct hl_buf *out, unsigned set)
{
	static const struct word group[] = {
		{ HSM_RSA_PUBLIC | HSM_EC_PUBLIC | HSM_ED_PUBLIC | HSM_X_PUBLIC | HSM_DSA_PUBLIC | HSM_DH_PUBLIC |
				HSM_DHX_PUBLIC,
			"all public" },
		{ HSM_RSA_PRIVATE | HSM_EC_PRIVATE | HSM_ED_PRIVATE | HSM_X_PRIVATE | HSM_DSA_PRIVATE |
				HSM_DH_PRIVATE | HSM_DHX_PRIVATE,
			"all private" },
		{ HSM_GENERIC | HSM_AES | HSM_CAMELLIA | HSM_DES | HSM_CHACHA20 | HSM_POLY, "all secret" },
		{ HSM_DSA_DOMAIN | HSM_DH_DOMAIN | HSM_DHX_DOMAIN, "all domain" },
	};
	size_t n;
	const struct hsm_kind_row *kind = hsm_kind_rows(&n);
	const char *comma = " ";

	for (size_t i = 0; i < HL_COUNT(group); i++) {
		if ((set & group[i].bit) != group[i].bit)
			continue;
		hl_buf_printf(out, "%s%s", comma, group[i].text);
		comma = ", ";
		set &= ~group[i].bit;
	}
	for (; n > 0; n--, kind++) {
		if (!(set & kind->kind))
			continue;
		hl_buf_printf(out, "%s%s", comma, kind->name);
		comma = ", ";
		set &= ~kind->kind;
	}
	hl_buf_text(out, " |");
}

static void print_attributes(struct hl_buf *out)
{
	static const char *const forms[] = { [HL_FORM_BYTES] = "bytes", [HL_FORM_BOOL] = "boolean",
		[HL_FORM_NUMBER] = "number", [HL_FORM_UNAVAILABLE] = "" };
	static const struct word rule[] = { { HSM_SETTABLE, "may be changed" }, { HSM_RISES, "rises only" },
		{ HSM_FALLS, "falls only" }, { HSM_FIXED, "fixed" }, { HSM_SENSITIVE, "part of the value" },
		{ HSM_OWN, "set by the HSM" }, { HSM_COPY_RISES, "a copy may have it true" },
		{ HSM_COPY_FALLS, "a copy may have it false" }, { HSM_OFFICER, "true by the security officer only" },
		{ HSM_DATE, "eight digits" }, { HSM_NUMBERS, "numbers of eight bytes" },
		{ HSM_TEMPLATE, "fields of `object.row`" } };
	size_t n;
	const struct hsm_attribute_row *a = hsm_attribute_rows(&n);

	HEAD(out, "attribute", "number", "form", "who has it", "may be given to make", "must be", "may be given to import",
		"must be", "rules");
	for (; n > 0; n--, a++) {
		hl_buf_printf(out, "| `%s` | 0x%03x | %s |", a->name, a->type, forms[a->form]);
		put_kinds(out, a->has);
		put_kinds(out, a->given);
		put_kinds(out, a->needed);
		put_kinds(out, a->created);
		put_kinds(out, a->whole);
		put_list(out, a->rules, rule, HL_COUNT(rule));
		hl_buf_text(out, "\n");
	}
}

/* -- labels and limits --------------------------------------------------------------------------- */

static void print_labels(struct hl_buf *out)
{
	size_t n;
	const struct gen_constant *c = gen_constants(&n);

	HEAD(out, "name", "bytes", "use");
	for (; n > 0; n--, c++) {
		if (!c->string)
			continue;
		hl_buf_printf(out, "| `%s` | `\"%s\"` |", c->name, c->string);
		put_cell(out, c->use);
		hl_buf_text(out, "\n");
	}
}

static void print_limits(struct hl_buf *out)
{
	size_t n;
	const struct gen_constant *c = gen_constants(&n);

	HEAD(out, "name", "value", "unit", "what it bounds");
	for (; n > 0; n--, c++) {
		if (c->string)
			continue;
		hl_buf_printf(out, "| `%s` | %llu | %s |", c->name, c->number, c->unit);
		put_cell(out, c->use);
		hl_buf_text(out, "\n");
	}
}

/* -- what applications of the PKCS#11 provider see ----------------------------------------------------------- */

/* Steps 3 to 5 and 7 are told by others; the client hears of them at the next one. */
#define CLIENT_STEPS \
	(1u << HL_STEP_DNS | 1u << HL_STEP_HELLO | 1u << HL_STEP_REQUEST | 1u << HL_STEP_RESULT | 1u << HL_STEP_PROVED)

static void put_steps(struct hl_buf *out, unsigned steps)
{
	const char *between = "";

	for (unsigned n = 0; n < HL_STEP_COUNT; n++) {
		if (!(steps & 1u << n))
			continue;
		hl_buf_printf(out, "%s%u", between, n);
		between = ", ";
	}
}

static void put_return_value(
	struct hl_buf *out, const struct hl_err_row *e, unsigned steps, enum hl_step step)
{
	uint32_t number;
	CK_RV rv = p11_ckr(e->code, step, &number);

	hl_buf_text(out, "| ");
	put_steps(out, steps);
	hl_buf_printf(out, " | HL-%04d | `%s` | %d | 0x%08X |", -(int)e->code, p11_ckr_name(rv), e->exit_code, number);
	put_cell(out, e->text);
	hl_buf_text(out, "\n");
}

static void print_return_values(struct hl_buf *out)
{
	unsigned n;
	const struct hl_err_row *rows = hl_err_rows(&n);

	HEAD(out, "steps", "error", "return value", "exit code", "in the log", "what failed");
	for (unsigned i = 0; i < n; i++) /* HL-01xx: what is found in the files, before the first step */
		if (-(int)rows[i].code / 100 == 1)
			put_return_value(out, &rows[i], 0, HL_STEP_DNS);
	for (unsigned i = 0; i < n; i++)
		if (hl_err_steps(rows[i].code) & CLIENT_STEPS)
			put_return_value(out, &rows[i], hl_err_steps(rows[i].code) & CLIENT_STEPS, HL_STEP_HELLO);
	for (unsigned i = 0; i < n; i++)
		if (hl_err_steps(rows[i].code) & 1u << HL_STEP_OPEN)
			put_return_value(out, &rows[i], 1u << HL_STEP_OPEN, HL_STEP_OPEN);
}

const struct gen_section *gen_sections(size_t *n)
{
	static const struct gen_section sections[] = {
		{ "steps", print_steps },
		{ "connection", gen_connection },
		{ "messages", print_messages },
		{ "mechanisms", print_mechanisms },
		{ "attributes", print_attributes },
		{ "errors", print_errors },
		{ "return-values", print_return_values },
		{ "points", print_points },
		{ "labels", print_labels },
		{ "limits", print_limits },
	};

	*n = HL_COUNT(sections);
	return sections;
}
