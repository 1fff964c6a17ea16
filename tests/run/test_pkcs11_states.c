/* Operations that are saved and go on elsewhere, two operations in one call, and data of several MiB. */
#include <stdlib.h>

#include <openssl/evp.h>

#include "tests/support/p11_world.h"

static CK_BYTE data[] = "what is hashed, signed and encrypted here, in parts that come at any time";
#define DATA_N (sizeof data - 1)
#define STATE_ROOM 4096

static CK_BYTE iv[16] = "sixteen byte iv";
static CK_MECHANISM ctr_of(CK_AES_CTR_PARAMS *p)
{
	*p = (CK_AES_CTR_PARAMS){ .ulCounterBits = 128 };
	memcpy(p->cb, iv, sizeof p->cb);
	return (CK_MECHANISM){ CKM_AES_CTR, p, sizeof *p };
}

static void digest_of(const char *name, const void *in, size_t n, CK_BYTE out[64])
{
	CU_ASSERT_EQUAL(EVP_Q_digest(NULL, name, NULL, in, n, out, NULL), 1);
}

static CK_ULONG save(CK_SESSION_HANDLE s, CK_BYTE state[STATE_ROOM])
{
	CK_ULONG n = STATE_ROOM;

	IS(OK, C_GetOperationState(s, state, &n));
	return n;
}

/* -- saved ----------------------------------------------------------------------------------------------------------- */

static void a_digest_that_is_saved_goes_on_in_another_session(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		const char *name;
	} all[] = { { CKM_MD5, "MD5" }, { CKM_RIPEMD160, "RIPEMD160" }, { CKM_SHA_1, "SHA1" }, { CKM_SHA224, "SHA224" },
		{ CKM_SHA256, "SHA256" }, { CKM_SHA384, "SHA384" }, { CKM_SHA512, "SHA512" } };
	CK_BYTE state[STATE_ROOM], want[64], got[64], again[64], much[300];
	CK_SESSION_HANDLE s, other;

	memset(much, 'm', sizeof much);
	IS(OK, C_Initialize(NULL));
	s = open_session(RO); /* without a login */
	other = open_session(RO);
	for (size_t i = 0; i < HL_COUNT(all); i++)
		for (CK_ULONG cut = 0; cut < sizeof much; cut += 43) {
			CK_ULONG n = 0, m, k = sizeof got, l = sizeof again;

			IS(OK, C_DigestInit(s, &(CK_MECHANISM){ all[i].type, NULL, 0 }));
			IS(OK, C_DigestUpdate(s, much, cut));
			IS(OK, C_GetOperationState(s, NULL, &n));
			m = n - 1;
			IS(BUFFER_TOO_SMALL, C_GetOperationState(s, state, &m));
			CU_ASSERT_EQUAL(m, n);
			CU_ASSERT_EQUAL(save(s, state), n);
			IS(OK, C_SetOperationState(other, state, n, 0, 0));
			IS(OK, C_DigestUpdate(s, much + cut, sizeof much - cut)); /* it goes on here, too */
			IS(OK, C_DigestFinal(s, got, &k));
			IS(OK, C_DigestUpdate(other, much + cut, sizeof much - cut));
			IS(OK, C_DigestFinal(other, again, &l));
			digest_of(all[i].name, much, sizeof much, want);
			CU_ASSERT(k == l && memcmp(got, want, k) == 0 && memcmp(again, want, k) == 0);
		}
	p11_over();
}

static void a_state_that_was_altered_or_cut_is_none(void)
{
	CK_BYTE state[STATE_ROOM], out[32];
	CK_SESSION_HANDLE s, other;
	CK_ULONG n, m = sizeof out;

	IS(OK, C_Initialize(NULL));
	s = open_session(RO);
	other = open_session(RO);
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_DigestUpdate(s, data, DATA_N));
	n = save(s, state);
	for (CK_ULONG i = 0; i < n; i++) {
		state[i] ^= 0x10;
		IS(SAVED_STATE_INVALID, C_SetOperationState(other, state, n, 0, 0));
		state[i] ^= 0x10;
		IS(SAVED_STATE_INVALID, C_SetOperationState(other, state, i, 0, 0));
	}
	IS(SAVED_STATE_INVALID, C_SetOperationState(other, state, n + 1, 0, 0));
	IS(ARGUMENTS_BAD, C_SetOperationState(other, NULL, n, 0, 0));
	IS(ARGUMENTS_BAD, C_GetOperationState(s, state, NULL));
	IS(OPERATION_NOT_INITIALIZED, C_DigestFinal(other, out, &m)); /* nothing came of them */
	IS(OK, C_DigestFinal(s, out, &m));
	p11_over();
}

/* Who alters the checksum too gets no further than the bounds: what waits in the block is counted, and must be less than
 * the block. */
static void a_state_that_was_made_by_hand_leads_nowhere(void)
{
	CK_BYTE state[STATE_ROOM], out[32];
	CK_SESSION_HANDLE s;
	CK_ULONG n, m;

	IS(OK, C_Initialize(NULL));
	s = open_session(RO);
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_DigestUpdate(s, data, DATA_N));
	n = save(s, state);
	for (CK_ULONG i = 40; i < n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			CK_RV rv;

			state[i] ^= (CK_BYTE)(1u << bit);
			digest_of("SHA256", state + 40, n - 40, state + 8);
			rv = p11_f->C_SetOperationState(s, state, n, 0, 0);
			CU_ASSERT(rv == CKR_OK || rv == CKR_SAVED_STATE_INVALID || rv == CKR_KEY_NEEDED);
			m = sizeof out;
			if (rv == CKR_OK && p11_f->C_DigestUpdate(s, data, DATA_N) == CKR_OK)
				p11_f->C_DigestFinal(s, out, &m);
			p11_f->C_SessionCancel(s, CKF_DIGEST);
			state[i] ^= (CK_BYTE)(1u << bit);
		}
	p11_over();
}

/* Where the parts of the first operation stand in a state (client/pkcs11/state.c). */
enum { STATE_KIND = 40, STATE_MECHANISM = 41, STATE_KEY = 45, STATE_PARAMETER = 53, STATE_UPDATED = 57, STATE_HASH };

/* As somebody writes one who knows the checksum, too. */
static CK_RV bring_back_by_hand(CK_SESSION_HANDLE s, CK_BYTE *state, CK_ULONG n, CK_OBJECT_HANDLE key)
{
	if (n > STATE_KIND)
		digest_of("SHA256", state + STATE_KIND, n - STATE_KIND, state + 8);
	return p11_f->C_SetOperationState(s, state, n, 0, key);
}

static CK_ULONG signature_state(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE state[STATE_ROOM])
{
	CK_ULONG n;

	IS(OK, C_SignInit(s, &ecdsa, key));
	IS(OK, C_SignUpdate(s, data, 10));
	n = save(s, state);
	IS(OK, C_SessionCancel(s, CKF_SIGN));
	return n;
}

/* A session that was offered nonsense still hashes what it was hashing. */
static void begin_digest(CK_SESSION_HANDLE s)
{
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_DigestUpdate(s, data, 10));
}

static void digest_goes_on(CK_SESSION_HANDLE s)
{
	CK_BYTE want[64], got[32];
	CK_ULONG n = sizeof got;

	digest_of("SHA256", data, DATA_N, want);
	IS(OK, C_DigestUpdate(s, data + 10, DATA_N - 10));
	IS(OK, C_DigestFinal(s, got, &n));
	CU_ASSERT(n == 32 && memcmp(got, want, 32) == 0);
}

static void a_state_that_ends_early_behind_a_right_checksum_is_none(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme), other = open_session(RO);
	CK_OBJECT_HANDLE key = pair_of(s).key;
	CK_BYTE state[STATE_ROOM];
	CK_ULONG n = signature_state(s, key, state);

	begin_digest(other);
	for (CK_ULONG cut = 0; cut < n; cut++) {
		CK_BYTE part[STATE_ROOM];

		memcpy(part, state, n);
		CU_ASSERT_EQUAL(bring_back_by_hand(other, part, cut, key), CKR_SAVED_STATE_INVALID);
	}
	state[n] = state[STATE_KIND]; /* and one that goes on with half an operation */
	CU_ASSERT_EQUAL(bring_back_by_hand(other, state, n + 1, key), CKR_SAVED_STATE_INVALID);
	digest_goes_on(other);
	CU_ASSERT_EQUAL(bring_back_by_hand(other, state, n, key), CKR_OK);
	p11_over();
}

/* Each part is read where it was written, in the order in which it was. */
static void each_part_of_a_state_is_read_in_its_place(void)
{
	static const struct {
		CK_ULONG at;
		CK_BYTE flip;
		CK_RV rv;
	} row[] = {
		{ STATE_KIND, 0x40, CKR_SAVED_STATE_INVALID },
		{ STATE_MECHANISM, 0x40, CKR_SAVED_STATE_INVALID },
		{ STATE_MECHANISM + 3, 0x01, CKR_SAVED_STATE_INVALID }, /* CKM_ECDSA_SHA384: this is no hash of it */
		{ STATE_KEY, 0x55, CKR_KEY_CHANGED },
		{ STATE_KEY + 7, 0x55, CKR_KEY_CHANGED },
		{ STATE_PARAMETER, 0xff, CKR_SAVED_STATE_INVALID },     /* 4 GiB of it */
		{ STATE_PARAMETER + 3, 1, CKR_SAVED_STATE_INVALID },    /* it takes from what comes next */
	};
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme), other = open_session(RO);
	CK_OBJECT_HANDLE key = pair_of(s).key;
	CK_BYTE state[STATE_ROOM], twice[STATE_ROOM];
	CK_ULONG n = signature_state(s, key, state);

	for (size_t i = 0; i < HL_COUNT(row); i++) {
		state[row[i].at] ^= row[i].flip;
		begin_digest(other);
		CU_ASSERT_EQUAL(bring_back_by_hand(other, state, n, key), row[i].rv);
		if (row[i].rv == CKR_SAVED_STATE_INVALID)
			digest_goes_on(other);
		else /* it was read, and then its key was not the one: nothing of either is left */
			IS(OPERATION_NOT_INITIALIZED, C_DigestUpdate(other, data, 1));
		state[row[i].at] ^= row[i].flip;
	}
	memcpy(twice, state, n);
	memcpy(twice + n, state + STATE_KIND, n - STATE_KIND);
	begin_digest(other);
	CU_ASSERT_EQUAL(bring_back_by_hand(other, twice, 2 * n - STATE_KIND, key), CKR_SAVED_STATE_INVALID);
	digest_goes_on(other);
	CU_ASSERT_EQUAL(bring_back_by_hand(other, state, n, key), CKR_OK);
	p11_over();
}

/* Any bit: what comes back is a code that the standard has for this, and the session works. */
static void a_signature_state_with_any_bit_altered_does_no_harm(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme), other = open_session(RO);
	struct p11_pair p = pair_of(s);
	CK_BYTE state[STATE_ROOM], out[64];
	CK_ULONG n = signature_state(s, p.key, state), m;
	unsigned done = 0;

	for (CK_ULONG i = STATE_KIND; i < n; i++)
		for (unsigned bit = 0; bit < 8; bit += 1 + (unsigned)(hl_test_stride() > 1)) {
			CK_RV rv;

			state[i] ^= (CK_BYTE)(1u << bit);
			rv = bring_back_by_hand(other, state, n, p.key);
			CU_ASSERT(rv == CKR_OK || rv == CKR_SAVED_STATE_INVALID || rv == CKR_KEY_CHANGED ||
				rv == CKR_KEY_NOT_NEEDED || rv == CKR_KEY_FUNCTION_NOT_PERMITTED || rv == CKR_KEY_TYPE_INCONSISTENT);
			done += rv == CKR_OK;
			m = sizeof out;
			if (rv == CKR_OK && i >= STATE_HASH && bit == 0) /* of other data */
				IS(OK, C_SignFinal(other, out, &m));
			IS(OK, C_SessionCancel(other, CKF_SIGN | CKF_VERIFY | CKF_DIGEST));
			state[i] ^= (CK_BYTE)(1u << bit);
		}
	CU_ASSERT(done > 0); /* the hash has bits that mean something */
	begin_digest(other);
	digest_goes_on(other);
	p11_over();
}

static void a_signature_that_is_saved_wants_its_key(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme), other = open_session(RO);
	struct p11_pair p = pair_of(s), q;
	CK_BYTE state[STATE_ROOM], out[64];
	CK_ULONG n, m = sizeof out;

	CU_ASSERT_EQUAL(p11_make_p256(s, "another", &q), CKR_OK);
	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_SignUpdate(s, data, 10));
	n = save(s, state);
	IS(KEY_NEEDED, C_SetOperationState(other, state, n, 0, 0));
	IS(KEY_NOT_NEEDED, C_SetOperationState(other, state, n, p.key, p.key));
	IS(KEY_CHANGED, C_SetOperationState(other, state, n, 0, q.key));
	IS(KEY_HANDLE_INVALID, C_SetOperationState(other, state, n, 0, NO_HANDLE));
	IS(OPERATION_NOT_INITIALIZED, C_SignUpdate(other, data, 1));
	IS(OK, C_SetOperationState(other, state, n, 0, p.key));
	IS(OK, C_SignUpdate(other, data + 10, DATA_N - 10));
	IS(OK, C_SignFinal(other, out, &m));
	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key));
	IS(OK, C_Verify(s, data, DATA_N, out, m));
	IS(OK, C_VerifyInit(other, &ecdsa, p.public_key));
	IS(OK, C_VerifyUpdate(other, data, 7));
	n = save(other, state);
	IS(OK, C_SetOperationState(other, state, n, 0, p.public_key)); /* in the place of itself */
	IS(OK, C_VerifyUpdate(other, data + 7, DATA_N - 7));
	IS(OK, C_VerifyFinal(other, out, m));
	IS(OK, C_DigestInit(other, &sha256));
	n = save(other, state);
	IS(KEY_NOT_NEEDED, C_SetOperationState(s, state, n, 0, p.key));
	p11_over();
}

static void what_cannot_be_saved_says_so(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_MECHANISM sha3 = { CKM_SHA3_256, NULL, 0 }, plain = { CKM_ECDSA, NULL, 0 };
	CK_AES_CTR_PARAMS p;
	CK_MECHANISM ctr = ctr_of(&p);
	CK_OBJECT_HANDLE key = pair_of(s).key, aes = aes_of(s);
	CK_BYTE state[STATE_ROOM];
	CK_ULONG n = sizeof state;

	IS(OPERATION_NOT_INITIALIZED, C_GetOperationState(s, state, &n));
	IS(OK, C_FindObjectsInit(s, NULL, 0)); /* no cryptographic operation */
	IS(OPERATION_NOT_INITIALIZED, C_GetOperationState(s, state, &n));
	IS(OK, C_DigestInit(s, &sha3));
	IS(STATE_UNSAVEABLE, C_GetOperationState(s, state, &n));
	IS(OK, C_SessionCancel(s, CKF_DIGEST));
	IS(OK, C_SignInit(s, &plain, key));
	IS(STATE_UNSAVEABLE, C_GetOperationState(s, NULL, &n));
	IS(OK, C_SessionCancel(s, CKF_SIGN));
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_EncryptInit(s, &ctr, aes));
	IS(STATE_UNSAVEABLE, C_GetOperationState(s, state, &n)); /* one of two */
	p11_over();
}

/* -- a key as data ------------------------------------------------------------------------------------------------------ */

static void a_key_that_may_be_read_is_digested_and_no_other(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ATTRIBUTE open[] = { ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes) };
	CK_BYTE value[16], got[32], want[64], all[16 + 16 + 4];
	CK_ATTRIBUTE read = { CKA_VALUE, value, sizeof value };
	CK_OBJECT_HANDLE readable, closed;
	CK_ULONG n = sizeof got;

	CU_ASSERT_EQUAL(make_session_aes(s, open, 2, &readable), CKR_OK);
	CU_ASSERT_EQUAL(make_session_aes(s, NULL, 0, &closed), CKR_OK);
	IS(OK, C_GetAttributeValue(s, readable, &read, 1));
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_DigestKey(s, readable));
	IS(OK, C_DigestUpdate(s, data, 4));
	IS(OK, C_DigestKey(s, readable));
	IS(OK, C_DigestFinal(s, got, &n));
	memcpy(all, value, 16);
	memcpy(all + 16, data, 4);
	memcpy(all + 20, value, 16);
	digest_of("SHA256", all, sizeof all, want);
	CU_ASSERT(n == 32 && memcmp(got, want, 32) == 0);
	IS(OPERATION_NOT_INITIALIZED, C_DigestKey(s, readable));
	IS(OK, C_DigestInit(s, &sha256));
	IS(KEY_INDIGESTIBLE, C_DigestKey(s, closed)); /* K-16: its digest would prove a guess */
	IS(OPERATION_NOT_INITIALIZED, C_DigestFinal(s, got, &n));
	IS(OK, C_DigestInit(s, &sha256));
	IS(KEY_INDIGESTIBLE, C_DigestKey(s, pair_of(s).key));
	IS(OK, C_DigestInit(s, &sha256));
	IS(KEY_HANDLE_INVALID, C_DigestKey(s, NO_HANDLE));
	p11_over();
}

/* -- two at once ---------------------------------------------------------------------------------------------------------- */

#define PART 24

/* What does not fit changes neither of the two. */
static CK_ULONG one_part(CK_RV (*update)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR),
	CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out)
{
	CK_ULONG m = 0;

	CU_ASSERT_EQUAL(update(s, in, n, NULL, &m), CKR_OK);
	CU_ASSERT(m >= n);
	m = n - 1;
	CU_ASSERT_EQUAL(update(s, in, n, out, &m), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(m, n);
	CU_ASSERT_EQUAL(update(s, in, n, out, &m), CKR_OK);
	return m;
}

static void data_is_digested_as_it_is_encrypted_and_decrypted(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key = aes_of(s);
	CK_AES_CTR_PARAMS p;
	CK_MECHANISM ctr = ctr_of(&p);
	CK_BYTE sealed[DATA_N], clear[DATA_N], place[DATA_N], want[64], got[32];
	CK_ULONG n, m = sizeof got;

	digest_of("SHA256", data, 3 * PART, want);
	IS(OK, C_DigestInit(s, &sha256));
	IS(OPERATION_NOT_INITIALIZED, C_DigestEncryptUpdate(s, data, 1, sealed, &m));
	IS(OK, C_EncryptInit(s, &ctr, key));
	for (CK_ULONG at = 0; at < 3 * PART; at += PART)
		CU_ASSERT_EQUAL(one_part(p11_f->C_DigestEncryptUpdate, s, data + at, PART, sealed + at), PART);
	n = 0;
	IS(OK, C_EncryptFinal(s, NULL, &n));
	IS(OK, C_EncryptFinal(s, clear, &n));
	m = sizeof got;
	IS(OK, C_DigestFinal(s, got, &m));
	CU_ASSERT(memcmp(got, want, 32) == 0);
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_DecryptInit(s, &ctr, key));
	for (CK_ULONG at = 0; at < 3 * PART; at += PART)
		CU_ASSERT_EQUAL(one_part(p11_f->C_DecryptDigestUpdate, s, sealed + at, PART, clear + at), PART);
	m = sizeof got;
	IS(OK, C_DigestFinal(s, got, &m));
	CU_ASSERT(memcmp(got, want, 32) == 0 && memcmp(clear, data, 3 * PART) == 0);
	IS(OK, C_SessionCancel(s, CKF_DECRYPT));
	memcpy(place, data, sizeof place); /* in and out in one place */
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_EncryptInit(s, &ctr, key));
	n = 3 * PART;
	IS(OK, C_DigestEncryptUpdate(s, place, 3 * PART, place, &n));
	m = sizeof got;
	IS(OK, C_DigestFinal(s, got, &m));
	CU_ASSERT(memcmp(got, want, 32) == 0 && memcmp(place, sealed, 3 * PART) == 0);
	p11_over();
}

static void data_is_signed_as_it_is_encrypted_and_verified_as_it_is_decrypted(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key = aes_of(s);
	struct p11_pair pair = pair_of(s);
	CK_AES_CTR_PARAMS p;
	CK_MECHANISM ctr = ctr_of(&p);
	CK_BYTE sealed[DATA_N], clear[DATA_N], signature[64];
	CK_ULONG n = sizeof signature;

	IS(OK, C_SignInit(s, &ecdsa, pair.key));
	IS(OK, C_EncryptInit(s, &ctr, key));
	for (CK_ULONG at = 0; at < 3 * PART; at += PART)
		CU_ASSERT_EQUAL(one_part(p11_f->C_SignEncryptUpdate, s, data + at, PART, sealed + at), PART);
	IS(OK, C_SignFinal(s, signature, &n));
	IS(OK, C_SessionCancel(s, CKF_ENCRYPT));
	IS(OK, C_VerifyInit(s, &ecdsa, pair.public_key));
	IS(OK, C_DecryptInit(s, &ctr, key));
	for (CK_ULONG at = 0; at < 3 * PART; at += PART)
		CU_ASSERT_EQUAL(one_part(p11_f->C_DecryptVerifyUpdate, s, sealed + at, PART, clear + at), PART);
	IS(OK, C_VerifyFinal(s, signature, n));
	CU_ASSERT_EQUAL(memcmp(clear, data, 3 * PART), 0);
	IS(OK, C_VerifyInit(s, &ecdsa, pair.public_key));
	IS(ARGUMENTS_BAD, C_DecryptVerifyUpdate(s, NULL, 4, clear, &n)); /* ends both */
	IS(OPERATION_NOT_INITIALIZED, C_VerifyUpdate(s, data, 1));
	IS(OPERATION_NOT_INITIALIZED, C_DecryptUpdate(s, data, 1, clear, &n));
	p11_over();
}

/* -- several MiB ------------------------------------------------------------------------------------------------------------ */

#define MUCH (3u << 20)

static CK_BYTE *buffer(CK_ULONG n)
{
	CK_BYTE *b = malloc(n);

	if (!b)
		abort();
	for (CK_ULONG i = 0; i < n; i++)
		b[i] = (CK_BYTE)(i * 7 + i / 4096);
	return b;
}

static void there_and_back(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ULONG more)
{
	CK_BYTE *in = buffer(MUCH), *out = buffer(MUCH + 64), *back = buffer(MUCH + 64);
	CK_ULONG n = 0, k = MUCH + 64;

	memset(back, 0, MUCH);
	IS(OK, C_EncryptInit(s, m, aes_of(s)));
	IS(OK, C_Encrypt(s, in, MUCH, NULL, &n));
	CU_ASSERT_EQUAL(n, MUCH + more);
	n--;
	IS(BUFFER_TOO_SMALL, C_Encrypt(s, in, MUCH, out, &n));
	IS(OK, C_Encrypt(s, in, MUCH, out, &n));
	CU_ASSERT_EQUAL(n, MUCH + more);
	IS(OK, C_DecryptInit(s, m, aes_of(s)));
	IS(OK, C_Decrypt(s, out, n, back, &k));
	CU_ASSERT(k == MUCH && memcmp(in, back, MUCH) == 0);
	if (m->mechanism == CKM_AES_GCM) {
		out[MUCH / 2] ^= 1;
		IS(OK, C_DecryptInit(s, m, aes_of(s)));
		IS(ENCRYPTED_DATA_INVALID, C_Decrypt(s, out, n, back, &k));
	}
	free(in);
	free(out);
	free(back);
}

static void several_mib_are_encrypted_and_decrypted_in_one_call(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_GCM_PARAMS gcm = { .pIv = iv, .ulIvLen = 12, .ulTagBits = 128 };
	CK_AES_CTR_PARAMS p;
	CK_MECHANISM m[] = { { CKM_AES_GCM, &gcm, sizeof gcm }, { CKM_AES_CBC_PAD, iv, 16 }, { CKM_AES_CBC, iv, 16 }, ctr_of(&p) };
	CK_BYTE *big = buffer(6u << 20);
	CK_ULONG n = 6u << 20;

	there_and_back(s, &m[0], 16);
	there_and_back(s, &m[1], 16);
	there_and_back(s, &m[2], 0);
	there_and_back(s, &m[3], 0);
	IS(OK, C_DecryptInit(s, &m[0], aes_of(s))); /* nobody keeps so much back until a tag is seen */
	IS(ENCRYPTED_DATA_LEN_RANGE, C_Decrypt(s, big, n, big, &n));
	IS(OPERATION_NOT_INITIALIZED, C_Decrypt(s, big, n, big, &n));
	free(big);
	p11_over();
}

static void several_mib_are_signed_in_one_call(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ATTRIBUTE signs[] = { ATTRIBUTE(CKA_SIGN, yes), ATTRIBUTE(CKA_VERIFY, yes) };
	CK_MECHANISM cmac = { CKM_AES_CMAC, NULL, 0 };
	CK_BYTE *in = buffer(MUCH), mac[16], parts[16], signature[64];
	CK_ULONG n = sizeof mac, k = sizeof signature, m = sizeof parts;
	CK_OBJECT_HANDLE key;

	CU_ASSERT_EQUAL(make_session_aes(s, signs, 2, &key), CKR_OK);
	IS(OK, C_SignInit(s, &cmac, key));
	IS(OK, C_Sign(s, in, MUCH, mac, &n));
	IS(OK, C_SignInit(s, &cmac, key));
	for (CK_ULONG at = 0; at < MUCH; at += MUCH / 4)
		IS(OK, C_SignUpdate(s, in + at, MUCH / 4));
	IS(OK, C_SignFinal(s, parts, &m));
	CU_ASSERT(n == 16 && m == 16 && memcmp(mac, parts, 16) == 0);
	IS(OK, C_VerifyInit(s, &cmac, key));
	IS(OK, C_Verify(s, in, MUCH, mac, 16));
	IS(OK, C_SignInit(s, &ecdsa, pair_of(s).key));
	IS(OK, C_Sign(s, in, MUCH, signature, &k));
	IS(OK, C_VerifyInit(s, &ecdsa, pair_of(s).public_key));
	IS(OK, C_Verify(s, in, MUCH, signature, k));
	in[MUCH - 1] ^= 1;
	IS(OK, C_VerifyInit(s, &cmac, key));
	IS(SIGNATURE_INVALID, C_Verify(s, in, MUCH, mac, 16));
	free(in);
	p11_over();
}

static void a_message_of_several_mib_has_its_tag(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_MECHANISM gcm = { CKM_AES_GCM, NULL, 0 };
	CK_BYTE *in = buffer(MUCH), *out = buffer(MUCH), nonce[12] = { 3 }, tag[16];
	CK_GCM_MESSAGE_PARAMS g = { nonce, 12, 0, CKG_GENERATE, tag, 128 };
	CK_ULONG n = MUCH, m = MUCH;

	IS(OK, C_MessageEncryptInit(s, &gcm, aes_of(s)));
	IS(OK, C_EncryptMessage(s, &g, sizeof g, data, 5, in, MUCH, out, &n));
	CU_ASSERT(n == MUCH && memcmp(in, out, 64) != 0);
	IS(OK, C_MessageDecryptInit(s, &gcm, aes_of(s)));
	IS(OK, C_DecryptMessageBegin(s, &g, sizeof g, data, 5));
	IS(OK, C_DecryptMessageNext(s, &g, sizeof g, out, MUCH / 2, in, &m, 0));
	m = MUCH;
	memset(in, 0, MUCH);
	IS(OK, C_DecryptMessageNext(s, &g, sizeof g, out + MUCH / 2, MUCH / 2, in, &m, CKF_END_OF_MESSAGE));
	CU_ASSERT_EQUAL(m, MUCH);
	for (CK_ULONG i = 0; i < MUCH; i += 4095)
		CU_ASSERT_EQUAL(in[i], (CK_BYTE)(i * 7 + i / 4096));
	free(in);
	free(out);
	p11_over();
}

/* clang-format off */
static CU_TestInfo tests[] = {
	TEST(a_digest_that_is_saved_goes_on_in_another_session),
	TEST(a_state_that_was_altered_or_cut_is_none),
	TEST(a_state_that_was_made_by_hand_leads_nowhere),
	TEST(a_state_that_ends_early_behind_a_right_checksum_is_none),
	TEST(each_part_of_a_state_is_read_in_its_place),
	TEST(a_signature_state_with_any_bit_altered_does_no_harm),
	TEST(a_signature_that_is_saved_wants_its_key),
	TEST(what_cannot_be_saved_says_so),
	TEST(a_key_that_may_be_read_is_digested_and_no_other),
	TEST(data_is_digested_as_it_is_encrypted_and_decrypted),
	TEST(data_is_signed_as_it_is_encrypted_and_verified_as_it_is_decrypted),
	TEST(several_mib_are_encrypted_and_decrypted_in_one_call),
	TEST(several_mib_are_signed_in_one_call),
	TEST(a_message_of_several_mib_has_its_tag),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

int main(void)
{
	return p11_world_main("pkcs11 states", tests, NULL);
}
