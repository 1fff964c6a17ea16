/* What OpenSSL is told: one context that allows one way to shake hands, a BIO over the port, and
 * the callbacks that bring in the key and watch for key changes. */
#include "lib/auth/channel_impl.h"

#include <stdlib.h>

#include <openssl/err.h>

#define SUITE "TLS_AES_256_GCM_SHA384"
#define SUITE_ID 0x1302
#define NOBODY_BYTES 32 /* of an X25519 key */

/* -- the BIO: reads from port->in, writes to port->out ----------------------------------------- */

size_t channel_room(const struct hl_buf *b)
{
	return b->err == HL_OK && b->max > b->n ? b->max - b->n : 0;
}

static int on_read(BIO *bio, char *out, int size)
{
	struct hl_channel *c = BIO_get_data(bio);
	struct hl_buf *in = &c->port->in;
	size_t n = in->n < (size_t)size ? in->n : (size_t)size;

	BIO_clear_retry_flags(bio);
	if (c->refused)
		return -1; /* OpenSSL would go on with the next record by itself */
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(out, in->base + in->off, n);
	hl_buf_eat(in, n);
	return (int)n;
}

/* It always takes all: OpenSSL is never left with half a record, and so never in a state from which
 * a write must be repeated with the same arguments. */
static int on_write(BIO *bio, const char *data, int n)
{
	struct hl_channel *c = BIO_get_data(bio);
	struct hl_buf *out = &c->port->out;
	struct hl_buf *to = c->spill.n == 0 && channel_room(out) >= (size_t)n ? out : &c->spill;

	BIO_clear_retry_flags(bio);
	hl_buf_put(to, hl_bytes(data, (size_t)n));
	if (to->err == HL_OK)
		return n;
	c->bio_err = to->err == HL_E_NOMEM ? HL_E_NOMEM : HL_E_CHANNEL;
	return -1;
}

static long on_ctrl(BIO *bio, int what, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *port_bio(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "hsmlet port");

	if (m && BIO_meth_set_read(m, on_read) && BIO_meth_set_write(m, on_write) &&
		BIO_meth_set_ctrl(m, on_ctrl))
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* -- the pre-shared key ------------------------------------------------------------------------ */

/* Built for each handshake: OpenSSL drops one that is older than five minutes. Without suite and
 * version it would drop the key silently. */
static SSL_SESSION *psk_session(SSL *ssl, const uint8_t *psk)
{
	static const uint8_t suite[] = { SUITE_ID >> 8, SUITE_ID & 0xff };
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *s = SSL_SESSION_new();

	if (s && cipher && SSL_SESSION_set1_master_key(s, psk, HL_PSK) &&
		SSL_SESSION_set_cipher(s, cipher) &&
		SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

static int on_psk_use(
	SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *n, SSL_SESSION **out)
{
	struct hl_channel *c = SSL_get_app_data(ssl);

	/* `md` is that of the suite which a HelloRetryRequest chose (RFC 8446 4.1.4). */
	if (!c->psk.p || (md && !EVP_MD_is_a(md, "SHA384")))
		return 0;
	*out = psk_session(ssl, c->psk.p);
	*id = c->identity;
	*n = sizeof c->identity;
	return *out != NULL;
}

/* Their identity and its secret; an unknown one takes the same way with nobody's secret. */
static hl_err answer_psk(struct hl_channel *c, struct hl_bytes id, uint8_t psk[HL_PSK])
{
	HL_AUTO(hl_secret_clear) struct hl_secret secret = { 0 };
	struct hl_rd r = hl_rd(id);
	uint8_t kind = hl_rd_u8(&r);
	uint32_t generation = hl_rd_u32(&r);
	struct hl_psk_use use = { .binding = { c->binding, sizeof c->binding },
		.initiator = c->initiator, .responder = c->responder, .name = c->name, .kind = kind,
		.generation = generation };
	bool known = hl_rd_end(&r) == HL_OK && kind >= HL_CHANNEL_USER && kind <= HL_CHANNEL_LINK &&
		c->lookup(c->at, (enum hl_channel_kind)kind, generation, &secret) == HL_OK &&
		secret.n >= HL_PSK_SECRET_MIN;

	if (known)
		memcpy(c->identity, id.p, sizeof c->identity);
	return hl_psk_derive(hl_secret_view(known ? &secret : &c->ctx->nobody), &use, psk);
}

/* OpenSSL asks for each identity offered until it gets a session, and then insists on its binder
 * (RFC 8446 4.2.11). The first one always gets a session, so a second one is never looked at. */
static int on_psk_find(SSL *ssl, const unsigned char *id, size_t n, SSL_SESSION **out)
{
	struct hl_channel *c = SSL_get_app_data(ssl);
	uint8_t psk[HL_PSK];

	/* Asked again only after a HelloRetryRequest; our own diallers give no reason for one. */
	if (c->asked || !c->lookup)
		return 0;
	c->asked = true;
	*out = answer_psk(c, hl_bytes(id, n), psk) == HL_OK ? psk_session(ssl, psk) : NULL;
	OPENSSL_cleanse(psk, sizeof psk);
	return *out != NULL;
}

/* -- the other callbacks ----------------------------------------------------------------------- */

/* RFC 7301 3.2: no overlap is a fatal no_application_protocol. Exactly ours must be offered. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
	unsigned int size, void *arg)
{
	struct hl_channel *c = SSL_get_app_data(ssl);
	size_t ours = strlen(c->alpn);

	(void)arg;
	if (size != ours + 1 || in[0] != ours || memcmp(in + 1, c->alpn, ours) != 0)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = in + 1;
	*n = (unsigned char)ours;
	return SSL_TLSEXT_ERR_OK;
}

/* A peer that shows a certificate did not take the key. */
static int on_certificate(X509_STORE_CTX *store, void *arg)
{
	(void)store, (void)arg;
	return 0;
}

static void sent_key_update(struct hl_channel *c, bool asks)
{
	c->written = 0;
	c->records = 0;
	c->dated = c->aged = false;
	c->owed += asks;
}

/* An answer that we asked for is free. */
static void got_key_update(struct hl_channel *c, bool asks)
{
	if (!asks && c->owed > 0)
		c->owed--;
	else if (++c->updates > HL_CHANNEL_UPDATES)
		c->refused = true;
}

/* Handshake messages after the handshake: KeyUpdates (RFC 8446 4.6.3) are counted, anything else
 * (a ticket, a request for a certificate) is refused. */
static void on_message(
	int sent, int version, int type, const void *data, size_t n, SSL *ssl, void *arg)
{
	struct hl_channel *c = SSL_get_app_data(ssl);
	const uint8_t *m = data; /* u8 type, u24 length, u8 request_update */

	(void)version, (void)arg;
	if (type != SSL3_RT_HANDSHAKE || !c->ready)
		return;
	if (n != 5 || m[0] != SSL3_MT_KEY_UPDATE)
		c->refused = true;
	else if (sent)
		sent_key_update(c, m[4] == SSL_KEY_UPDATE_REQUESTED);
	else
		got_key_update(c, m[4] == SSL_KEY_UPDATE_REQUESTED);
}

/* -- context ----------------------------------------------------------------------------------- */

/* All of it is said, also where it is OpenSSL's default: the application that we run in may have an
 * openssl.cnf that says otherwise. */
static bool set_up(SSL_CTX *ctx)
{
	SSL_CTX_clear_options(ctx, ~(uint64_t)0);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(ctx, 0); /* what we did not ask for stays in the port */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_certificate, NULL);
	SSL_CTX_set_psk_use_session_callback(ctx, on_psk_use);
	SSL_CTX_set_psk_find_session_callback(ctx, on_psk_find);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_msg_callback(ctx, on_message);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) &&
		SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) &&
		SSL_CTX_set_ciphersuites(ctx, SUITE) && SSL_CTX_set1_groups_list(ctx, "X25519") &&
		SSL_CTX_set_num_tickets(ctx, 0) && SSL_CTX_set_max_early_data(ctx, 0) &&
		SSL_CTX_set_recv_max_early_data(ctx, 0) && SSL_CTX_set_block_padding(ctx, 0);
}

/* A private key that is used for nothing else: nobody knows it, and OpenSSL draws it as it draws
 * every key. */
static bool make_nobody(struct hl_secret *out)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	size_t n = out->n;
	bool made = key && EVP_PKEY_get_raw_private_key(key, out->p, &n) == 1 && n == out->n;

	EVP_PKEY_free(key);
	return made;
}

hl_err hl_channel_ctx_new(struct hl_channel_ctx **out)
{
	struct hl_channel_ctx *ctx = calloc(1, sizeof *ctx);
	hl_err err = ctx ? hl_secret_make(&ctx->nobody, NOBODY_BYTES) : HL_E_NOMEM;

	if (err == HL_OK) {
		ctx->ssl = SSL_CTX_new(TLS_method());
		ctx->bio = port_bio();
		if (!ctx->ssl || !ctx->bio || !set_up(ctx->ssl) ||
			!make_nobody(&ctx->nobody))
			err = HL_E_CRYPTO;
	}
	ERR_clear_error();
	if (err == HL_OK)
		*out = hl_take(ctx);
	hl_channel_ctx_free(ctx);
	return err;
}

void hl_channel_ctx_free(struct hl_channel_ctx *ctx)
{
	if (!ctx)
		return;
	SSL_CTX_free(ctx->ssl);
	BIO_meth_free(ctx->bio);
	hl_secret_clear(&ctx->nobody);
	free(ctx);
}

/* -- one channel ------------------------------------------------------------------------------- */

static bool offer_alpn(struct hl_channel *c)
{
	uint8_t list[1 + CHANNEL_ROLE_MAX];
	size_t n = strlen(c->alpn);

	list[0] = (uint8_t)n;
	memcpy(list + 1, c->alpn, n);
	/* Here alone, 0 is success. */
	return SSL_set_alpn_protos(c->ssl, list, (unsigned)(n + 1)) == 0;
}

hl_err channel_tls_new(struct hl_channel *c, bool dials)
{
	BIO *bio = BIO_new(c->ctx->bio);

	c->ssl = SSL_new(c->ctx->ssl);
	if (!c->ssl || !bio) {
		BIO_free(bio);
		return HL_E_NOMEM;
	}
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	SSL_set_bio(c->ssl, bio, bio);
	if (SSL_set_app_data(c->ssl, c) != 1)
		return HL_E_NOMEM;
	if (!dials) {
		SSL_set_accept_state(c->ssl);
		return HL_OK;
	}
	SSL_set_verify(c->ssl, SSL_VERIFY_PEER, NULL); /* that is: on_certificate says no */
	SSL_set_connect_state(c->ssl);
	return offer_alpn(c) ? HL_OK : HL_E_NOMEM;
}

bool channel_tls_agreed(const struct hl_channel *c)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(c->ssl);
	const uint8_t *alpn = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(c->ssl, &alpn, &n);
	return SSL_session_reused(c->ssl) == 1 && SSL_version(c->ssl) == TLS1_3_VERSION && cipher &&
		SSL_CIPHER_get_protocol_id(cipher) == SUITE_ID &&
		SSL_get_negotiated_group(c->ssl) == NID_X25519 &&
		hl_bytes_eq(hl_bytes(alpn, n), hl_text(c->alpn));
}
