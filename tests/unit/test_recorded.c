/* The recorded connection of doc/protocol.md, read from the document itself: every value that is derived in it is
 * computed again from the bytes that stand there, by OpenSSL and the standards alone. Nothing here includes our own code,
 * so that the document does not stand on what it describes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tests/support/recorded.h"
#include "tests/support/test.h"

static struct bytes get(const char *name)
{
	const struct part *p = recorded_part(name);

	if (!p) {
		fprintf(stderr, "%s is not in the document\n", name);
		CU_FAIL_FATAL("something is missing");
	}
	return (struct bytes){ p->p, p->n };
}

/* -- what it says of its own bytes --------------------------------------------------------------------------- */

static unsigned long long number(const uint8_t *p, size_t n)
{
	unsigned long long v = 0;

	for (; n > 0; n--)
		v = v << 8 | *p++;
	return v;
}

/* Whether the note is about a number, and which. */
static bool says_number(const char *note, unsigned long long *says)
{
	char rest[80] = "";

	return sscanf(note, "length %llu", says) == 1 || sscanf(note, "items %llu", says) == 1 ||
		sscanf(note, "request id %llu", says) == 1 || sscanf(note, "an item of %llu", says) == 1 ||
		sscanf(note, "%llu byte%79s", says, rest) == 2 ||
		(sscanf(note, "%llu%79s", says, rest) == 1 && !rest[0]);
}

static bool is_true(const struct row *r)
{
	const uint8_t *p = r->part->p + r->at;
	const char *quote = strrchr(r->note, '"');
	unsigned long long says;
	unsigned tag, n;

	if (sscanf(r->note, "tag %u, %u byte", &tag, &n) == 2)
		return r->n == 6 && number(p, 2) == tag && number(p + 2, 4) == n;
	if (r->note[0] == '"') {
		size_t spelt = (size_t)(quote - r->note) - 1;

		return memcmp(p, r->note + 1, spelt < r->n ? spelt : r->n) == 0;
	}
	return !says_number(r->note, &says) || number(p, r->n) == says;
}

static void every_row_stands_where_it_says_and_is_what_it_says(void)
{
	size_t said = 0, rows;
	const struct row *row = recorded_rows(&rows);

	CU_ASSERT_EQUAL(recorded_misplaced(), 0);
	CU_ASSERT(rows > 100);
	for (size_t i = 0; i < rows; i++) {
		said += row[i].note[0] != 0;
		CU_ASSERT(is_true(&row[i]));
		if (!is_true(&row[i]))
			fprintf(stderr, "%s, %04zx: %s\n", row[i].part->name, row[i].at, row[i].note);
	}
	CU_ASSERT(said > 80);
}

/* Ten bytes of head, then fields with ascending tags up to the end. */
static bool is_frame(struct bytes f)
{
	unsigned last = 0;
	size_t at = 10;

	if (f.n < 10 || number(f.p, 4) != f.n - 4)
		return false;
	while (at + 6 <= f.n && number(f.p + at, 2) > last) {
		last = (unsigned)number(f.p + at, 2);
		at += 6 + number(f.p + at + 2, 4);
	}
	return at == f.n;
}

static void every_frame_is_whole_and_has_the_type_of_its_message(void)
{
	static const char *const names[] = { "hello.proxy", "auth.request", "auth.answer", "dir.query", "dir.grant",
		"hsm.open", "hsm.opened", "auth.result", "hsm.result" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CU_ASSERT(is_frame(get(names[i])));
		CU_ASSERT_EQUAL(number(get(names[i]).p + 4, 2), recorded_type(names[i]));
	}
}

/* The field with this tag among those that begin at `at`. */
static struct bytes field_from(struct bytes b, size_t at, unsigned tag)
{
	while (at + 6 <= b.n) {
		size_t n = number(b.p + at + 2, 4);

		if (n > b.n - at - 6)
			break;
		if (number(b.p + at, 2) == tag)
			return (struct bytes){ b.p + at + 6, n };
		at += 6 + n;
	}
	CU_FAIL_FATAL("a field is missing");
	return (struct bytes){ NULL, 0 };
}

static struct bytes field(const char *frame, unsigned tag)
{
	return field_from(get(frame), 10, tag);
}

static bool same(struct bytes a, struct bytes b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool is(const char *value, const uint8_t *p, size_t n)
{
	return same(get(value), (struct bytes){ p, n });
}

/* -- SCRAM (RFC 5802, RFC 7677) ------------------------------------------------------------------------------- */

static struct bytes text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

/* Parts one after the other. */
struct joined {
	uint8_t p[RECORDED_ROOM];
	size_t n;
};

static void join(struct joined *j, struct bytes b)
{
	CU_ASSERT_FATAL(j->n + b.n <= sizeof j->p);
	if (b.n > 0)
		memcpy(j->p + j->n, b.p, b.n);
	j->n += b.n;
}

static void join_byte(struct joined *j, unsigned v)
{
	join(j, (struct bytes){ &(uint8_t){ (uint8_t)v }, 1 });
}

static struct bytes all_of(const struct joined *j)
{
	return (struct bytes){ j->p, j->n };
}

static void hmac(const EVP_MD *md, struct bytes key, struct bytes over, uint8_t *out)
{
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(HMAC(md, key.p, (int)key.n, over.p, over.n, out, &n));
}

static void hash(const EVP_MD *md, struct bytes over, uint8_t *out)
{
	CU_ASSERT_EQUAL_FATAL(EVP_Digest(over.p, over.n, out, NULL, md, NULL), 1);
}

static size_t base64(struct bytes b, char *out)
{
	return (size_t)EVP_EncodeBlock((uint8_t *)out, b.p, (int)b.n);
}

static struct bytes after(struct bytes b, const char *mark)
{
	for (size_t i = 0; i + strlen(mark) <= b.n; i++)
		if (memcmp(b.p + i, mark, strlen(mark)) == 0)
			return (struct bytes){ b.p + i + strlen(mark), b.n - i - strlen(mark) };
	CU_FAIL_FATAL("a part of a SCRAM message is missing");
	return (struct bytes){ NULL, 0 };
}

static void salt_and_salted_password_are_those_of_user_and_password(void)
{
	struct bytes password = get("service_password");
	struct joined over = { .n = 0 };
	uint8_t salt[32], salted[32];
	char encoded[64];

	join(&over, text("hsmlet scram salt"));
	join_byte(&over, 0);
	join(&over, get("service_user"));
	hmac(EVP_sha256(), get("realm"), all_of(&over), salt);
	CU_ASSERT(is("salt", salt, 16));
	base64((struct bytes){ salt, 16 }, encoded);
	CU_ASSERT_EQUAL(memcmp(after(field("auth.request", 2), ",s=").p, encoded, strlen(encoded)), 0);
	CU_ASSERT(same(after(field("auth.request", 2), ",i="), text("4096")));
	CU_ASSERT_EQUAL(PKCS5_PBKDF2_HMAC((const char *)password.p, (int)password.n, salt, 16, 4096, EVP_sha256(), 32, salted),
		1);
	CU_ASSERT(is("salted_password", salted, 32));
}

static void the_keys_are_those_of_the_salted_password(void)
{
	uint8_t client[32], stored[32], server[32];

	hmac(EVP_sha256(), get("salted_password"), text("Client Key"), client);
	hash(EVP_sha256(), (struct bytes){ client, 32 }, stored);
	hmac(EVP_sha256(), get("salted_password"), text("Server Key"), server);
	CU_ASSERT(is("client_key", client, 32));
	CU_ASSERT(is("stored_key", stored, 32));
	CU_ASSERT(is("server_key", server, 32));
}

static void proof_and_server_signature_are_over_the_three_messages(void)
{
	struct bytes hello = field("hello.proxy", 8), answer = field("auth.answer", 1), proof = after(answer, ",p=");
	struct joined over = { .n = 0 };
	uint8_t signature[32], server[32];
	char encoded[64];

	CU_ASSERT_EQUAL(memcmp(hello.p, "n,a=ACMEPARTONE,n=acmeservice,r=", 32), 0);
	join(&over, after(hello, "n,a=ACMEPARTONE,"));
	join_byte(&over, ',');
	join(&over, field("auth.request", 2));
	join_byte(&over, ',');
	join(&over, (struct bytes){ answer.p, (size_t)(proof.p - answer.p) - 3 });
	CU_ASSERT(same(get("auth_message"), all_of(&over)));
	hmac(EVP_sha256(), get("stored_key"), all_of(&over), signature);
	CU_ASSERT(is("client_signature", signature, 32));
	for (size_t i = 0; i < 32; i++)
		signature[i] ^= get("client_key").p[i];
	CU_ASSERT(is("client_proof", signature, 32));
	base64((struct bytes){ signature, 32 }, encoded);
	CU_ASSERT(same(proof, text(encoded)));
	hmac(EVP_sha256(), get("server_key"), all_of(&over), server);
	CU_ASSERT(is("server_signature", server, 32));
	base64((struct bytes){ server, 32 }, encoded);
	CU_ASSERT(same(after(field("auth.result", 1), "v="), text(encoded)));
	CU_ASSERT(same(field("dir.grant", 3), field("auth.result", 1)));
}

static void nonces_and_header_are_repeated(void)
{
	struct bytes own = after(field("hello.proxy", 8), ",r="), both = after(field("auth.request", 2), "r=");
	struct bytes again = after(field("auth.answer", 1), ",r=");
	char header[64];

	CU_ASSERT_EQUAL(own.n, 24); /* 18 random bytes */
	CU_ASSERT_EQUAL(memcmp(own.p, both.p, own.n), 0);
	CU_ASSERT_EQUAL(memcmp(both.p, again.p, 24 + 16 + 24), 0); /* the epoch, 12 bytes, and 18 more */
	base64(text("n,a=ACMEPARTONE,"), header);
	CU_ASSERT_EQUAL(memcmp(field("auth.answer", 1).p + 2, header, strlen(header)), 0);
}

/* -- query, grant, ticket ------------------------------------------------------------------------------------- */

static void b_is_the_hash_of_the_first_three_frames(void)
{
	struct joined frames = { .n = 0 };
	uint8_t b[32];

	join(&frames, get("hello.proxy"));
	join(&frames, get("auth.request"));
	join(&frames, get("auth.answer"));
	hash(EVP_sha256(), all_of(&frames), b);
	CU_ASSERT(is("binding", b, 32));
}

static void the_directory_is_asked_with_the_exact_frames(void)
{
	CU_ASSERT(same(field("dir.query", 1), get("hello.proxy")));
	CU_ASSERT(same(field("dir.query", 2), get("auth.request")));
	CU_ASSERT(same(field("dir.query", 3), get("auth.answer")));
}

static void the_ticket_is_of_this_connection_and_its_mac_is_right(void)
{
	struct bytes ticket = get("ticket"), list = field("dir.grant", 4), mac = { ticket.p + ticket.n - 32, 32 };
	struct bytes item = { list.p + 8, number(list.p + 4, 4) };
	struct joined over = { .n = 0 };
	uint8_t key[32], right[32];

	CU_ASSERT(same(field_from(item, 0, 3), ticket));
	CU_ASSERT(same(field("hsm.open", 1), ticket));
	CU_ASSERT(same(field_from(ticket, 0, 1), field("dir.grant", 1)));
	CU_ASSERT(same(field_from(ticket, 0, 2), get("binding")));
	CU_ASSERT(same(field_from(ticket, 0, 3), field("hello.proxy", 3)));
	CU_ASSERT(same(field_from(ticket, 0, 4), get("partition")));
	CU_ASSERT(same(field_from(ticket, 0, 5), field("dir.query", 4)));
	CU_ASSERT(same(field_from(ticket, 0, 7), field("auth.result", 2)));
	CU_ASSERT_EQUAL(number(field_from(ticket, 0, 9).p, 8) - number(field_from(ticket, 0, 8).p, 8),
		number(field("dir.grant", 2).p, 4));
	hmac(EVP_sha256(), get("hsm_link_secret"), text("hsmlet ticket key"), key);
	CU_ASSERT(is("ticket_key", key, 32));
	join(&over, text("hsmlet ticket"));
	join(&over, (struct bytes){ ticket.p, ticket.n - 32 });
	hmac(EVP_sha256(), (struct bytes){ key, 32 }, all_of(&over), right);
	CU_ASSERT(same(mac, (struct bytes){ right, 32 }));
}

/* -- the channel: HKDF (RFC 5869) and TLS 1.3 (RFC 8446), with SHA-384 ----------------------------------------- */

#define HASH 48

/* One block is enough for everything here. */
static void expand(struct bytes key, struct bytes info, uint8_t out[HASH])
{
	struct joined over = { .n = 0 };

	join(&over, info);
	join_byte(&over, 1);
	hmac(EVP_sha384(), key, all_of(&over), out);
}

static void expand_label(const uint8_t secret[HASH], const char *label, struct bytes context, size_t n, uint8_t out[HASH])
{
	struct joined info = { .n = 0 };

	join_byte(&info, 0);
	join_byte(&info, (unsigned)n);
	join_byte(&info, 6 + (unsigned)strlen(label));
	join(&info, text("tls13 "));
	join(&info, text(label));
	join_byte(&info, (unsigned)context.n);
	join(&info, context);
	expand((struct bytes){ secret, HASH }, all_of(&info), out);
}

static void put_field(struct joined *to, struct bytes value)
{
	join_byte(to, 0);
	join_byte(to, (unsigned)value.n);
	join(to, value);
}

static void the_psk_is_made_of_secret_binding_and_info(void)
{
	struct joined info = { .n = 0 };
	uint8_t key[HASH], psk[HASH];

	put_field(&info, text("hsmlet psk 1"));
	put_field(&info, text("client"));
	put_field(&info, text("hsm"));
	put_field(&info, get("partition"));
	put_field(&info, (struct bytes){ (const uint8_t[]){ 1 }, 1 });
	put_field(&info, get("secret_generation"));
	CU_ASSERT(same(get("psk_info"), all_of(&info)));
	hmac(EVP_sha384(), get("binding"), get("user_secret"), key);
	expand((struct bytes){ key, HASH }, all_of(&info), psk);
	CU_ASSERT(is("psk", psk, HASH));
}

/* What is left of a record without its framing. RFC 8446 5.1: the version is 0x0303 "other than an initial ClientHello",
 * where it may be 0x0301. */
static struct bytes payload(const struct part *p)
{
	bool first = strcmp(p->name, "record.1") == 0;

	CU_ASSERT(p->p[0] == 22 || (p->p[0] == 23 && !first));
	CU_ASSERT(p->p[1] == 3 && (p->p[2] == 3 || (p->p[2] == 1 && first)));
	CU_ASSERT_FATAL(p->n > 5 && number(p->p + 3, 2) == p->n - 5);
	return (struct bytes){ p->p + 5, p->n - 5 };
}

static const struct part *record(size_t number_)
{
	char name[24];

	snprintf(name, sizeof name, "record.%zu", number_);
	return recorded_part(name);
}

static void finished(const uint8_t secret[HASH], struct bytes transcript, uint8_t out[HASH])
{
	uint8_t key[HASH], digest[HASH];

	expand_label(secret, "finished", (struct bytes){ NULL, 0 }, HASH, key);
	hash(EVP_sha384(), transcript, digest);
	hmac(EVP_sha384(), (struct bytes){ key, HASH }, (struct bytes){ digest, HASH }, out);
}

/* RFC 8446 4.2.11.2: the binder covers the ClientHello up to the list of binders, which stands at its end. */
static void the_binder_in_the_client_hello_shows_the_psk(void)
{
	struct bytes hello = payload(record(1));
	uint8_t zeros[HASH] = { 0 }, early[HASH], nothing[HASH], key[HASH], binder[HASH];
	const uint8_t identity[] = { 0, 5, 1, 0, 0, 0, 1 }; /* kind user, generation 1 */

	CU_ASSERT(hello.n > 64 && hello.p[0] == 1 && number(hello.p + 1, 3) == hello.n - 4);
	CU_ASSERT_EQUAL(number(hello.p + hello.n - 51, 2), 49); /* one binder */
	CU_ASSERT_EQUAL(hello.p[hello.n - 49], HASH);
	CU_ASSERT_EQUAL(memcmp(hello.p + hello.n - 51 - 4 - sizeof identity, identity, sizeof identity), 0);
	hmac(EVP_sha384(), (struct bytes){ zeros, HASH }, get("psk"), early);
	hash(EVP_sha384(), text(""), nothing);
	expand_label(early, "ext binder", (struct bytes){ nothing, HASH }, HASH, key);
	finished(key, (struct bytes){ hello.p, hello.n - 51 }, binder);
	CU_ASSERT_EQUAL(memcmp(hello.p + hello.n - HASH, binder, HASH), 0);
	(void)after(hello, "\x0bhsmlet-op/1");
}

/* One protected record: its content, and of which type that is. */
static unsigned open_record(const struct part *p, const uint8_t secret[HASH], unsigned sequence, struct joined *out)
{
	struct bytes sealed = payload(p);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[HASH], nonce[HASH];
	int n = 0, good;

	expand_label(secret, "key", (struct bytes){ NULL, 0 }, 32, key);
	expand_label(secret, "iv", (struct bytes){ NULL, 0 }, 12, nonce);
	nonce[11] ^= (uint8_t)sequence;
	CU_ASSERT_FATAL(sealed.n > 16 && sealed.n <= RECORDED_ROOM && ctx != NULL);
	good = EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
		EVP_DecryptUpdate(ctx, NULL, &n, p->p, 5) == 1 &&
		EVP_DecryptUpdate(ctx, out->p, &n, sealed.p, (int)sealed.n - 16) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(sealed.p + sealed.n - 16)) == 1 &&
		EVP_DecryptFinal_ex(ctx, out->p + n, &(int){ 0 }) == 1;
	EVP_CIPHER_CTX_free(ctx);
	CU_ASSERT_FATAL(good);
	for (out->n = (size_t)n; out->n > 0 && out->p[out->n - 1] == 0;)
		out->n--;
	CU_ASSERT_FATAL(out->n > 0);
	return out->p[--out->n];
}

/* The conversation so far, and where in it the last Finished begins. */
struct shaken {
	struct joined transcript;
	unsigned sequence; /* of the HSM's next record under its handshake keys */
	bool hsm_finished;
};

/* Handshake messages, until a Finished, which must be right. */
static bool take_handshake(struct shaken *s, const struct joined *flight, const uint8_t secret[HASH])
{
	uint8_t right[HASH];

	for (size_t at = 0; at + 4 <= flight->n;) {
		struct bytes m = { flight->p + at, 4 + number(flight->p + at + 1, 3) };

		CU_ASSERT_FATAL(m.n <= flight->n - at);
		if (m.p[0] == 20) {
			finished(secret, all_of(&s->transcript), right);
			CU_ASSERT(m.n == 4 + HASH && memcmp(m.p + 4, right, HASH) == 0);
			join(&s->transcript, m);
			return true;
		}
		join(&s->transcript, m);
		at += m.n;
	}
	return false;
}

static void both_finished_are_right_and_the_result_is_what_the_last_record_holds(void)
{
	struct shaken s = { .sequence = 0 };
	bool client_finished = false, answered = false;
	struct joined content;
	const struct part *p;

	join(&s.transcript, payload(record(1)));
	for (size_t i = 2; (p = record(i)) != NULL; i++) {
		bool client = strcmp(p->from, "client") == 0;

		if (p->p[0] == 22) {
			join(&s.transcript, payload(p));
		} else if (p->p[0] == 23 && client) {
			CU_ASSERT(s.hsm_finished);
			CU_ASSERT_EQUAL(open_record(p, get("client_handshake_traffic_secret").p, 0, &content), 22);
			client_finished = take_handshake(&s, &content, get("client_handshake_traffic_secret").p);
		} else if (p->p[0] == 23 && !s.hsm_finished) {
			CU_ASSERT_EQUAL(open_record(p, get("server_handshake_traffic_secret").p, s.sequence++, &content), 22);
			s.hsm_finished = take_handshake(&s, &content, get("server_handshake_traffic_secret").p);
		} else if (p->p[0] == 23) {
			CU_ASSERT(client_finished);
			CU_ASSERT_EQUAL(open_record(p, get("server_application_traffic_secret_0").p, 0, &content), 23);
			CU_ASSERT(same(all_of(&content), get("hsm.result")));
			answered = true;
		}
	}
	CU_ASSERT(answered);
}

/* RFC 8446 7.5. */
static void the_hsm_has_signed_the_keying_material_of_this_channel(void)
{
	struct bytes identity = get("cluster_identity"), signature = field("hsm.result", 4), signed_text = get("signed_text");
	uint8_t nothing[HASH], secret[HASH], material[HASH];
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, identity.p, identity.n);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct joined over = { .n = 0 };

	hash(EVP_sha384(), text(""), nothing);
	expand_label(get("exporter_master_secret").p, "EXPORTER-hsmlet-identity", (struct bytes){ nothing, HASH }, HASH, secret);
	expand_label(secret, "exporter", (struct bytes){ nothing, HASH }, 32, material);
	CU_ASSERT(is("keying_material", material, 32));
	join(&over, text("hsmlet hsm.result 1"));
	join_byte(&over, 0);
	join(&over, (struct bytes){ material, 32 });
	CU_ASSERT(same(signed_text, all_of(&over)));
	CU_ASSERT(same(get("signature"), signature));
	CU_ASSERT_FATAL(key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1);
	CU_ASSERT_EQUAL(EVP_DigestVerify(ctx, signature.p, signature.n, signed_text.p, signed_text.n), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static CU_TestInfo tests[] = {
	{ "every row stands where it says and is what it says", every_row_stands_where_it_says_and_is_what_it_says },
	{ "every frame is whole and has the type of its message",
		every_frame_is_whole_and_has_the_type_of_its_message },
	{ "salt and salted password are those of user and password",
		salt_and_salted_password_are_those_of_user_and_password },
	{ "the keys are those of the salted password", the_keys_are_those_of_the_salted_password },
	{ "proof and server signature are over the three messages",
		proof_and_server_signature_are_over_the_three_messages },
	{ "nonces and header are repeated", nonces_and_header_are_repeated },
	{ "B is the hash of the first three frames", b_is_the_hash_of_the_first_three_frames },
	{ "the directory is asked with the exact frames", the_directory_is_asked_with_the_exact_frames },
	{ "the ticket is of this connection and its MAC is right",
		the_ticket_is_of_this_connection_and_its_mac_is_right },
	{ "the PSK is made of secret, binding and info", the_psk_is_made_of_secret_binding_and_info },
	{ "the binder in the ClientHello shows the PSK", the_binder_in_the_client_hello_shows_the_psk },
	{ "both Finished are right, and the result is what the last record holds",
		both_finished_are_right_and_the_result_is_what_the_last_record_holds },
	{ "the HSM has signed the keying material of this channel",
		the_hsm_has_signed_the_keying_material_of_this_channel },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	if (!recorded_read()) {
		fprintf(stderr, "doc/protocol.md has no whole recorded connection (set srcdir)\n");
		return 1;
	}
	return hl_test_main("recorded", tests);
}
