/* state.c - operations that are saved and go on elsewhere: what hashes its data here, which is digests, and signatures of
 * digests. The state is what the hash function knows of the data; of keys it has their names only.
 *
 *	"hsmlet 1"   8 bytes
 *	a checksum   32 bytes: SHA-256 of the rest. Who alters both gets the digest of other data, which anybody can make.
 *	operations   kind (1 byte), mechanism (4), key (8), parameter (4 and as many), hash (as long as its structure) */
#include "client/pkcs11/module.h"

#include <openssl/evp.h>

#define MAGIC "hsmlet 1"
#define HEAD (8 + 32)
#define STATE_MAX (2 * (256 + HL_PARAMETER_MAX))

static const enum p11_kind kinds[] = { P11_DIGEST, P11_SIGN, P11_VERIFY };

static bool checksum(struct hl_bytes of, uint8_t out[32])
{
	return EVP_Q_digest(NULL, "SHA256", NULL, of.p, of.n, out, NULL) == 1;
}

/* -- saved ----------------------------------------------------------------------------------------------------------------- */

/* Of an operation that has a result already there is nothing to go on with; one that wants the PIN for each use would be
 * two for one. */
static bool may_save(const struct p11_operation *op)
{
	bool hashes = !op->mechanism || op->mechanism->way == P11_HASHED;

	return hashes && !op->has_result && !op->stream.id && !op->facts.always_authenticate;
}

static bool save(enum p11_kind kind, struct p11_operation *op, struct hl_buf *out)
{
	const struct p11_digest *d = p11_operation_digest_of(op);

	if (!may_save(op) || !d || p11_operation_hash(op, d, NULL, 0) != CKR_OK)
		return false;
	hl_buf_u8(out, (uint8_t)kind);
	hl_buf_u32(out, (uint32_t)(op->mechanism ? op->mechanism->type : d->type));
	hl_buf_u64(out, op->mechanism ? op->remote : 0);
	hl_buf_u32(out, (uint32_t)op->parameter.n);
	hl_buf_put(out, hl_buf_view(&op->parameter));
	hl_buf_u8(out, op->updated);
	return p11_hash_save(op->hash, out);
}

/* One key comes back with the state, so a signature that is made and one that is compared cannot both be in it. */
static CK_RV save_all(struct p11_session *s, struct hl_buf *out)
{
	bool some = false, good = true;

	for (int kind = P11_DIGEST; kind < P11_KINDS; kind++) {
		if (!p11_operation_is_active(s, (enum p11_kind)kind))
			continue;
		some = true;
		good = good && kind <= P11_VERIFY && save((enum p11_kind)kind, &s->op[kind], out);
	}
	if (!some)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (s->op[P11_SIGN].active && s->op[P11_VERIFY].active)
		good = false;
	return good ? CKR_OK : CKR_STATE_UNSAVEABLE;
}

CK_RV p11_GetOperationState(
	CK_SESSION_HANDLE hSession, CK_BYTE_PTR pOperationState, CK_ULONG_PTR pulOperationStateLen)
{
	P11_SESSION(s, hSession);
	HL_AUTO(hl_buf_clear) struct hl_buf all = hl_buf(STATE_MAX);
	struct hl_bytes state;
	uint8_t sum[32];
	CK_RV rv;

	if (!pulOperationStateLen)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(save_all(s, &all));
	state = hl_buf_view(&all);
	if (all.err != HL_OK || !checksum(state, sum))
		return all.err == HL_E_NOMEM ? CKR_HOST_MEMORY : CKR_STATE_UNSAVEABLE;
	if (p11_asks_length(HEAD + state.n, pOperationState, pulOperationStateLen, &rv))
		return rv;
	memcpy(pOperationState, MAGIC, 8);
	memcpy(pOperationState + 8, sum, sizeof sum);
	memcpy(pOperationState + HEAD, state.p, state.n);
	*pulOperationStateLen = HEAD + state.n;
	return CKR_OK;
}

/* -- brought back ------------------------------------------------------------------------------------------------------------- */

/* What stands in a state, before it is the session's. */
struct saved {
	bool present;
	CK_MECHANISM_TYPE type;
	uint64_t key;
	struct hl_bytes parameter;
	bool updated;
	struct p11_hash *hash;
};

struct all {
	struct saved of[P11_KINDS];
};

static void all_clear(struct all *a)
{
	for (size_t i = 0; i < HL_COUNT(kinds); i++)
		p11_hash_free(a->of[kinds[i]].hash);
}

static const struct p11_digest *digest_of(enum p11_kind kind, CK_MECHANISM_TYPE type)
{
	const struct p11_mechanism *m = kind == P11_DIGEST ? NULL : p11_mechanism(type);

	if (kind == P11_DIGEST)
		return p11_digest(type);
	return m && m->way == P11_HASHED ? p11_digest(m->hash) : NULL;
}

static CK_RV read_one(struct hl_rd *r, struct all *out)
{
	unsigned kind = hl_rd_u8(r);
	const struct p11_digest *d;
	struct saved *one;

	if (kind < P11_DIGEST || kind > P11_VERIFY || out->of[kind].present)
		return CKR_SAVED_STATE_INVALID;
	one = &out->of[kind];
	one->present = true;
	one->type = hl_rd_u32(r);
	one->key = hl_rd_u64(r);
	one->parameter = hl_rd_bytes(r, hl_rd_u32(r));
	one->updated = hl_rd_u8(r) != 0;
	d = digest_of((enum p11_kind)kind, one->type);
	if (!d || r->err != HL_OK || one->parameter.n > HL_PARAMETER_MAX)
		return CKR_SAVED_STATE_INVALID;
	return p11_hash_load(d, r, &one->hash);
}

static CK_RV read_all(struct hl_bytes state, struct all *out)
{
	struct hl_rd r = hl_rd(state);
	struct hl_bytes magic = hl_rd_bytes(&r, 8), sum = hl_rd_bytes(&r, 32);
	uint8_t right[32];

	if (r.err != HL_OK || r.left == 0 || !hl_bytes_eq(magic, hl_text(MAGIC)) ||
		!checksum(hl_bytes(r.p, r.left), right) || !hl_bytes_eq(sum, hl_bytes(right, sizeof right)))
		return CKR_SAVED_STATE_INVALID;
	while (r.left > 0)
		P11_TRY(read_one(&r, out));
	return out->of[P11_SIGN].present && out->of[P11_VERIFY].present ? CKR_SAVED_STATE_INVALID : CKR_OK;
}

static CK_RV check_keys(const struct all *a, CK_OBJECT_HANDLE encryption, CK_OBJECT_HANDLE authentication)
{
	bool needed = a->of[P11_SIGN].present || a->of[P11_VERIFY].present;

	if (encryption != CK_INVALID_HANDLE || (authentication != CK_INVALID_HANDLE && !needed))
		return CKR_KEY_NOT_NEEDED;
	return needed && authentication == CK_INVALID_HANDLE ? CKR_KEY_NEEDED : CKR_OK;
}

static CK_RV bring_back(struct p11_session *s, enum p11_kind kind, struct saved *from, CK_OBJECT_HANDLE key)
{
	struct p11_operation *op = &s->op[kind];

	p11_operation_start(s, op);
	hl_buf_put(&op->parameter, from->parameter);
	op->updated = from->updated;
	op->hash = hl_take(from->hash);
	op->active = true;
	if (op->parameter.err != HL_OK)
		return CKR_HOST_MEMORY;
	if (kind == P11_DIGEST) {
		op->remote = from->type;
		return CKR_OK;
	}
	P11_TRY(p11_operation_resume(s, kind, from->type, key, op));
	return op->remote == from->key ? CKR_OK : CKR_KEY_CHANGED;
}

/* PKCS #11 v3.0, 5.6.6: the session then has these operations, and none of those that it had. */
CK_RV p11_SetOperationState(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pOperationState, CK_ULONG ulOperationStateLen,
	CK_OBJECT_HANDLE hEncryptionKey, CK_OBJECT_HANDLE hAuthenticationKey)
{
	P11_SESSION(s, hSession);
	HL_AUTO(all_clear) struct all a = { 0 };
	CK_RV rv = CKR_OK;

	if (!pOperationState || !p11_bytes_ok(pOperationState, ulOperationStateLen))
		return CKR_ARGUMENTS_BAD;
	if (ulOperationStateLen > HEAD + STATE_MAX)
		return CKR_SAVED_STATE_INVALID;
	P11_TRY(read_all(hl_bytes(pOperationState, ulOperationStateLen), &a));
	P11_TRY(check_keys(&a, hEncryptionKey, hAuthenticationKey));
	for (int kind = P11_DIGEST; kind < P11_KINDS; kind++)
		p11_operation_end(&s->op[kind]);
	for (size_t i = 0; i < HL_COUNT(kinds) && rv == CKR_OK; i++)
		if (a.of[kinds[i]].present)
			rv = bring_back(s, kinds[i], &a.of[kinds[i]], hAuthenticationKey);
	for (int kind = P11_DIGEST; kind < P11_KINDS && rv != CKR_OK; kind++)
		p11_operation_end(&s->op[kind]);
	return rv;
}
