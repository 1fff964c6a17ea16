/* interface.c - what the library says of itself, and the two lists of its functions. */
#include "client/pkcs11/module.h"
#include "client/pkcs11/text.h"

CK_RV p11_GetInfo(CK_INFO_PTR pInfo)
{
	if (!pInfo)
		return CKR_ARGUMENTS_BAD;
	*pInfo = (CK_INFO){ .cryptokiVersion = { CRYPTOKI_VERSION_MAJOR, CRYPTOKI_VERSION_MINOR } };
	p11_pad(pInfo->manufacturerID, sizeof pInfo->manufacturerID, P11_MAKER);
	p11_pad(pInfo->libraryDescription, sizeof pInfo->libraryDescription, "PKCS#11 Library");
	pInfo->libraryVersion = p11_version(VERSION);
	return CKR_OK;
}

/* clang-format off */
#define MEMBER(name, n, ...) .C_##name = C_##name,
static CK_FUNCTION_LIST list_2_40 = { .version = { 2, 40 }, CK_FUNCTIONS_2_40(MEMBER) };
static CK_FUNCTION_LIST_3_0 list_3_0 = { .version = { 3, 0 }, CK_FUNCTIONS(MEMBER) };
/* clang-format on */

/* The default first. */
static CK_UTF8CHAR interface_name[] = "PKCS 11";
static CK_INTERFACE interfaces[] = {
	{ interface_name, &list_3_0, CKF_INTERFACE_FORK_SAFE },
	{ interface_name, &list_2_40, CKF_INTERFACE_FORK_SAFE },
};

CK_RV p11_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR ppFunctionList)
{
	if (!ppFunctionList)
		return CKR_ARGUMENTS_BAD;
	*ppFunctionList = &list_2_40;
	return CKR_OK;
}

CK_RV p11_GetInterfaceList(CK_INTERFACE_PTR pInterfacesList, CK_ULONG_PTR pulCount)
{
	CK_ULONG room;

	if (!pulCount)
		return CKR_ARGUMENTS_BAD;
	room = *pulCount;
	*pulCount = HL_COUNT(interfaces);
	if (!pInterfacesList)
		return CKR_OK;
	if (room < HL_COUNT(interfaces))
		return CKR_BUFFER_TOO_SMALL;
	memcpy(pInterfacesList, interfaces, sizeof interfaces);
	return CKR_OK;
}

static bool is_interface(const CK_INTERFACE *i, const CK_UTF8CHAR *name, const CK_VERSION *version, CK_FLAGS flags)
{
	const CK_VERSION *own = i->pFunctionList; /* every function list begins with it */

	return (!name || strcmp((const char *)name, (const char *)i->pInterfaceName) == 0) &&
	       (!version || (version->major == own->major && version->minor == own->minor)) &&
	       (i->flags & flags) == flags;
}

CK_RV p11_GetInterface(
	CK_UTF8CHAR_PTR pInterfaceName, CK_VERSION_PTR pVersion, CK_INTERFACE_PTR_PTR ppInterface, CK_FLAGS flags)
{
	if (!ppInterface)
		return CKR_ARGUMENTS_BAD;
	for (size_t i = 0; i < HL_COUNT(interfaces); i++) {
		if (is_interface(&interfaces[i], pInterfaceName, pVersion, flags)) {
			*ppInterface = &interfaces[i];
			return CKR_OK;
		}
	}
	return CKR_FUNCTION_FAILED;
}
