/* p11kit_theirs.c - the part of test_p11kit that is compiled with p11-kit's header instead of ours. */
#include <stddef.h>
#include <string.h>

#define CRYPTOKI_COMPAT
#include <p11-kit/p11-kit.h>

#include "tests/interop/p11kit_numbers.h"

const struct p11kit_number p11kit_theirs[] = P11KIT_TABLE;

/* The slot whose token has this label. */
static CK_RV find_token(CK_FUNCTION_LIST *f, const char *label, CK_SLOT_ID *out)
{
	CK_SLOT_ID slots[16];
	CK_ULONG n = 16;
	CK_TOKEN_INFO info;

	if (f->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return CKR_GENERAL_ERROR;
	for (CK_ULONG i = 0; i < n; i++) {
		*out = slots[i];
		if (f->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, label, strlen(label)) == 0)
			return CKR_OK;
	}
	return CKR_TOKEN_NOT_PRESENT;
}

static const char *find_object(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, const char *object)
{
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)object, strlen(object) };
	CK_OBJECT_HANDLE found;
	CK_ULONG n = 0;

	if (f->C_FindObjectsInit(s, &t, 1) != CKR_OK || f->C_FindObjects(s, &found, 1, &n) != CKR_OK ||
		f->C_FindObjectsFinal(s) != CKR_OK)
		return "C_FindObjects";
	return n == 1 ? NULL : "no such object";
}

static const char *use(CK_FUNCTION_LIST *f, const char *label, const char *pin, const char *object)
{
	CK_SESSION_HANDLE s;
	CK_SLOT_ID slot;

	if (find_token(f, label, &slot) != CKR_OK)
		return "no such token";
	if (f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK)
		return "C_OpenSession";
	if (f->C_Login(s, CKU_USER, (unsigned char *)pin, strlen(pin)) != CKR_OK)
		return "C_Login";
	return find_object(f, s, object);
}

const char *p11kit_tour(const char *path, const char *label, const char *pin, const char *object)
{
	CK_FUNCTION_LIST *f = p11_kit_module_load(path, 0);
	const char *failed;

	if (!f)
		return p11_kit_message();
	if (p11_kit_module_initialize(f) != CKR_OK)
		return "p11_kit_module_initialize";
	failed = use(f, label, pin, object);
	if (p11_kit_module_finalize(f) != CKR_OK && !failed)
		failed = "p11_kit_module_finalize";
	p11_kit_module_release(f);
	return failed;
}
