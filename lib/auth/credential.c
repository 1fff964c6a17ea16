/* credential.c - one table of labels makes the writer and the reader of credential files. */
#include "lib/auth/credential.h"

#include <stdio.h>

#include <openssl/crypto.h>

#include "lib/base/date.h"

enum field { SERVICE_USER, SERVICE_PASSWORD, PARTITION, SETUP_PASSWORD, PIN, FIELDS };

#define IN(kind) (1u << HL_CREDENTIAL_##kind)

/* clang-format off */
/* The first spelling is written, the second is read as well. `colon` is what the writer puts after
 * the label: the space before the one of the PIN is the vendor's. */
static const struct {
	const char *label, *other, *colon;
	size_t most;
	unsigned files;    /* in which it stands */
	unsigned optional; /* in which it may be absent */
} field[FIELDS] = {
	[SERVICE_USER] =     { "Service User Name", "Service (Proxy) User Name", ":",
		HL_NAME_TEXT, IN(SERVICE), 0 },
	[SERVICE_PASSWORD] = { "Service User Password", "Service (Proxy) User Password", ":",
		HL_SERVICE_PASSWORD_TEXT, IN(SERVICE), 0 },
	[PARTITION] =        { "HSM User Name", NULL, ":",
		HL_NAME_TEXT, IN(SERVICE) | IN(HSM), 0 },
	[SETUP_PASSWORD] =   { "HSM User Setup Password", NULL, ":",
		HL_SETUP_PASSWORD_TEXT, IN(HSM), 0 },
	[PIN] =              { "PKCS#11 password", NULL, " :",
		HL_PIN_TEXT, IN(HSM), IN(HSM) },
};

/* Lines that begin so and carry a colon mean one of ours; if none fits, it is misspelt. */
static const char *const near_miss[] = { "Service User", "Service (Proxy)", "HSM User", "PKCS" };
/* clang-format on */

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool alphanumeric(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* ---- values ---- */

static bool five_groups_of_five(struct hl_bytes v)
{
	if (v.n != HL_SETUP_PASSWORD_TEXT)
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (i % 6 == 5 ? v.p[i] != '-' : !alphanumeric(v.p[i]))
			return false;
	return true;
}

/* NULL where the value may stand in a file, else why not. */
static const char *fault_of(unsigned f, struct hl_bytes v)
{
	if (v.n == 0)
		return "the value is empty";
	if (v.p[0] == '#')
		return "the value begins like a comment";
	if (v.n > field[f].most)
		return f == SETUP_PASSWORD ? "a setup password has five groups of five"
					   : "the value is too long";
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < 0x20 || v.p[i] > 0x7e)
			return "the value has characters that are not printable ASCII";
	if (f == SETUP_PASSWORD && !five_groups_of_five(v))
		return "a setup password has five groups of five";
	return NULL;
}

/* A blank before '#' begins a comment, and blanks at the ends are cut off: such a value would
 * not come back as it went. */
static bool comes_back(struct hl_bytes v)
{
	if (v.n == 0 || v.p[0] == ' ' || v.p[v.n - 1] == ' ')
		return false;
	for (size_t i = 1; i < v.n; i++)
		if (v.p[i] == '#' && v.p[i - 1] == ' ')
			return false;
	return true;
}

/* ---- writing ---- */

void hl_credential_clear(struct hl_credential *c)
{
	hl_secret_clear(&c->service_password);
	hl_secret_clear(&c->setup_password);
	hl_secret_clear(&c->pin);
	*c = (struct hl_credential){ 0 };
}

static struct hl_bytes value_of(const struct hl_credential *c, unsigned f)
{
	switch (f) {
	case SERVICE_USER:
		return hl_text(c->service_user);
	case SERVICE_PASSWORD:
		return hl_secret_view(&c->service_password);
	case PARTITION:
		return hl_text(c->partition);
	case SETUP_PASSWORD:
		return hl_secret_view(&c->setup_password);
	default:
		return hl_secret_view(&c->pin);
	}
}

static hl_err write_field(const struct hl_credential *c, unsigned f, struct hl_buf *out)
{
	struct hl_bytes v = value_of(c, f);
	unsigned in = 1u << c->kind;

	if (!(field[f].files & in) || (v.n == 0 && (field[f].optional & in)))
		return HL_OK;
	if (fault_of(f, v) || !comes_back(v))
		return HL_E_ARG;
	hl_buf_text(out, field[f].label);
	hl_buf_text(out, field[f].colon);
	hl_buf_u8(out, ' ');
	hl_buf_put(out, v);
	hl_buf_u8(out, '\n');
	return out->err;
}

hl_err hl_credential_write(const struct hl_credential *c, struct hl_buf *out)
{
	size_t before = out->n;
	hl_err err = out->err;

	if (c->kind != HL_CREDENTIAL_SERVICE && c->kind != HL_CREDENTIAL_HSM)
		return HL_E_ARG;
	for (unsigned f = 0; f < FIELDS && err == HL_OK; f++)
		err = write_field(c, f, out);
	if (err != HL_OK)
		hl_buf_cut(out, before);
	return err;
}

/* ---- reading ---- */

/* What the lines said, as views into the text, and where reading stands. */
struct reader {
	struct hl_bytes value[FIELDS];
	bool seen[FIELDS];
	unsigned line;
	const char *why;
};

static struct hl_bytes trim(struct hl_bytes b)
{
	while (b.n > 0 && blank(b.p[0]))
		b = hl_bytes(b.p + 1, b.n - 1);
	while (b.n > 0 && blank(b.p[b.n - 1]))
		b.n--;
	return b;
}

/* Cut at the first '#' that has nothing but a blank, or nothing, before it. */
static struct hl_bytes without_comment(struct hl_bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '#' && (i == 0 || blank(b.p[i - 1])))
			return hl_bytes(b.p, i);
	return b;
}

enum match { OTHER, PART, WHOLE };

/* Whether `b` begins with `label`, whose spaces stand for any number of blanks (WHOLE, `rest` is
 * what follows), or ends before it says (PART). */
static enum match match(struct hl_bytes b, const char *label, struct hl_bytes *rest)
{
	size_t i = 0;

	for (; *label; label++) {
		if (i == b.n)
			return PART;
		if (*label == ' ' ? !blank(b.p[i]) : b.p[i] != (uint8_t)*label)
			return OTHER;
		for (i++; *label == ' ' && i < b.n && blank(b.p[i]);)
			i++;
	}
	*rest = hl_bytes(b.p + i, b.n - i);
	return WHOLE;
}

static enum match match_field(struct hl_bytes line, unsigned f, struct hl_bytes *rest)
{
	enum match first = match(line, field[f].label, rest);

	return first == OTHER && field[f].other ? match(line, field[f].other, rest) : first;
}

/* Which label the line begins with; FIELDS for none. `rest` begins at the colon, if any. */
static unsigned label_of(struct hl_bytes line, struct hl_bytes *rest)
{
	for (unsigned f = 0; f < FIELDS; f++) {
		if (match_field(line, f, rest) != WHOLE)
			continue;
		*rest = trim(*rest);
		if (rest->n == 0 || rest->p[0] == ':')
			return f;
	}
	return FIELDS;
}

static bool nearly_ours(struct hl_bytes line)
{
	struct hl_bytes rest;

	for (size_t i = 0; i < HL_COUNT(near_miss); i++)
		if (match(line, near_miss[i], &rest) == WHOLE && rest.n > 0 &&
			memchr(rest.p, ':', rest.n))
			return true;
	return false;
}

/* Whether a line that stops here may have been about to say something of ours. */
static bool begins_ours(struct hl_bytes line)
{
	struct hl_bytes rest;

	for (unsigned f = 0; f < FIELDS; f++)
		if (match_field(line, f, &rest) != OTHER)
			return true;
	return nearly_ours(line);
}

/* Whether the text may go on after the last line: a word without a blank or comment behind it
 * may not be whole, and a label without its colon is not. */
static bool cut_short(struct hl_bytes raw, struct hl_bytes line, bool labelled)
{
	return labelled ? line.p + line.n == raw.p + raw.n : begins_ours(line);
}

/* NULL where the line is fine. `ended`: by a newline. */
static const char *read_line(struct reader *r, struct hl_bytes raw, bool ended)
{
	struct hl_bytes line = trim(without_comment(raw)), rest = { 0 };
	unsigned f;

	if (line.n == 0)
		return NULL;
	f = label_of(line, &rest);
	if (!ended && cut_short(raw, line, f < FIELDS && rest.n > 0))
		return "the last line has no end: the file may have been cut short";
	if (f == FIELDS)
		return nearly_ours(line) ? "no such label" : NULL;
	if (rest.n == 0)
		return "there is no colon after the label";
	if (r->seen[f])
		return "this label stands twice";
	r->seen[f] = true;
	r->value[f] = trim(hl_bytes(rest.p + 1, rest.n - 1));
	return fault_of(f, r->value[f]);
}

static hl_err read_lines(struct reader *r, struct hl_bytes text)
{
	static const uint8_t bom[] = { 0xef, 0xbb, 0xbf };

	if (text.n >= sizeof bom && memcmp(text.p, bom, sizeof bom) == 0)
		text = hl_bytes(text.p + sizeof bom, text.n - sizeof bom);
	while (text.n > 0) {
		const uint8_t *newline = memchr(text.p, '\n', text.n);
		size_t n = newline ? (size_t)(newline - text.p) : text.n;
		size_t used = newline ? n + 1 : n;

		r->line++;
		r->why = read_line(r, hl_bytes(text.p, n), newline != NULL);
		if (r->why)
			return HL_E_CRED_FILE;
		text = hl_bytes(text.p + used, text.n - used);
	}
	return HL_OK;
}

/* A label that stands in files of this kind only: the file is one of them, or combined. */
static bool is_of(const struct reader *r, enum hl_credential_kind kind)
{
	for (unsigned f = 0; f < FIELDS; f++)
		if (r->seen[f] && field[f].files == 1u << kind)
			return true;
	return false;
}

static hl_err set_field(struct hl_credential *c, unsigned f, struct hl_bytes v)
{
	switch (f) {
	case SERVICE_USER:
		return hl_bytes_str(v, c->service_user, sizeof c->service_user);
	case SERVICE_PASSWORD:
		return hl_secret_set(&c->service_password, v);
	case PARTITION:
		return hl_bytes_str(v, c->partition, sizeof c->partition);
	case SETUP_PASSWORD:
		return hl_secret_set(&c->setup_password, v);
	default:
		return hl_secret_set(&c->pin, v);
	}
}

static const char *missing(unsigned f)
{
	static const char *const text[FIELDS] = {
		[SERVICE_USER] = "`Service User Name` is missing",
		[SERVICE_PASSWORD] = "`Service User Password` is missing",
		[PARTITION] = "`HSM User Name` is missing",
		[SETUP_PASSWORD] = "`HSM User Setup Password` is missing",
		[PIN] = "`PKCS#11 password` is missing",
	};

	return text[f];
}

static hl_err make(struct reader *r, enum hl_credential_kind kind, struct hl_credential *c)
{
	unsigned in = 1u << kind;

	c->kind = kind;
	for (unsigned f = 0; f < FIELDS; f++) {
		if (!(field[f].files & in) || (!r->seen[f] && (field[f].optional & in)))
			continue;
		if (!r->seen[f]) {
			r->line = 0;
			r->why = missing(f);
			return HL_E_CRED_FILE;
		}
		HL_TRY(set_field(c, f, r->value[f]));
	}
	return HL_OK;
}

static hl_err make_all(struct reader *r, struct hl_credential made[2], size_t *n)
{
	static const enum hl_credential_kind kinds[] = { HL_CREDENTIAL_SERVICE, HL_CREDENTIAL_HSM };

	*n = 0;
	for (size_t i = 0; i < HL_COUNT(kinds); i++)
		if (is_of(r, kinds[i]))
			HL_TRY(make(r, kinds[i], &made[(*n)++]));
	if (*n > 0)
		return HL_OK;
	r->line = 0;
	r->why = "there is neither a service user nor a setup password in it";
	return HL_E_CRED_FILE;
}

hl_err hl_credential_read(struct hl_bytes text, struct hl_credential out[2], size_t *n,
	unsigned *line, const char **why)
{
	struct hl_credential made[2] = { 0 };
	struct reader r = { 0 };
	size_t count = 0;
	hl_err err = read_lines(&r, text);

	if (err == HL_OK)
		err = make_all(&r, made, &count);
	if (err == HL_OK) {
		memcpy(out, made, count * sizeof *made);
		*n = count;
		return HL_OK;
	}
	hl_credential_clear(&made[0]);
	hl_credential_clear(&made[1]);
	if (err == HL_E_CRED_FILE) {
		*line = r.line;
		*why = r.why;
	}
	return err;
}

/* ---- names ---- */

static hl_err date_text(int64_t wall_ms, char out[9])
{
	struct hl_date d;

	HL_TRY(hl_date_of(wall_ms, &d));
	snprintf(out, 9, "%04u%02u%02u", d.year % 10000, d.month % 100, d.day % 100);
	return HL_OK;
}

/* What every file system takes, and what names no hidden file or folder. */
static void make_plain(char *name)
{
	for (char *c = name; *c; c++)
		if (!alphanumeric((uint8_t)*c) && *c != '_' && *c != '-' &&
			(*c != '.' || c == name))
			*c = '-';
}

hl_err hl_credential_name(const char *company, const char *svc, enum hl_credential_kind kind,
	const char *user, int64_t wall_ms, char *out, size_t size)
{
	HL_AUTO(hl_buf_clear) struct hl_buf name = hl_buf(size);
	char date[9];

	if ((kind != HL_CREDENTIAL_SERVICE && kind != HL_CREDENTIAL_HSM) || !*company || !*svc ||
		!*user)
		return HL_E_ARG;
	HL_TRY(date_text(wall_ms, date));
	hl_buf_printf(&name, "%s_%s_%s_%s_%s.txt", company, svc,
		kind == HL_CREDENTIAL_SERVICE ? "service" : "hsm", user, date);
	if (name.err != HL_OK)
		return name.err == HL_E_FULL ? HL_E_RANGE : name.err;
	HL_TRY(hl_bytes_str(hl_buf_view(&name), out, size));
	make_plain(out);
	return HL_OK;
}
