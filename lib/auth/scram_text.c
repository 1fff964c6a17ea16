#include "lib/auth/scram_text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define BASE64_MAX ((HL_SCRAM_SALT_MAX + 2) / 3 * 4)

/* -- characters ------------------------------------------------------------------------------ */

static bool is_alpha(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

bool hl_scram_is_plain(struct hl_bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!is_plain(text.p[i]))
			return false;
	return text.n > 0;
}

/* "printable = %x21-2B / %x2D-7E" */
bool hl_scram_is_nonce(struct hl_bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!is_plain(text.p[i]) || text.p[i] == ' ' || text.p[i] == ',')
			return false;
	return text.n > 0;
}

/* -- attributes ------------------------------------------------------------------------------ */

static bool begins(struct hl_bytes text, const char *with)
{
	size_t n = strlen(with);

	return text.n >= n && memcmp(text.p, with, n) == 0;
}

static bool take(struct hl_bytes *rest, const char *literal)
{
	size_t n = strlen(literal);

	if (!begins(*rest, literal))
		return false;
	*rest = hl_bytes(rest->p + n, rest->n - n);
	return true;
}

/* What stands before the next comma, or all that is left. */
static struct hl_bytes take_value(struct hl_bytes *rest)
{
	const uint8_t *comma = rest->n > 0 ? memchr(rest->p, ',', rest->n) : NULL;
	struct hl_bytes value = hl_bytes(rest->p, comma ? (size_t)(comma - rest->p) : rest->n);

	*rest = hl_bytes(rest->p + value.n, rest->n - value.n);
	return value;
}

/* The attribute that must stand next; `head` is its "x=" with the comma before it, if any. Since no
 * message may begin with the reserved "m=", it fails here as any wrong attribute does. */
static hl_err attribute(struct hl_bytes *rest, const char *head, struct hl_bytes *value)
{
	if (!take(rest, head))
		return HL_E_SCRAM;
	*value = take_value(rest);
	return value->n > 0 ? HL_OK : HL_E_SCRAM;
}

/* One of "extensions = attr-val *("," attr-val)", to be ignored. Not so a second attribute of a
 * name that the RFC has given away, nor m= wherever it stands: "its presence in a client or a
 * server message MUST cause authentication failure" (RFC 5802 section 5.1). That bytes above ASCII
 * are UTF-8 was checked with the frame. */
static hl_err skip_extension(struct hl_bytes *rest)
{
	struct hl_bytes value;

	if (!take(rest, ",") || rest->n < 2 || !is_alpha(rest->p[0]) || rest->p[1] != '=')
		return HL_E_SCRAM;
	if (strchr("amnrcsipve", rest->p[0]))
		return HL_E_SCRAM;
	*rest = hl_bytes(rest->p + 2, rest->n - 2);
	value = take_value(rest);
	return value.n > 0 && !memchr(value.p, 0, value.n) ? HL_OK : HL_E_SCRAM;
}

static hl_err skip_extensions(struct hl_bytes rest)
{
	while (rest.n > 0)
		HL_TRY(skip_extension(&rest));
	return HL_OK;
}

/* -- values ---------------------------------------------------------------------------------- */

void hl_scram_put_name(struct hl_buf *out, struct hl_bytes name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == ',')
			hl_buf_text(out, "=2C");
		else if (name.p[i] == '=')
			hl_buf_text(out, "=3D");
		else
			hl_buf_u8(out, name.p[i]);
	}
}

/* "saslname = 1*(value-safe-char / "=2C" / "=3D")"; the characters end at '~' here, see scram.h. */
static hl_err get_name(struct hl_bytes text, char out[HL_SCRAM_MAX])
{
	size_t n = 0;

	if (!hl_scram_is_plain(text) || text.n >= HL_SCRAM_MAX)
		return HL_E_SCRAM;
	while (text.n > 0) {
		if (take(&text, "=2C")) {
			out[n++] = ',';
		} else if (take(&text, "=3D")) {
			out[n++] = '=';
		} else if (text.p[0] == '=') {
			return HL_E_SCRAM;
		} else {
			out[n++] = (char)text.p[0];
			text = hl_bytes(text.p + 1, text.n - 1);
		}
	}
	out[n] = 0;
	return HL_OK;
}

void hl_scram_put_base64(struct hl_buf *out, struct hl_bytes bytes)
{
	size_t n = (bytes.n + 2) / 3 * 4;
	uint8_t *room = hl_buf_room(out, n + 1); /* the encoder ends with a NUL */

	if (!room)
		return;
	EVP_EncodeBlock(room, bytes.p, (int)bytes.n);
	hl_buf_grow(out, n);
}

/* OpenSSL forgives white space and stray bits; encoding the result again shows whether `text` was
 * the one right spelling. */
static hl_err decode(struct hl_bytes text, uint8_t bytes[BASE64_MAX], size_t *n)
{
	uint8_t again[BASE64_MAX + 1];
	size_t pad;

	if (text.n == 0 || text.n % 4 != 0 || text.n > BASE64_MAX)
		return HL_E_SCRAM;
	if (EVP_DecodeBlock(bytes, text.p, (int)text.n) != (int)(text.n / 4 * 3))
		return HL_E_SCRAM;
	pad = (size_t)(text.p[text.n - 1] == '=') + (text.p[text.n - 2] == '=');
	*n = text.n / 4 * 3 - pad;
	EVP_EncodeBlock(again, bytes, (int)*n);
	return memcmp(again, text.p, text.n) == 0 ? HL_OK : HL_E_SCRAM;
}

static hl_err get_base64(struct hl_bytes text, uint8_t *out, size_t max, size_t *n)
{
	uint8_t bytes[BASE64_MAX];
	hl_err err = decode(text, bytes, n);

	if (err == HL_OK && *n > max)
		err = HL_E_SCRAM;
	if (err == HL_OK)
		memcpy(out, bytes, *n);
	OPENSSL_cleanse(bytes, sizeof bytes); /* it may be a proof */
	return err;
}

static hl_err get_hash(struct hl_bytes text, uint8_t out[HL_SCRAM_HASH])
{
	size_t n;

	HL_TRY(get_base64(text, out, HL_SCRAM_HASH, &n));
	return n == HL_SCRAM_HASH ? HL_OK : HL_E_SCRAM;
}

/* "posit-number = %x31-39 *DIGIT", here below 2^32. */
static hl_err get_number(struct hl_bytes text, uint32_t *out)
{
	uint64_t v = 0;

	if (text.n == 0 || text.n > 10 || text.p[0] == '0')
		return HL_E_SCRAM;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return HL_E_SCRAM;
		v = v * 10 + (uint64_t)(text.p[i] - '0');
	}
	if (v > UINT32_MAX)
		return HL_E_SCRAM;
	*out = (uint32_t)v;
	return HL_OK;
}

static hl_err get_nonce(struct hl_bytes *rest, const char *head, struct hl_bytes *nonce)
{
	HL_TRY(attribute(rest, head, nonce));
	return hl_scram_is_nonce(*nonce) && nonce->n <= HL_SCRAM_NONCE_MAX ? HL_OK : HL_E_SCRAM;
}

/* -- messages -------------------------------------------------------------------------------- */

/* "gs2-header = gs2-cbind-flag "," [ authzid ] ","". The flag "p" asks for channel binding, which
 * we do not offer; "y" says that the client could and believes that we cannot, which is true. */
static hl_err get_gs2(struct hl_bytes *rest, char authzid[HL_SCRAM_MAX])
{
	struct hl_bytes name;

	authzid[0] = 0;
	if (!take(rest, "n,") && !take(rest, "y,"))
		return HL_E_SCRAM;
	if (begins(*rest, "a=")) {
		HL_TRY(attribute(rest, "a=", &name));
		HL_TRY(get_name(name, authzid));
	}
	return take(rest, ",") ? HL_OK : HL_E_SCRAM;
}

hl_err hl_scram_first_parse(struct hl_bytes client_first, struct hl_scram_first *out)
{
	struct hl_scram_first first;
	struct hl_bytes rest = client_first, name;

	if (client_first.n > HL_SCRAM_MAX)
		return HL_E_SCRAM;
	HL_TRY(get_gs2(&rest, first.authzid));
	first.gs2 = hl_bytes(client_first.p, client_first.n - rest.n);
	first.bare = rest;
	HL_TRY(attribute(&rest, "n=", &name));
	HL_TRY(get_name(name, first.user));
	HL_TRY(get_nonce(&rest, ",r=", &first.nonce));
	HL_TRY(skip_extensions(rest));
	*out = first;
	return HL_OK;
}

hl_err hl_scram_challenge_parse(struct hl_bytes text, struct hl_scram_challenge *out)
{
	struct hl_scram_challenge challenge;
	struct hl_bytes rest = text, salt, iterations;

	if (text.n > HL_SCRAM_MAX)
		return HL_E_SCRAM;
	HL_TRY(get_nonce(&rest, "r=", &challenge.nonce));
	HL_TRY(attribute(&rest, ",s=", &salt));
	HL_TRY(get_base64(salt, challenge.salt, sizeof challenge.salt, &challenge.salt_n));
	HL_TRY(attribute(&rest, ",i=", &iterations));
	HL_TRY(get_number(iterations, &challenge.iterations));
	HL_TRY(skip_extensions(rest));
	*out = challenge;
	return HL_OK;
}

hl_err hl_scram_answer_parse(struct hl_bytes text, struct hl_scram_answer *out)
{
	struct hl_scram_answer answer;
	struct hl_bytes rest = text, proof;

	if (text.n > HL_SCRAM_MAX)
		return HL_E_SCRAM;
	HL_TRY(attribute(&rest, "c=", &answer.header));
	HL_TRY(get_nonce(&rest, ",r=", &answer.nonce));
	/* Extensions stand between nonce and proof, and the proof covers them. */
	while (!begins(rest, ",p="))
		HL_TRY(skip_extension(&rest));
	answer.unproved = hl_bytes(text.p, text.n - rest.n);
	HL_TRY(attribute(&rest, ",p=", &proof));
	HL_TRY(get_hash(proof, answer.proof));
	if (rest.n > 0)
		return HL_E_SCRAM;
	*out = answer;
	return HL_OK;
}

hl_err hl_scram_verdict_parse(struct hl_bytes text, uint8_t signature[HL_SCRAM_HASH])
{
	struct hl_bytes rest = text, verifier;

	if (text.n > HL_SCRAM_MAX)
		return HL_E_SCRAM;
	HL_TRY(attribute(&rest, "v=", &verifier));
	HL_TRY(skip_extensions(rest));
	return get_hash(verifier, signature);
}
