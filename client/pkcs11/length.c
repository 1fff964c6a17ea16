/* length.c - how long signatures and encrypted data are: told before the HSM is asked. */
#include "client/pkcs11/module.h"

/* -- signatures ---------------------------------------------------------------------------------------------------------- */

#define RSA_BITS_MAX 8192

static CK_ULONG bytes_of(CK_ULONG bits)
{
	return (bits + 7) / 8;
}

CK_ULONG p11_rsa_n(const struct p11_operation *op)
{
	return bytes_of(op->facts.size ? op->facts.size : RSA_BITS_MAX);
}

/* r || s; where the curve is not known, as much as the largest needs. */
CK_ULONG p11_ec_n(const struct p11_operation *op)
{
	return 2 * bytes_of(op->facts.size ? op->facts.size : 521);
}

/* FIPS 186-4, 4.2: the subprime has 256 bits at most. */
CK_ULONG p11_dsa_n(const struct p11_operation *op)
{
	return 2 * bytes_of(op->facts.order ? op->facts.order : 256);
}

/* RFC 8032, 5.1.6 and 5.2.6 */
CK_ULONG p11_ed_n(const struct p11_operation *op)
{
	return op->facts.size > 256 ? 114 : 64;
}

CK_ULONG p11_hash_n(const struct p11_operation *op)
{
	return p11_digest(op->mechanism->hash)->n;
}

CK_ULONG p11_block_n(const struct p11_operation *op)
{
	return op->mechanism->block;
}

/* PKCS #11 v3.0, 2.11: a MAC without a length of its own is half a block. */
CK_ULONG p11_half_block_n(const struct p11_operation *op)
{
	return op->mechanism->block / 2;
}

/* -- encrypted and decrypted data: C_Decrypt may be told more than there will be ---------------------------------------------- */

CK_RV p11_length_rsa(const struct p11_operation *op, bool encrypts, CK_ULONG n, struct p11_length *out)
{
	(void)n;
	*out = (struct p11_length){ .n = p11_rsa_n(op), .exact = encrypts && op->facts.size > 0 };
	return CKR_OK;
}

CK_RV p11_length_blocks(const struct p11_operation *op, bool encrypts, CK_ULONG n, struct p11_length *out)
{
	(void)encrypts;
	*out = (struct p11_length){ .n = n, .exact = true };
	return n % op->mechanism->block == 0 ? CKR_OK : CKR_DATA_LEN_RANGE;
}

CK_RV p11_length_padded(const struct p11_operation *op, bool encrypts, CK_ULONG n, struct p11_length *out)
{
	CK_ULONG block = op->mechanism->block;

	*out = (struct p11_length){ .n = encrypts ? n - n % block + block : n, .exact = encrypts };
	return encrypts || (n > 0 && n % block == 0) ? CKR_OK : CKR_DATA_LEN_RANGE;
}

/* Stream ciphers, with a tag or without: then it has no bytes. */
CK_RV p11_length_tagged(const struct p11_operation *op, bool encrypts, CK_ULONG n, struct p11_length *out)
{
	if (!encrypts && n < op->tag_n)
		return CKR_DATA_LEN_RANGE;
	*out = (struct p11_length){ .n = encrypts ? n + op->tag_n : n - op->tag_n, .exact = true };
	return CKR_OK;
}
