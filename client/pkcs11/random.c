#include "client/pkcs11/module.h"

#define MOST 65536u /* of one message */

CK_RV p11_random(struct p11_slot *slot, CK_BYTE *out, CK_ULONG n)
{
	while (n > 0) {
		HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
		struct hl_random request = { .length = n < MOST ? (uint32_t)n : MOST };
		struct hl_random_answer a;

		P11_TRY(p11_ask(slot, &hl_msg_random, &request, &hl_msg_random_answer, &a, &call));
		if (a.bytes.n != request.length)
			return CKR_DEVICE_ERROR;
		memcpy(out, a.bytes.p, a.bytes.n);
		out += request.length;
		n -= request.length;
	}
	return CKR_OK;
}

CK_RV p11_GenerateRandom(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pRandomData, CK_ULONG ulRandomLen)
{
	P11_SESSION(s, hSession);
	return p11_bytes_ok(pRandomData, ulRandomLen) ? p11_random(s->slot, pRandomData, ulRandomLen) : CKR_ARGUMENTS_BAD;
}

CK_RV p11_SeedRandom(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pSeed, CK_ULONG ulSeedLen)
{
	P11_SESSION(s, hSession);
	return p11_bytes_ok(pSeed, ulSeedLen) ? CKR_RANDOM_SEED_NOT_SUPPORTED : CKR_ARGUMENTS_BAD;
}
