/* Keys of pairs from their parts, and what they do: foreign signatures, encryptions and agreements. */
#include "lib/base/der.h"
#include "tests/support/imports.h"
#include "tests/support/test.h"

#include <stdlib.h>


static struct hl_bytes none;

/* A pair on a curve, from its parts; the point as a DER OCTET STRING. */
static void import_curve(struct pair *p, uint64_t key_type, struct hl_bytes params, struct hl_bytes value,
	struct hl_bytes point)
{
	struct template t = { 0 }, u = { 0 };
	AUTO_BUF der = hl_buf(512);

	hl_der_put(&der, HL_DER_OCTETS, point);
	template_bytes(&t, HL_CKA_EC_PARAMS, params.p, params.n);
	template_bytes(&t, HL_CKA_VALUE, value.p, value.n);
	template_bytes(&u, HL_CKA_EC_PARAMS, params.p, params.n);
	template_bytes(&u, HL_CKA_EC_POINT, hl_buf_view(&der).p, der.n);
	import(&t, HL_CKO_PRIVATE_KEY, key_type, &p->object);
	import(&u, HL_CKO_PUBLIC_KEY, key_type, &p->public_object);
	pair_parse(p);
	CU_ASSERT(hl_bytes_eq(hsm_attribute(&p->object, HL_CKA_PUBLIC_KEY_INFO)->value,
		hl_secret_view(&p->public_object.value)));
}

static void check_signature(struct pair *p, uint32_t mechanism, struct hl_bytes data, struct hl_bytes signature)
{
	AUTO_BUF bad = hl_buf(4096);
	AUTO_BUF own = { 0 };

	CU_ASSERT_EQUAL(verify(p->public_key, mechanism, data, signature), HL_OK);
	hl_buf_put(&bad, signature);
	bad.base[bad.off + signature.n / 2] ^= 1;
	CU_ASSERT_EQUAL(verify(p->public_key, mechanism, data, hl_buf_view(&bad)), HL_E_SIGNATURE);
	CU_ASSERT_EQUAL(verify(p->public_key, mechanism, message, signature), HL_E_SIGNATURE);
	if (!p->key)
		return;
	CU_ASSERT_EQUAL(sign(p->key, mechanism, data, &own), HL_OK);
	CU_ASSERT_EQUAL(verify(p->public_key, mechanism, data, hl_buf_view(&own)), HL_OK);
}

/* -- signatures ----------------------------------------------------------------------------------------- */

static uint32_t hashing(uint32_t key_type, const char *digest)
{
	size_t n;
	const struct hsm_mechanism *m = hsm_mechanisms(&n);

	for (; n > 0; n--, m++)
		if (m->key_type == key_type && (m->flags & HSM_SIGNS) && !m->parameter && m->digest &&
			strcmp(m->digest, digest) == 0)
			return m->number;
	abort();
}

static void ecdsa_on_every_curve(void)
{
	struct vectors v;

	vectors_open(&v, "ecdsa.txt");
	while (vectors_next(&v, 6)) {
		uint32_t m = hashing(HL_CKK_EC, v.column[1]);
		AUTO_PAIR p = { 0 };

		import_curve(&p, HL_CKK_EC, vectors_bytes(&v, 0), vectors_bytes(&v, 2), vectors_bytes(&v, 3));
		check_signature(&p, m, vectors_bytes(&v, 4), vectors_bytes(&v, 5));
	}
	CU_ASSERT_EQUAL(v.lines, 72);
	vectors_close(&v);
}

static void ed25519_and_ed448(void)
{
	struct vectors v;

	vectors_open(&v, "ed448.txt");
	while (vectors_next(&v, 5)) {
		AUTO_PAIR p = { 0 };
		AUTO_BUF own = { 0 };
		struct hl_bytes data, signature;

		import_curve(&p, HL_CKK_EC_EDWARDS, vectors_bytes(&v, 0), vectors_bytes(&v, 1), vectors_bytes(&v, 2));
		data = vectors_bytes(&v, 3);
		signature = vectors_bytes(&v, 4);
		check_signature(&p, HL_CKM_EDDSA, data, signature);
		CU_ASSERT_EQUAL(sign(p.key, HL_CKM_EDDSA, data, &own), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&own), signature)); /* there is but one */
	}
	CU_ASSERT_EQUAL(v.lines, 41);
	vectors_close(&v);
}

static void contexts_and_prehashing_are_refused(void)
{
	static const uint8_t ed25519[] = { 0x06, 3, 0x2b, 0x65, 0x70 };
	struct hl_eddsa_parameter context = { 0, hl_text("x") }, prehash = { 1, none };
	AUTO_PAIR p = { 0 };
	AUTO_BUF memory = { 0 };
	AUTO_BUF out = hl_buf(256);
	struct template t = { 0 }, u = { 0 };
	const char *why;

	template_bytes(&u, HL_CKA_EC_PARAMS, ed25519, sizeof ed25519);
	CU_ASSERT_EQUAL_FATAL(
		make(HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, &t, &u, &p.object, &p.public_object, &why), HL_OK);
	pair_parse(&p);
	CU_ASSERT_EQUAL(hsm_key_sign(p.key, HL_CKM_EDDSA, parameter(&memory, &hl_msg_eddsa_parameter, &context),
				message, &out),
		HL_E_PARAMETER);
	CU_ASSERT_EQUAL(hsm_key_sign(p.key, HL_CKM_EDDSA, parameter(&memory, &hl_msg_eddsa_parameter, &prehash),
				message, &out),
		HL_E_PARAMETER);
}

static void put_domain(struct template *t, struct hl_bytes p, struct hl_bytes q, struct hl_bytes g)
{
	template_bytes(t, HL_CKA_PRIME, p.p, p.n);
	if (q.n > 0)
		template_bytes(t, HL_CKA_SUBPRIME, q.p, q.n);
	template_bytes(t, HL_CKA_BASE, g.p, g.n);
}

static void dsa_with_every_digest(void)
{
	struct vectors v;

	vectors_open(&v, "dsa.txt");
	while (vectors_next(&v, 8)) {
		struct hl_bytes p = vectors_bytes(&v, 0), q = vectors_bytes(&v, 1), g = vectors_bytes(&v, 2);
		struct hl_bytes x = vectors_bytes(&v, 3), y = vectors_bytes(&v, 4);
		uint32_t m = hashing(HL_CKK_DSA, v.column[5]);
		struct template t = { 0 }, u = { 0 };
		AUTO_PAIR pair = { 0 };

		put_domain(&t, p, q, g);
		template_bytes(&t, HL_CKA_VALUE, x.p, x.n);
		put_domain(&u, p, q, g);
		template_bytes(&u, HL_CKA_VALUE, y.p, y.n);
		import(&t, HL_CKO_PRIVATE_KEY, HL_CKK_DSA, &pair.object);
		import(&u, HL_CKO_PUBLIC_KEY, HL_CKK_DSA, &pair.public_object);
		pair_parse(&pair);
		check_signature(&pair, m, vectors_bytes(&v, 6), vectors_bytes(&v, 7));
	}
	CU_ASSERT_EQUAL(v.lines, 18);
	vectors_close(&v);
}

static const struct hl_bytes short_message = { (const uint8_t *)"a message of 32 bytes, not hashe", 32 };

static void rsa_with_every_digest_and_with_none(void)
{
	struct vectors v;

	vectors_open(&v, "rsa-sign.txt");
	while (vectors_next(&v, 3)) {
		uint32_t m = strcmp(v.column[0], "X_509") ? hashing(HL_CKK_RSA, v.column[0]) : HL_CKM_RSA_X_509;
		struct hl_bytes modulus = vectors_bytes(&v, 1), signature = vectors_bytes(&v, 2);
		struct template t = { 0 };
		AUTO_KEY *k = NULL;

		template_bytes(&t, HL_CKA_MODULUS, modulus.p, modulus.n);
		template_bytes(&t, HL_CKA_PUBLIC_EXPONENT, "\1\0\1", 3);
		k = import_parsed(&t, HL_CKO_PUBLIC_KEY, HL_CKK_RSA);
		CU_ASSERT_EQUAL(verify(k, m, short_message, signature), HL_OK);
		CU_ASSERT_EQUAL(verify(k, m, hl_bytes(message.p, 31), signature), HL_E_SIGNATURE);
		CU_ASSERT_EQUAL(verify(k, m, short_message, hl_bytes(signature.p, signature.n - 1)), HL_E_SIGNATURE_LENGTH);
	}
	CU_ASSERT_EQUAL(v.lines, 33);
	vectors_close(&v);
}

static void the_bare_operation_signs_and_encrypts_numbers_below_the_modulus(void)
{
	AUTO_PAIR p = { 0 };
	AUTO_BUF sealed = hl_buf(512);
	AUTO_BUF open = hl_buf(512);
	AUTO_BUF sig = { 0 };
	uint8_t most[256];
	struct hl_bytes n;

	make_rsa_pair(2048, &p.object, &p.public_object);
	pair_parse(&p);
	n = hsm_attribute(&p.object, HL_CKA_MODULUS)->value;
	CU_ASSERT_EQUAL(sign(p.key, HL_CKM_RSA_X_509, message, &sig), HL_OK);
	CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_RSA_X_509, message, hl_buf_view(&sig)), HL_OK);
	CU_ASSERT_EQUAL(sign(p.key, HL_CKM_RSA_X_509, n, &sig), HL_E_DATA_LENGTH);
	CU_ASSERT_EQUAL(hsm_key_encrypt(p.public_key, HL_CKM_RSA_X_509, none, n, &sealed), HL_E_DATA_LENGTH);
	CU_ASSERT_EQUAL(hsm_key_decrypt(p.key, HL_CKM_RSA_X_509, none, n, &sealed), HL_E_DECRYPT);
	CU_ASSERT_EQUAL(
		hsm_key_decrypt(p.key, HL_CKM_RSA_X_509, none, hl_bytes(n.p, 255), &sealed), HL_E_ENCRYPTED_LENGTH);
	memcpy(most, n.p, 256);
	most[255] ^= 1; /* it is odd: one less */
	CU_ASSERT_EQUAL(hsm_key_encrypt(p.public_key, HL_CKM_RSA_X_509, none, hl_bytes(most, 256), &sealed), HL_OK);
	CU_ASSERT_EQUAL(hsm_key_decrypt(p.key, HL_CKM_RSA_X_509, none, hl_buf_view(&sealed), &open), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&open), hl_bytes(most, 256)));
}

/* PKCS #11 v3.0, 2.3.1. Half of the numbers of P-521 begin with a zero byte. */
static void shorter_halves_verify(void)
{
	AUTO_PAIR p = { 0 };

	make_ec_pair(p521, &p.object, &p.public_object);
	pair_parse(&p);
	for (int tries = 0; tries < 200; tries++) {
		AUTO_BUF sig = { 0 };
		uint8_t *rs;

		CU_ASSERT_EQUAL_FATAL(sign(p.key, HL_CKM_ECDSA, message, &sig), HL_OK);
		rs = sig.base + sig.off;
		if (rs[0] || rs[66])
			continue;
		memmove(rs, rs + 1, 65);
		memmove(rs + 65, rs + 67, 65);
		CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_ECDSA, message, hl_bytes(rs, 130)), HL_OK);
		CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_ECDSA, message, hl_bytes(rs, 129)), HL_E_SIGNATURE_LENGTH);
		return;
	}
	CU_FAIL("no signature began with zeros");
}

/* -- in pieces ------------------------------------------------------------------------------------------------ */

static hl_err streamed(struct hsm_key *k, enum hsm_way way, uint32_t m, struct hl_bytes p, size_t piece,
	struct hl_bytes signature, struct hl_buf *out)
{
	struct hsm_stream *s = NULL;
	hl_err err = hsm_stream_new(k, way, m, p, &s);

	for (size_t at = 0; err == HL_OK && at < message.n; at += piece)
		err = hsm_stream_update(
			s, hl_bytes(message.p + at, message.n - at < piece ? message.n - at : piece), NULL);
	if (err == HL_OK)
		err = hsm_stream_final(s, signature, out);
	hsm_stream_free(s);
	return err;
}

static void try_pieces(struct pair *p, uint32_t m, struct hl_bytes fields)
{
	for (size_t piece = 1; piece <= 33; piece += 16) {
		AUTO_BUF sig = hl_buf(1024);

		CU_ASSERT_EQUAL(streamed(p->key, HSM_SIGN, m, fields, piece, none, &sig), HL_OK);
		CU_ASSERT_EQUAL(hsm_key_verify(p->public_key, m, fields, message, hl_buf_view(&sig)), HL_OK);
		CU_ASSERT_EQUAL(
			streamed(p->public_key, HSM_VERIFY, m, fields, piece, hl_buf_view(&sig), NULL), HL_OK);
		sig.base[sig.off + 5] ^= 1;
		CU_ASSERT_EQUAL(
			streamed(p->public_key, HSM_VERIFY, m, fields, piece, hl_buf_view(&sig), NULL), HL_E_SIGNATURE);
		CU_ASSERT_EQUAL(
			streamed(p->public_key, HSM_VERIFY, m, fields, piece, none, NULL), HL_E_SIGNATURE_LENGTH);
	}
}

static void what_is_hashed_may_come_in_pieces(void)
{
	struct hl_pss_parameter pss = { HL_CKM_SHA384, HL_CKG_MGF1_SHA3_256, 20 };
	AUTO_BUF memory = { 0 };
	AUTO_PAIR rsa = { 0 };
	AUTO_PAIR ec = { 0 };
	struct hsm_stream *s = NULL;

	make_rsa_pair(2048, &rsa.object, &rsa.public_object);
	make_ec_pair(p384, &ec.object, &ec.public_object);
	pair_parse(&rsa);
	pair_parse(&ec);
	try_pieces(&rsa, HL_CKM_SHA3_512_RSA_PKCS, none);
	try_pieces(&rsa, HL_CKM_SHA384_RSA_PKCS_PSS, parameter(&memory, &hl_msg_pss_parameter, &pss));
	try_pieces(&ec, HL_CKM_ECDSA_SHA224, none);
	CU_ASSERT_EQUAL(hsm_stream_new(ec.key, HSM_SIGN, HL_CKM_ECDSA, none, &s), HL_E_MECHANISM);
	CU_ASSERT_EQUAL(hsm_stream_new(ec.public_key, HSM_SIGN, HL_CKM_ECDSA_SHA224, none, &s), HL_E_KEY_USE);
}

/* -- decryption --------------------------------------------------------------------------------------------- */

/* An object as unwrapping makes one: the value is the PKCS #8. */
static struct hsm_key *rsa_of(struct hl_bytes pkcs8)
{
	AUTO_OBJECT o = { 0 };
	struct hsm_key *k = NULL;

	CU_ASSERT_EQUAL(hsm_attribute_set_number(&o, HL_CKA_CLASS, HL_CKO_PRIVATE_KEY), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_number(&o, HL_CKA_KEY_TYPE, HL_CKK_RSA), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&o, HL_CKA_DECRYPT, true), HL_OK);
	CU_ASSERT_EQUAL(hl_secret_set(&o.value, pkcs8), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_key_parse(&o, &k), HL_OK);
	return k;
}

static hl_err decrypt_rsa(struct hsm_key *k, uint32_t m, const struct hl_oaep_parameter *p, struct hl_bytes from,
	struct hl_buf *out)
{
	AUTO_BUF memory = { 0 };

	hl_buf_clear(out);
	*out = hl_buf(1024);
	return hsm_key_decrypt(
		k, m, m == HL_CKM_RSA_PKCS_OAEP ? parameter(&memory, &hl_msg_oaep_parameter, p) : none, from, out);
}

static void check_oaep(struct hsm_key *k, const struct hl_oaep_parameter *p, struct hl_bytes sealed)
{
	struct hl_oaep_parameter other = *p;
	AUTO_BUF out = { 0 };
	AUTO_BUF bad = hl_buf(512);

	other.label = hl_text("another");
	CU_ASSERT_EQUAL(decrypt_rsa(k, HL_CKM_RSA_PKCS_OAEP, &other, sealed, &out), HL_E_DECRYPT);
	hl_buf_put(&bad, sealed);
	for (size_t i = 1; i < sealed.n; i += 17) { /* the first byte might lift it above the modulus */
		bad.base[bad.off + i] ^= 1;
		CU_ASSERT_EQUAL(decrypt_rsa(k, HL_CKM_RSA_PKCS_OAEP, p, hl_buf_view(&bad), &out), HL_E_DECRYPT);
		CU_ASSERT_EQUAL(out.n, 0);
		bad.base[bad.off + i] ^= 1;
	}
	CU_ASSERT_EQUAL(
		decrypt_rsa(k, HL_CKM_RSA_PKCS_OAEP, p, hl_bytes(sealed.p, sealed.n - 1), &out), HL_E_ENCRYPTED_LENGTH);
}

/* K-08, K-09. Of PKCS #1 v1.5 even the false messages are known: they are what the draft says. */
static void rsa_decrypts_and_tells_nothing_of_its_padding(void)
{
	AUTO_KEY *k = NULL;
	struct vectors v;
	size_t falsely = 0;

	vectors_open(&v, "rsa-decrypt.txt");
	CU_ASSERT_FATAL(vectors_next(&v, 1));
	k = rsa_of(vectors_bytes(&v, 0));
	while (vectors_next(&v, 6)) {
		uint32_t m = vectors_mechanism(&v, 0, "")->number;
		struct hl_oaep_parameter p = { vectors_number(&v, 1), vectors_number(&v, 2), none };
		struct hl_bytes sealed = vectors_bytes(&v, 4), plain = vectors_bytes(&v, 5);
		AUTO_BUF out = { 0 };

		if (m == HL_CKM_RSA_PKCS_OAEP)
			p.label = vectors_bytes(&v, 3);
		else
			falsely += v.column[3][0] == 'x';
		for (int again = 0; again < 2; again++) {
			CU_ASSERT_EQUAL(decrypt_rsa(k, m, &p, sealed, &out), HL_OK);
			CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), plain));
		}
		if (m == HL_CKM_RSA_PKCS_OAEP)
			check_oaep(k, &p, sealed);
	}
	CU_ASSERT_EQUAL(v.lines, 48);
	CU_ASSERT_EQUAL(falsely, 25);
	vectors_close(&v);
}

static void what_rsa_encrypts_decrypts_again(void)
{
	AUTO_PAIR p = { 0 };
	struct hl_oaep_parameter oaep = { HL_CKM_SHA3_256, HL_CKG_MGF1_SHA3_512, hl_text("label") };
	AUTO_BUF memory = { 0 };
	struct hl_bytes fields = parameter(&memory, &hl_msg_oaep_parameter, &oaep);
	uint8_t data[256] = { 7 };

	make_rsa_pair(2048, &p.object, &p.public_object);
	pair_parse(&p);
	for (size_t n = 0; n <= 256; n++) {
		AUTO_BUF sealed = hl_buf(256);
		AUTO_BUF open = hl_buf(256);
		struct hl_bytes plain = hl_bytes(data, n);
		hl_err pkcs = hsm_key_encrypt(p.public_key, HL_CKM_RSA_PKCS, none, plain, &sealed);

		CU_ASSERT_EQUAL(pkcs, n <= 245 ? HL_OK : HL_E_DATA_LENGTH);
		if (pkcs == HL_OK) {
			CU_ASSERT_EQUAL(hsm_key_decrypt(p.key, HL_CKM_RSA_PKCS, none, hl_buf_view(&sealed), &open), HL_OK);
			CU_ASSERT(hl_bytes_eq(hl_buf_view(&open), plain));
		}
		hl_buf_reset(&sealed);
		CU_ASSERT_EQUAL(hsm_key_encrypt(p.public_key, HL_CKM_RSA_PKCS_OAEP, fields, plain, &sealed),
			n <= 190 ? HL_OK : HL_E_DATA_LENGTH);
		hl_buf_reset(&open);
		if (n <= 190) {
			CU_ASSERT_EQUAL(
				hsm_key_decrypt(p.key, HL_CKM_RSA_PKCS_OAEP, fields, hl_buf_view(&sealed), &open), HL_OK);
			CU_ASSERT(hl_bytes_eq(hl_buf_view(&open), plain));
		}
	}
}

static CU_TestInfo tests[] = {
	{ "ECDSA on every curve", ecdsa_on_every_curve },
	{ "Ed25519 and Ed448", ed25519_and_ed448 },
	{ "contexts and prehashing are refused", contexts_and_prehashing_are_refused },
	{ "DSA with every digest", dsa_with_every_digest },
	{ "RSA with every digest and with none", rsa_with_every_digest_and_with_none },
	{ "the bare operation signs and encrypts numbers below the modulus",
		the_bare_operation_signs_and_encrypts_numbers_below_the_modulus },
	{ "shorter halves verify", shorter_halves_verify },
	{ "what is hashed may come in pieces", what_is_hashed_may_come_in_pieces },
	{ "RSA decrypts, and tells nothing of its padding", rsa_decrypts_and_tells_nothing_of_its_padding },
	{ "what RSA encrypts decrypts again", what_rsa_encrypts_decrypts_again },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("pairs", tests)
