/* gen-connection.c - the recorded connection (doc/recorded.txt): every frame and record, and what is derived on the way. */
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include "doc/gen-dump.h"
#include "doc/gen.h"
#include "doc/record.h"
#include "lib/auth/channel.h"
#include "lib/auth/identity.h"
#include "lib/auth/link.h"
#include "lib/auth/psk.h"
#include "lib/auth/scram.h"
#include "lib/auth/ticket.h"

static struct record kept;

hl_err gen_connection_read(const char *file)
{
	return record_read(&kept, file);
}

/* -- values -------------------------------------------------------------------------------------------------- */

static void begin_values(struct hl_buf *out)
{
	hl_buf_text(out, "```values\n");
}

static void end_block(struct hl_buf *out)
{
	hl_buf_text(out, "```\n");
}

static void put_hex(struct hl_buf *out, const char *name, struct hl_bytes value)
{
	char hex[2 * RECORD_BYTES_MAX + 1];

	hl_hex(value, hex);
	hl_buf_printf(out, "%-36s %s\n", name, hex);
}

static void put_text(struct hl_buf *out, const char *name, struct hl_bytes value)
{
	hl_buf_printf(out, "%-36s \"%.*s\"\n", name, (int)value.n, (const char *)value.p);
}

static struct hl_bytes text(const char *name)
{
	return record_value(&kept, RECORD_TEXT, name);
}

static struct hl_bytes bytes(const char *name)
{
	return record_value(&kept, RECORD_BYTES, name);
}

static const struct record_item *message_item(const char *name)
{
	const struct record_item *item = record_find(&kept, RECORD_FRAME, name);

	return item ? item : record_find(&kept, RECORD_INNER, name);
}

static struct hl_bytes frame(const char *name)
{
	const struct record_item *item = message_item(name);

	return item ? hl_bytes(item->value, item->n) : hl_bytes(NULL, 0);
}

static hl_err get(const struct hl_msg *m, void *body)
{
	struct hl_frame f;

	HL_TRY(hl_frame_peek(frame(m->name), HL_FRAME_MAX, &f));
	return hl_msg_get(m, &f, body);
}

/* -- the gateway --------------------------------------------------------------------------------------------- */

static hl_err hmac(struct hl_bytes key, struct hl_bytes over, uint8_t out[32])
{
	unsigned n = 0;

	return HMAC(EVP_sha256(), key.p, (int)key.n, over.p, over.n, out, &n) && n == 32 ? HL_OK : HL_E_CRYPTO;
}

/* RFC 5802 3: client-first-message-bare "," server-first-message "," client-final-message-without-proof. */
static hl_err auth_message(struct hl_buf *to)
{
	struct hl_hello_proxy hello;
	struct hl_auth_request request;
	struct hl_auth_answer answer;
	struct hl_scram_first first;
	size_t n;

	HL_TRY(get(&hl_msg_hello_proxy, &hello));
	HL_TRY(get(&hl_msg_auth_request, &request));
	HL_TRY(get(&hl_msg_auth_answer, &answer));
	HL_TRY(hl_scram_first_parse(hello.scram, &first));
	for (n = answer.scram.n; n > 3 && memcmp(answer.scram.p + n - 3, ",p=", 3) != 0; n--)
		;
	hl_buf_put(to, first.bare);
	hl_buf_text(to, ",");
	hl_buf_put(to, request.scram);
	hl_buf_text(to, ",");
	hl_buf_put(to, hl_bytes(answer.scram.p, n - 3));
	return to->err;
}

static void put_digest(struct hl_buf *out, const char *name, const uint8_t value[32])
{
	put_hex(out, name, hl_bytes(value, 32));
}

static hl_err put_signatures(struct hl_buf *out, const struct hl_scram_keys *keys)
{
	HL_AUTO(hl_buf_clear) struct hl_buf over = hl_buf(3 * HL_SCRAM_MAX);
	uint8_t client[32], server[32];

	HL_TRY(auth_message(&over));
	HL_TRY(hmac(hl_bytes(keys->stored, 32), hl_buf_view(&over), client));
	HL_TRY(hmac(hl_bytes(keys->server, 32), hl_buf_view(&over), server));
	put_text(out, "auth_message", hl_buf_view(&over));
	put_digest(out, "client_signature", client);
	for (size_t i = 0; i < sizeof client; i++)
		client[i] ^= keys->client[i];
	put_digest(out, "client_proof", client);
	put_digest(out, "server_signature", server);
	return HL_OK;
}

static hl_err put_scram(struct hl_buf *out)
{
	struct hl_bytes password = text("service_password");
	uint8_t salt[HL_SCRAM_SALT], salted[32], binding[HL_BINDING];
	struct hl_scram_keys keys;

	HL_TRY(hl_scram_salt(text("realm"), text("service_user"), salt));
	HL_TRY(hl_scram_derive(password, hl_bytes(salt, sizeof salt), HL_SCRAM_ITERATIONS, &keys));
	if (PKCS5_PBKDF2_HMAC((const char *)password.p, (int)password.n, salt, sizeof salt, HL_SCRAM_ITERATIONS,
		    EVP_sha256(), sizeof salted, salted) != 1)
		return HL_E_CRYPTO;
	HL_TRY(hl_binding(frame("hello.proxy"), frame("auth.request"), frame("auth.answer"), binding));
	hl_buf_text(out, "What the client makes of its password and the three messages, and B:\n\n");
	begin_values(out);
	put_hex(out, "salt", hl_bytes(salt, sizeof salt));
	put_digest(out, "salted_password", salted);
	put_digest(out, "client_key", keys.client);
	put_digest(out, "stored_key", keys.stored);
	put_digest(out, "server_key", keys.server);
	HL_TRY(put_signatures(out, &keys));
	put_digest(out, "binding", binding);
	end_block(out);
	return HL_OK;
}

/* -- the ticket ---------------------------------------------------------------------------------------------- */

static hl_err put_ticket(struct hl_buf *out)
{
	struct hl_dir_grant grant;
	struct hl_grant_ticket t;
	struct hl_bytes at;
	struct dump d;
	uint8_t key[32];

	HL_TRY(get(&hl_msg_dir_grant, &grant));
	at = grant.tickets.raw;
	if (!hl_list_next(&hl_msg_grant_ticket, &at, &t) || t.ticket.n <= HL_MAC)
		return HL_E_TICKET;
	HL_TRY(hl_link_ticket_key(bytes("hsm_link_secret"), key));
	hl_buf_text(out, "The ticket in it:\n\n");
	d = dump_begin(out, "ticket");
	dump_fields(&d, &hl_msg_ticket, hl_bytes(t.ticket.p, t.ticket.n - HL_MAC));
	dump_bytes(&d, hl_bytes(t.ticket.p + t.ticket.n - HL_MAC, HL_MAC), "HMAC-SHA-256");
	dump_end(&d);
	hl_buf_text(out, "\nand the key of its MAC:\n\n");
	begin_values(out);
	put_digest(out, "ticket_key", key);
	end_block(out);
	return HL_OK;
}

/* -- the channel --------------------------------------------------------------------------------------------- */

static void put_info_field(struct dump *d, struct hl_bytes value, const char *note)
{
	uint8_t n[2] = { (uint8_t)(value.n >> 8), (uint8_t)value.n };
	char say[32];

	snprintf(say, sizeof say, "%zu byte%s", value.n, value.n == 1 ? "" : "s");
	dump_bytes(d, hl_bytes(n, sizeof n), say);
	if (note)
		dump_bytes(d, value, note);
	else
		dump_text(d, value);
}

static hl_err put_psk(struct hl_buf *out)
{
	const uint8_t kind = HL_CHANNEL_USER;
	uint8_t binding[HL_BINDING], psk[HL_PSK];
	char partition[HL_PSK_FIELD_MAX + 1];
	struct hl_rd generation = hl_rd(bytes("secret_generation"));
	struct hl_psk_use use = { .binding = { binding, sizeof binding }, .initiator = "client", .responder = "hsm",
		.name = partition, .kind = kind, .generation = hl_rd_u32(&generation) };
	struct dump d;

	HL_TRY(hl_bytes_str(text("partition"), partition, sizeof partition));
	HL_TRY(hl_binding(frame("hello.proxy"), frame("auth.request"), frame("auth.answer"), binding));
	HL_TRY(hl_psk_derive(bytes("user_secret"), &use, psk));
	hl_buf_text(out, "The info of the pre-shared key's derivation, and the key:\n\n");
	d = dump_begin(out, "psk_info");
	put_info_field(&d, hl_text(HL_PSK_LABEL), NULL);
	put_info_field(&d, hl_text(use.initiator), NULL);
	put_info_field(&d, hl_text(use.responder), NULL);
	put_info_field(&d, text("partition"), NULL);
	put_info_field(&d, hl_bytes(&kind, 1), "kind user");
	put_info_field(&d, bytes("secret_generation"), "generation");
	dump_end(&d);
	hl_buf_text(out, "\n");
	begin_values(out);
	put_hex(out, "psk", hl_bytes(psk, sizeof psk));
	end_block(out);
	return HL_OK;
}

/* HKDF-Expand-Label of RFC 8446 7.1, with SHA-384. */
static hl_err expand_label(struct hl_bytes secret, const char *label, struct hl_bytes context, uint8_t *to, size_t n)
{
	HL_AUTO(hl_buf_clear) struct hl_buf info = hl_buf(512);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	bool ok;

	hl_buf_u16(&info, (uint16_t)n);
	hl_buf_u8(&info, (uint8_t)(6 + strlen(label)));
	hl_buf_text(&info, "tls13 ");
	hl_buf_text(&info, label);
	hl_buf_u8(&info, (uint8_t)context.n);
	hl_buf_put(&info, context);
	ok = ctx && EVP_PKEY_derive_init(ctx) == 1 &&
		EVP_PKEY_CTX_set_hkdf_mode(ctx, EVP_PKEY_HKDEF_MODE_EXPAND_ONLY) == 1 &&
		EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha384()) == 1 &&
		EVP_PKEY_CTX_set1_hkdf_key(ctx, secret.p, (int)secret.n) == 1 &&
		EVP_PKEY_CTX_add1_hkdf_info(ctx, hl_buf_view(&info).p, (int)info.n) == 1 &&
		EVP_PKEY_derive(ctx, to, &n) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok ? HL_OK : HL_E_CRYPTO;
}

/* RFC 8446 7.5, without context. */
static hl_err export(uint8_t to[HL_IDENTITY_EXPORTED])
{
	uint8_t nothing[48], secret[48];
	unsigned n = 0;

	if (EVP_Digest("", 0, nothing, &n, EVP_sha384(), NULL) != 1)
		return HL_E_CRYPTO;
	HL_TRY(expand_label(bytes("exporter_master_secret"), HL_IDENTITY_EXPORTER, hl_bytes(nothing, n), secret,
		sizeof secret));
	return expand_label(hl_bytes(secret, sizeof secret), "exporter", hl_bytes(nothing, n), to, HL_IDENTITY_EXPORTED);
}

static hl_err put_keys(struct hl_buf *out)
{
	uint8_t material[HL_IDENTITY_EXPORTED];
	struct hl_hsm_result result;
	struct dump d;

	HL_TRY(export(material));
	HL_TRY(get(&hl_msg_hsm_result, &result));
	hl_buf_text(out, "Secrets of this channel's key schedule (RFC 8446 7.1), with which its records can be opened:\n\n");
	begin_values(out);
	for (size_t i = 0; i < kept.items; i++)
		if (strstr(kept.item[i].name, "_secret") && kept.item[i].n == 48)
			put_hex(out, kept.item[i].name, hl_bytes(kept.item[i].value, kept.item[i].n));
	put_hex(out, "keying_material", hl_bytes(material, sizeof material));
	end_block(out);
	hl_buf_text(out, "\nWhat the HSM has signed, and its signature:\n\n");
	d = dump_begin(out, "signed_text");
	dump_bytes(&d, hl_bytes(HL_IDENTITY_PREFIX, sizeof HL_IDENTITY_PREFIX), "\"" HL_IDENTITY_PREFIX "\", 0x00");
	dump_bytes(&d, hl_bytes(material, sizeof material), "keying material");
	dump_end(&d);
	hl_buf_text(out, "\n");
	begin_values(out);
	put_hex(out, "signature", result.signature);
	end_block(out);
	return HL_OK;
}

/* -- the walk ------------------------------------------------------------------------------------------------ */

static void put_message(struct hl_buf *out, const struct record_item *item, unsigned records)
{
	struct hl_bytes value = hl_bytes(item->value, item->n);
	char name[RECORD_NAME];
	struct dump d;

	snprintf(name, sizeof name, "record.%u", records);
	if (item->kind == RECORD_TLS)
		hl_buf_printf(out, "\n#### %u, %s > %s: a TLS record\n\n", item->step, item->from, item->to);
	else
		hl_buf_printf(out, "\n#### %u, %s > %s: `%s`%s\n\n", item->step, item->from, item->to, item->name,
			item->kind == RECORD_INNER ? ", inside their channel" : "");
	d = dump_begin(out, item->kind == RECORD_TLS ? name : item->name);
	if (item->kind == RECORD_TLS)
		dump_record(&d, value);
	else
		dump_frame(&d, value);
	dump_end(&d);
}

/* What follows from what has been said so far. */
static const struct {
	const char *after;
	hl_err (*put)(struct hl_buf *out);
} derived[] = { { "auth.answer", put_scram }, { "dir.grant", put_ticket }, { "auth.result", put_psk } };

static hl_err put_derived(struct hl_buf *out, const char *name)
{
	for (size_t i = 0; i < HL_COUNT(derived); i++) {
		if (strcmp(name, derived[i].after) != 0)
			continue;
		hl_buf_text(out, "\n");
		return derived[i].put(out);
	}
	return HL_OK;
}

/* What the ends know before. */
static void put_known(struct hl_buf *out)
{
	begin_values(out);
	for (size_t i = 0; i < kept.items && kept.item[i].kind <= RECORD_BYTES; i++) {
		const struct record_item *item = &kept.item[i];

		if (item->kind == RECORD_TEXT)
			put_text(out, item->name, hl_bytes(item->value, item->n));
		else
			put_hex(out, item->name, hl_bytes(item->value, item->n));
	}
	end_block(out);
}

static hl_err put_connection(struct hl_buf *out)
{
	unsigned records = 0;

	for (size_t i = 0; i < HL_COUNT(derived); i++)
		if (frame(derived[i].after).n == 0)
			return HL_E_NOT_FOUND;
	put_known(out);
	for (size_t i = 0; i < kept.items; i++) {
		if (kept.item[i].kind <= RECORD_BYTES)
			continue;
		records += kept.item[i].kind == RECORD_TLS;
		put_message(out, &kept.item[i], records);
		HL_TRY(put_derived(out, kept.item[i].name));
	}
	hl_buf_text(out, "\n");
	return put_keys(out);
}

void gen_connection(struct hl_buf *out)
{
	hl_err err = put_connection(out);

	if (err != HL_OK)
		out->err = err;
}
