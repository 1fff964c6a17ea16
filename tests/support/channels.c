#include "tests/support/channels.h"

#include <stdlib.h>

#include <CUnit/CUnit.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>

#include "lib/wire/messages.h"

/* -- settings ---------------------------------------------------------------------------------- */

struct setting setting(void)
{
	struct setting s = { .initiator = { "client", "client" }, .responder = { "hsm", "hsm" },
		.name = { "PRIMUSDEV100", "PRIMUSDEV100" }, .alpn = { HL_ALPN_OP, HL_ALPN_OP },
		.kind = { HL_CHANNEL_USER, HL_CHANNEL_USER }, .generation = { 7, 7 } };

	for (int side = 0; side < 2; side++) {
		memset(s.binding[side], 0xb1, sizeof s.binding[side]);
		memset(s.secret[side], 0x5e, sizeof s.secret[side]);
	}
	return s;
}

static struct hl_channel_bond bond(const struct setting *s, int side)
{
	return (struct hl_channel_bond){ .binding = { s->binding[side], sizeof s->binding[side] },
		.initiator = s->initiator[side], .responder = s->responder[side],
		.name = s->name[side], .alpn = s->alpn[side] };
}

static hl_err lookup(
	void *at, enum hl_channel_kind kind, uint32_t generation, struct hl_secret *out)
{
	struct pair *p = at;

	p->lookups++;
	if (kind != p->set.kind[1] || generation != p->set.generation[1])
		return HL_E_NOT_FOUND;
	return hl_secret_set(out, hl_bytes(p->set.secret[1], sizeof p->set.secret[1]));
}

/* -- pairs ------------------------------------------------------------------------------------- */

static void end_open(struct end *e, struct hl_channel *c)
{
	*e = (struct end){ .c = c, .port = { hl_buf(PORT_MAX), hl_buf(PORT_MAX) },
		.got = hl_buf(HL_BUF_MAX) };
}

void pair_open(struct pair *p, const struct setting *set)
{
	struct hl_channel *dials = NULL, *answers = NULL;
	struct hl_channel_bond ours, theirs;

	*p = (struct pair){ .set = *set };
	ours = bond(&p->set, 0);
	theirs = bond(&p->set, 1);
	CU_ASSERT_EQUAL_FATAL(hl_channel_ctx_new(&p->ctx), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_channel_dial(p->ctx, &ours, set->kind[0], set->generation[0],
		hl_bytes(set->secret[0], sizeof set->secret[0]), &dials), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_channel_answer(p->ctx, &theirs, lookup, p, &answers), HL_OK);
	end_open(&p->dials, dials);
	end_open(&p->answers, answers);
}

static void end_clear(struct end *e)
{
	hl_channel_freep(&e->c);
	hl_buf_clear(&e->port.in);
	hl_buf_clear(&e->port.out);
	hl_buf_clear(&e->got);
}

void pair_clear(struct pair *p)
{
	end_clear(&p->dials);
	end_clear(&p->answers);
	hl_channel_ctx_free(p->ctx);
	p->ctx = NULL;
}

void end_pump(struct end *e)
{
	hl_err err = hl_channel_pump(e->c, &e->port);
	struct hl_frame f;

	if (err == HL_OK || err == HL_E_FULL)
		while ((err = hl_channel_next(e->c, &f)) == HL_OK)
			hl_buf_put(&e->got, f.whole);
	if (e->err == HL_OK && err != HL_E_SHORT)
		e->err = err;
}

void end_feed(struct end *e, struct hl_bytes bytes)
{
	hl_buf_put(&e->port.in, bytes);
	end_pump(e);
}

struct hl_buf end_take(struct end *e)
{
	struct hl_buf taken = hl_buf(PORT_MAX);

	hl_buf_move(&taken, &e->port.out);
	return taken;
}

void pair_run(struct pair *p)
{
	do {
		end_pump(&p->dials);
		hl_buf_move(&p->answers.port.in, &p->dials.port.out);
		end_pump(&p->answers);
		hl_buf_move(&p->dials.port.in, &p->answers.port.out);
	} while (p->dials.port.in.n > 0 && p->dials.err == HL_OK);
	end_pump(&p->dials);
}

void pair_ready(struct pair *p)
{
	struct setting set = setting();

	pair_open(p, &set);
	pair_run(p);
	CU_ASSERT_FATAL(hl_channel_ready(p->dials.c));
	CU_ASSERT_FATAL(hl_channel_ready(p->answers.c));
}

/* -- messages ---------------------------------------------------------------------------------- */

hl_err end_send(struct end *e, uint8_t fill, size_t n)
{
	uint8_t *data = malloc(n + 1);
	struct hl_sign body = { .key = 1, .mechanism = 2, .data = { data, n } };
	hl_err err;

	memset(data, fill, n);
	err = hl_channel_send(e->c, &e->port, &hl_msg_sign, 5, &body);
	free(data);
	return err;
}

static bool repeats(struct hl_bytes b)
{
	for (size_t i = 1; i < b.n; i++)
		if (b.p[i] != b.p[0])
			return false;
	return true;
}

int end_frames(const struct end *e)
{
	struct hl_bytes left = hl_buf_view(&e->got);
	struct hl_frame f;
	struct hl_sign body;
	int n = 0;

	while (hl_frame_peek(left, HL_FRAME_MAX, &f) == HL_OK) {
		if (hl_msg_get(&hl_msg_sign, &f, &body) != HL_OK || f.id != 5 || !repeats(body.data))
			return -1;
		left = hl_bytes(left.p + f.whole.n, left.n - f.whole.n);
		n++;
	}
	return left.n == 0 ? n : -1;
}

bool end_refused(const struct end *e)
{
	return e->err == HL_E_CHANNEL && !hl_channel_ready(e->c);
}

/* -- HKDF by hand ------------------------------------------------------------------------------ */

static void field(struct hl_buf *b, const void *p, size_t n)
{
	hl_buf_u16(b, (uint16_t)n);
	hl_buf_put(b, hl_bytes(p, n));
}

/* RFC 5869 2.2 and 2.3; 48 bytes are one block, so T(1) = HMAC(PRK, info | 0x01) is all. */
void psk_by_hand(const struct setting *s, int side, uint8_t out[HL_PSK])
{
	struct hl_buf info = hl_buf(1024);
	uint8_t prk[HL_PSK], kind = (uint8_t)s->kind[side];
	uint32_t g = s->generation[side];
	uint8_t generation[] = { (uint8_t)(g >> 24), (uint8_t)(g >> 16), (uint8_t)(g >> 8),
		(uint8_t)g };

	field(&info, "hsmlet psk 1", 12);
	field(&info, s->initiator[side], strlen(s->initiator[side]));
	field(&info, s->responder[side], strlen(s->responder[side]));
	field(&info, s->name[side], strlen(s->name[side]));
	field(&info, &kind, 1);
	field(&info, generation, 4);
	hl_buf_u8(&info, 1);
	HMAC(EVP_sha384(), s->binding[side], 32, s->secret[side], 32, prk, NULL);
	HMAC(EVP_sha384(), prk, sizeof prk, info.base, info.n, out, NULL);
	hl_buf_clear(&info);
}

/* -- a foreign peer ---------------------------------------------------------------------------- */

static SSL_SESSION *foreign_session(struct foreign *f)
{
	SSL_SESSION *s = SSL_SESSION_new();

	CU_ASSERT_FATAL(SSL_SESSION_set1_master_key(s, f->psk, sizeof f->psk) == 1);
	CU_ASSERT_FATAL(SSL_SESSION_set_cipher(s, SSL_CIPHER_find(f->ssl, f->suite)) == 1);
	CU_ASSERT_FATAL(SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1);
	return s;
}

static int on_use(
	SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *n, SSL_SESSION **out)
{
	struct foreign *f = SSL_get_app_data(ssl);

	(void)md;
	if (f->suite) {
		*id = f->identity;
		*n = f->identity_n;
		*out = foreign_session(f);
	}
	return 1;
}

static int on_find(SSL *ssl, const unsigned char *id, size_t n, SSL_SESSION **out)
{
	struct foreign *f = SSL_get_app_data(ssl);

	if (f->suite && n == f->identity_n && memcmp(id, f->identity, n) == 0)
		*out = foreign_session(f);
	return 1;
}

static int on_select(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
	unsigned int size, void *arg)
{
	struct foreign *f = SSL_get_app_data(ssl);

	(void)in, (void)size, (void)arg;
	if (!f->alpn)
		return SSL_TLSEXT_ERR_NOACK;
	*out = (const unsigned char *)f->alpn;
	*n = (unsigned char)strlen(f->alpn);
	return SSL_TLSEXT_ERR_OK;
}

void foreign_init(struct foreign *f, const struct setting *set, bool answers)
{
	static const uint8_t aes_256[] = { 0x13, 0x02 };
	uint32_t g = set->generation[0];
	uint8_t identity[] = { (uint8_t)set->kind[0], (uint8_t)(g >> 24), (uint8_t)(g >> 16),
		(uint8_t)(g >> 8), (uint8_t)g };

	*f = (struct foreign){ .suite = aes_256, .alpn = set->alpn[0], .answers = answers,
		.identity_n = sizeof identity };
	memcpy(f->identity, identity, sizeof identity);
	psk_by_hand(set, answers, f->psk);
	f->ctx = SSL_CTX_new(TLS_method());
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->ctx);
	SSL_CTX_set_verify(f->ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_num_tickets(f->ctx, 0);
	SSL_CTX_set_psk_use_session_callback(f->ctx, on_use);
	SSL_CTX_set_psk_find_session_callback(f->ctx, on_find);
	SSL_CTX_set_alpn_select_cb(f->ctx, on_select, NULL);
}

void foreign_start(struct foreign *f)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	uint8_t list[64];

	f->ssl = SSL_new(f->ctx);
	CU_ASSERT_FATAL(f->ssl && in && out);
	BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(f->ssl, in, out);
	SSL_set_app_data(f->ssl, f);
	if (f->answers) {
		SSL_set_accept_state(f->ssl);
		return;
	}
	SSL_set_connect_state(f->ssl);
	if (f->alpn) {
		list[0] = (uint8_t)strlen(f->alpn);
		memcpy(list + 1, f->alpn, list[0]);
		CU_ASSERT_EQUAL(SSL_set_alpn_protos(f->ssl, list, list[0] + 1u), 0);
	}
}

/* What it has to say goes to the end, and the other way round. */
static bool carry(struct foreign *f, struct end *e)
{
	char *p = NULL;
	long n = BIO_get_mem_data(SSL_get_wbio(f->ssl), &p);
	bool moved = n > 0 || e->port.out.n > 0;

	if (n > 0)
		hl_buf_put(&e->port.in, hl_bytes(p, (size_t)n));
	(void)BIO_reset(SSL_get_wbio(f->ssl));
	if (e->port.out.n > 0)
		BIO_write(SSL_get_rbio(f->ssl), hl_buf_view(&e->port.out).p, (int)e->port.out.n);
	hl_buf_eat(&e->port.out, e->port.out.n);
	return moved;
}

bool foreign_run(struct foreign *f, struct end *e)
{
	do {
		ERR_clear_error();
		SSL_do_handshake(f->ssl);
		end_pump(e);
	} while (carry(f, e));
	end_pump(e);
	ERR_clear_error();
	return SSL_is_init_finished(f->ssl);
}

void foreign_clear(struct foreign *f)
{
	SSL_free(f->ssl);
	SSL_CTX_free(f->ctx);
	*f = (struct foreign){ 0 };
}

void foreign_certify(struct foreign *f)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *x = X509_new();

	CU_ASSERT_FATAL(key && x);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(
		X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"rogue", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	CU_ASSERT(X509_sign(x, key, EVP_sha256()) > 0);
	CU_ASSERT(SSL_CTX_use_certificate(f->ctx, x) == 1);
	CU_ASSERT(SSL_CTX_use_PrivateKey(f->ctx, key) == 1);
	X509_free(x);
	EVP_PKEY_free(key);
}
