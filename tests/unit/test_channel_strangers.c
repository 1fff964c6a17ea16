#include "tests/support/channels.h"
#include "tests/support/test.h"

#include <openssl/err.h>

/* -- who shares not everything, gets nothing --------------------------------------------------- */

typedef void change_fn(struct setting *s);

static void other_secret(struct setting *s)
{
	s->secret[1][0] ^= 1;
}
static void other_name(struct setting *s)
{
	s->name[1] = "PRIMUSDEV101";
}
static void other_binding(struct setting *s)
{
	s->binding[1][31] ^= 0x80;
}
static void other_initiator(struct setting *s)
{
	s->initiator[1] = "proxy";
}
static void other_responder(struct setting *s)
{
	s->responder[1] = "directory";
}
static void roles_swapped(struct setting *s)
{
	s->initiator[1] = s->responder[0];
	s->responder[1] = s->initiator[0];
}
static void other_generation(struct setting *s)
{
	s->generation[1] = 8;
}
static void other_kind(struct setting *s)
{
	s->kind[1] = HL_CHANNEL_SETUP;
}
static void other_alpn(struct setting *s)
{
	s->alpn[1] = HL_ALPN_LINK;
}

/* A handshake that must fail; the caller clears what the dialling end was answered. */
static struct hl_buf answer_to(change_fn *change)
{
	struct setting set = setting();
	struct hl_buf answer;
	struct pair p;

	change(&set);
	pair_open(&p, &set);
	end_pump(&p.dials);
	hl_buf_move(&p.answers.port.in, &p.dials.port.out);
	end_pump(&p.answers);
	CU_ASSERT_EQUAL(p.lookups, 1);
	CU_ASSERT(end_refused(&p.answers));
	answer = end_take(&p.answers);
	end_feed(&p.dials, hl_buf_view(&answer));
	CU_ASSERT(end_refused(&p.dials));
	CU_ASSERT_EQUAL(end_send(&p.dials, 1, 1), HL_E_CHANNEL);
	CU_ASSERT_EQUAL(end_send(&p.answers, 1, 1), HL_E_CHANNEL);
	CU_ASSERT_EQUAL(hl_channel_pump(p.answers.c, &p.answers.port), HL_E_CHANNEL);
	CU_ASSERT(p.dials.got.n == 0 && p.answers.got.n == 0);
	CU_ASSERT(!hl_channel_ended(p.dials.c) && !hl_channel_ended(p.answers.c));
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
	pair_clear(&p);
	return answer;
}

static const uint8_t fatal_alert[] = { 21, 3, 3, 0, 2, 2 };

static void wrong_and_unknown_look_alike(void)
{
	static change_fn *const changes[] = { other_secret, other_name, other_binding, other_initiator,
		other_responder, roles_swapped, other_generation, other_kind };
	struct hl_buf first = answer_to(changes[0]);

	CU_ASSERT_EQUAL(first.n, sizeof fatal_alert + 1); /* one alert in the clear, no more */
	CU_ASSERT_EQUAL(memcmp(first.base, fatal_alert, sizeof fatal_alert), 0);
	for (size_t i = 1; i < HL_COUNT(changes); i++) {
		struct hl_buf answer = answer_to(changes[i]);

		CU_ASSERT(hl_bytes_eq(hl_buf_view(&first), hl_buf_view(&answer)));
		hl_buf_clear(&answer);
	}
	hl_buf_clear(&first);
}

/* Only who has the key is told so, and in as many bytes. */
static void another_inner_protocol_is_refused(void)
{
	struct hl_buf answer = answer_to(other_alpn);

	CU_ASSERT_EQUAL_FATAL(answer.n, sizeof fatal_alert + 1);
	CU_ASSERT_EQUAL(memcmp(answer.base, fatal_alert, sizeof fatal_alert), 0);
	CU_ASSERT_EQUAL(answer.base[6], SSL_AD_NO_APPLICATION_PROTOCOL);
	hl_buf_clear(&answer);
}

/* -- foreign clients --------------------------------------------------------------------------- */

static int refused_lookups; /* how often the last foreign client made us look for a secret */

/* Let `f` knock; returns the alert that it gets, 0 for none. */
static int knock(struct foreign *f)
{
	struct setting set = setting();
	const uint8_t *out;
	struct pair p;
	int alert = 0;

	pair_open(&p, &set);
	ERR_clear_error();
	SSL_do_handshake(f->ssl);
	for (int i = 0; i < 4 && p.answers.err == HL_OK; i++) {
		char *said = NULL;
		long n = BIO_get_mem_data(SSL_get_wbio(f->ssl), &said);

		end_feed(&p.answers, hl_bytes(said, (size_t)n));
		(void)BIO_reset(SSL_get_wbio(f->ssl));
		out = p.answers.port.out.n > 0 ? hl_buf_view(&p.answers.port.out).p : NULL;
		if (out && p.answers.port.out.n == 7 && out[0] == 21)
			alert = out[6];
		if (out)
			BIO_write(SSL_get_rbio(f->ssl), out, (int)p.answers.port.out.n);
		hl_buf_eat(&p.answers.port.out, p.answers.port.out.n);
		ERR_clear_error();
		SSL_do_handshake(f->ssl);
	}
	CU_ASSERT(end_refused(&p.answers));
	CU_ASSERT_EQUAL(p.answers.got.n, 0);
	refused_lookups = (int)p.lookups;
	pair_clear(&p);
	ERR_clear_error();
	return alert;
}

static int knock_with_identity(uint8_t kind, size_t n)
{
	struct setting set = setting();
	struct foreign f;
	int alert;

	foreign_init(&f, &set, false);
	f.identity[0] = kind;
	f.identity_n = n;
	foreign_start(&f);
	alert = knock(&f);
	foreign_clear(&f);
	return alert;
}

static void odd_identities_look_like_wrong_secrets(void)
{
	struct hl_buf wrong = answer_to(other_secret);
	int alert = wrong.base[6];

	CU_ASSERT_EQUAL(knock_with_identity(HL_CHANNEL_SETUP, 5), alert);
	CU_ASSERT_EQUAL(refused_lookups, 1);
	for (size_t n = 1; n <= 16; n++)
		if (n != 5) {
			CU_ASSERT_EQUAL(knock_with_identity(HL_CHANNEL_USER, n), alert);
			CU_ASSERT_EQUAL(refused_lookups, 0);
		}
	CU_ASSERT_EQUAL(knock_with_identity(0, 5), alert);
	CU_ASSERT_EQUAL(knock_with_identity(4, 5), alert);
	CU_ASSERT_EQUAL(knock_with_identity(255, 5), alert);
	CU_ASSERT_EQUAL(refused_lookups, 0);
	hl_buf_clear(&wrong);
}

/* A session with a ticket, from somewhere else: with it a client offers two identities. */
static SSL_SESSION *ticket(void)
{
	struct setting set = setting();
	struct foreign server, client;
	SSL_SESSION *s;
	BIO *a, *b;
	uint8_t byte;

	foreign_init(&server, &set, true);
	foreign_init(&client, &set, false);
	foreign_certify(&server);
	server.suite = client.suite = NULL;
	SSL_CTX_set_num_tickets(server.ctx, 1);
	foreign_start(&server);
	foreign_start(&client);
	CU_ASSERT_FATAL(BIO_new_bio_pair(&a, 0, &b, 0) == 1);
	SSL_set_bio(server.ssl, a, a);
	SSL_set_bio(client.ssl, b, b);
	for (int i = 0; i < 4; i++) {
		SSL_do_handshake(client.ssl);
		SSL_do_handshake(server.ssl);
	}
	CU_ASSERT(SSL_read(client.ssl, &byte, 1) <= 0); /* takes the ticket */
	s = SSL_get1_session(client.ssl);
	CU_ASSERT_FATAL(s && SSL_SESSION_is_resumable(s));
	SSL_set_shutdown(client.ssl, SSL_SENT_SHUTDOWN); /* or OpenSSL spoils the session */
	foreign_clear(&server);
	foreign_clear(&client);
	ERR_clear_error();
	return s;
}

static bool contains(const char *p, size_t n, const void *what, size_t what_n)
{
	for (size_t i = 0; i + what_n <= n; i++)
		if (memcmp(p + i, what, what_n) == 0)
			return true;
	return false;
}

static size_t hello_size(void)
{
	struct setting set = setting();
	struct foreign f;
	char *hello;
	long n;

	foreign_init(&f, &set, false);
	foreign_start(&f);
	SSL_do_handshake(f.ssl);
	n = BIO_get_mem_data(SSL_get_wbio(f.ssl), &hello);
	foreign_clear(&f);
	return (size_t)n;
}

/* Were it looked at, whoever knows one secret could try others behind it. */
static void a_second_identity_is_never_looked_at(void)
{
	struct setting set = setting();
	struct hl_buf wrong = answer_to(other_secret);
	static const uint8_t right[] = { 0, 5, HL_CHANNEL_USER, 0, 0, 0, 7 };
	SSL_SESSION *other = ticket();
	struct foreign f;
	char *hello = NULL;
	long n;

	foreign_init(&f, &set, false);
	foreign_start(&f);
	CU_ASSERT_EQUAL(SSL_set_session(f.ssl, other), 1);
	SSL_do_handshake(f.ssl);
	n = BIO_get_mem_data(SSL_get_wbio(f.ssl), &hello);
	/* The right one is offered, too, behind a ticket. */
	CU_ASSERT(contains(hello, (size_t)n, right, sizeof right));
	CU_ASSERT(n > 100 + (long)hello_size());
	CU_ASSERT_EQUAL(knock(&f), wrong.base[6]);
	CU_ASSERT_EQUAL(refused_lookups, 0);
	foreign_clear(&f);
	SSL_SESSION_free(other);
	hl_buf_clear(&wrong);
}

static void no_key(struct foreign *f)
{
	f->suite = NULL;
}
static void tls_1_2(struct foreign *f)
{
	f->suite = NULL;
	SSL_CTX_set_max_proto_version(f->ctx, TLS1_2_VERSION);
}
static void aes_128(struct foreign *f)
{
	static const uint8_t suite[] = { 0x13, 0x01 };

	f->suite = suite;
	SSL_CTX_set_ciphersuites(f->ctx, "TLS_AES_128_GCM_SHA256");
}
static void sha_256_key(struct foreign *f)
{
	static const uint8_t suite[] = { 0x13, 0x01 };

	f->suite = suite;
}
static void p_256(struct foreign *f)
{
	SSL_CTX_set1_groups_list(f->ctx, "P-256");
}
static void p_256_first(struct foreign *f)
{
	SSL_CTX_set1_groups_list(f->ctx, "P-256:X25519"); /* makes OpenSSL ask for another hello */
}
static void no_alpn(struct foreign *f)
{
	f->alpn = NULL;
}
static void longer_alpn(struct foreign *f)
{
	f->alpn = HL_ALPN_OP "0";
}

static void other_clients_are_refused(void)
{
	static void (*const odd[])(struct foreign *) = { no_key, tls_1_2, aes_128, sha_256_key, p_256,
		p_256_first, no_alpn, longer_alpn };
	struct setting set = setting();

	for (size_t i = 0; i < HL_COUNT(odd); i++) {
		struct foreign f;

		foreign_init(&f, &set, false);
		odd[i](&f);
		foreign_start(&f);
		(void)knock(&f);
		foreign_clear(&f);
	}
}

/* RFC 7301 lets a server choose; here there is nothing to choose from. */
static void two_inner_protocols_are_one_too_many(void)
{
	static const uint8_t list[] = "\x0bhsmlet-op/1\x0dhsmlet-link/1";
	struct setting set = setting();
	struct foreign f;

	foreign_init(&f, &set, false);
	foreign_start(&f);
	CU_ASSERT_EQUAL(SSL_set_alpn_protos(f.ssl, list, sizeof list - 1), 0);
	CU_ASSERT_EQUAL(knock(&f), SSL_AD_NO_APPLICATION_PROTOCOL);
	foreign_clear(&f);
}

/* RFC 8446 4.2.9: psk_ke has no forward secrecy. With that mode alone the key is not looked at. */
static void a_key_without_diffie_hellman_is_refused(void)
{
	static const uint8_t dhe_only[] = { 0, 45, 0, 2, 1, 1 };
	struct setting set = setting();
	struct hl_buf hello, answer;
	struct pair p;
	size_t at = 0;

	pair_open(&p, &set);
	end_pump(&p.dials);
	hello = end_take(&p.dials);
	while (at + 6 < hello.n && memcmp(hello.base + at, dhe_only, 6) != 0)
		at++;
	CU_ASSERT_FATAL(at + 6 < hello.n);
	hello.base[at + 5] = 0;
	end_feed(&p.answers, hl_buf_view(&hello));
	CU_ASSERT(end_refused(&p.answers));
	CU_ASSERT_EQUAL(p.lookups, 0);
	answer = end_take(&p.answers);
	CU_ASSERT_EQUAL_FATAL(answer.n, 7);
	CU_ASSERT_EQUAL(answer.base[6], SSL_AD_HANDSHAKE_FAILURE);
	hl_buf_clear(&hello);
	hl_buf_clear(&answer);
	pair_clear(&p);
}

/* -- foreign servers --------------------------------------------------------------------------- */

static void certificate_instead_of_key(struct foreign *f)
{
	f->suite = NULL;
	foreign_certify(f);
}
static void certificate_and_wrong_key(struct foreign *f)
{
	f->psk[0] ^= 1;
	foreign_certify(f);
}
static void certificate_of_tls_1_2(struct foreign *f)
{
	foreign_certify(f);
	SSL_CTX_set_max_proto_version(f->ctx, TLS1_2_VERSION);
}
static void tickets(struct foreign *f)
{
	SSL_CTX_set_num_tickets(f->ctx, 1);
}

static void other_servers_are_refused(void)
{
	static void (*const odd[])(struct foreign *) = { no_key, certificate_instead_of_key,
		certificate_and_wrong_key, certificate_of_tls_1_2, aes_128, p_256, no_alpn, longer_alpn,
		tickets };
	struct setting set = setting();

	for (size_t i = 0; i < HL_COUNT(odd); i++) {
		struct foreign f;
		struct pair p;

		pair_open(&p, &set);
		foreign_init(&f, &set, true);
		odd[i](&f);
		foreign_start(&f);
		(void)foreign_run(&f, &p.dials);
		CU_ASSERT(end_refused(&p.dials));
		CU_ASSERT_EQUAL(p.dials.got.n, 0);
		foreign_clear(&f);
		pair_clear(&p);
	}
}

static CU_TestInfo tests[] = {
	{ "wrong and unknown look alike, and get nothing", wrong_and_unknown_look_alike },
	{ "another inner protocol is refused", another_inner_protocol_is_refused },
	{ "odd identities look like wrong secrets", odd_identities_look_like_wrong_secrets },
	{ "a second identity is never looked at", a_second_identity_is_never_looked_at },
	{ "other clients are refused", other_clients_are_refused },
	{ "two inner protocols are one too many", two_inner_protocols_are_one_too_many },
	{ "a key without Diffie-Hellman is refused", a_key_without_diffie_hellman_is_refused },
	{ "other servers are refused", other_servers_are_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("channel strangers", tests)
