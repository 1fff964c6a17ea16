/* ckr.c - from our errors to return values, and to the numbers of the vendor's log. */
#include "client/pkcs11/module.h"

/* clang-format off */
/* error, return value, number in the log (0: the return value itself). Where the connection failed before it was open,
 * HL_E_TIMEOUT and HL_E_CLOSED mean that no token was reached; on an open one, that the device failed. */
static const struct { hl_err err; CK_RV rv; uint32_t log; } rows[] = {
	{ HL_OK,              CKR_OK,                       0 },
	{ HL_E_NOMEM,         CKR_HOST_MEMORY,              0 },
	{ HL_E_BUG,           CKR_GENERAL_ERROR,            0 },
	{ HL_E_ARG,           CKR_ARGUMENTS_BAD,            0 },
	{ HL_E_IO,            CKR_GENERAL_ERROR,            0 },
	{ HL_E_CREATE,        CKR_GENERAL_ERROR,            0 },
	{ HL_E_NOT_FOUND,     CKR_GENERAL_ERROR,            0x8000000a },
	{ HL_E_EXISTS,        CKR_GENERAL_ERROR,            0x80000003 },
	{ HL_E_FULL,          CKR_DEVICE_MEMORY,            0x80000004 },
	{ HL_E_CRYPTO,        CKR_FUNCTION_FAILED,          0 },
	{ HL_E_DEFER,         CKR_GENERAL_ERROR,            0 },

	{ HL_E_CONFIG,        CKR_GENERAL_ERROR,            0x80005005 },
	{ HL_E_CONFIG_NONE,   CKR_GENERAL_ERROR,            0x80005003 },
	{ HL_E_SECRETS,       CKR_GENERAL_ERROR,            0x80005006 },
	{ HL_E_SECRETS_NONE,  CKR_TOKEN_NOT_PRESENT,        0x8000000d },
	{ HL_E_PASSWORD_NONE, CKR_TOKEN_NOT_PRESENT,        0x8000000d },
	{ HL_E_MODE,          CKR_GENERAL_ERROR,            0x80005006 },
	{ HL_E_CRED_FILE,     CKR_GENERAL_ERROR,            0x80005009 },

	{ HL_E_SHORT,         CKR_DEVICE_ERROR,             0x80000001 },
	{ HL_E_TRAIL,         CKR_DEVICE_ERROR,             0x80000001 },
	{ HL_E_RANGE,         CKR_DEVICE_ERROR,             0x80000001 },
	{ HL_E_ORDER,         CKR_DEVICE_ERROR,             0x80000001 },
	{ HL_E_FIELD,         CKR_DEVICE_ERROR,             0x80000001 },
	{ HL_E_TYPE,          CKR_DEVICE_ERROR,             0x80000001 },
	{ HL_E_TOO_LONG,      CKR_DEVICE_ERROR,             0x80000002 },
	{ HL_E_VERSION,       CKR_TOKEN_NOT_PRESENT,        0x8000004e },
	{ HL_E_CHANNEL,       CKR_TOKEN_NOT_PRESENT,        0x80005015 },
	{ HL_E_DEPTH,         CKR_DEVICE_ERROR,             0x80000001 },

	{ HL_E_SERVICE_AUTH,  CKR_TOKEN_NOT_PRESENT,        0x8000004e },
	{ HL_E_PROXY_AUTH,    CKR_TOKEN_NOT_PRESENT,        0x8000004e },
	{ HL_E_LOCKED,        CKR_TOKEN_NOT_PRESENT,        0x8000004e },
	{ HL_E_EPOCH,         CKR_TOKEN_NOT_PRESENT,        0x8000004e },
	{ HL_E_SCRAM,         CKR_TOKEN_NOT_PRESENT,        0x8000004e },

	{ HL_E_ADDRESS,       CKR_TOKEN_NOT_PRESENT,        0x8000004e },
	{ HL_E_PARTITION,     CKR_TOKEN_NOT_PRESENT,        0x8000000d },
	{ HL_E_DISABLED,      CKR_TOKEN_NOT_PRESENT,        0x80000069 },
	{ HL_E_EXPIRED,       CKR_TOKEN_NOT_PRESENT,        0x80000037 },
	{ HL_E_DIRECTORY,     CKR_TOKEN_NOT_PRESENT,        0x80005015 },
	{ HL_E_TICKET,        CKR_TOKEN_NOT_PRESENT,        0x8000004e },
	{ HL_E_STALE,         CKR_TOKEN_NOT_PRESENT,        0x8000004e },
	{ HL_E_USED,          CKR_TOKEN_NOT_PRESENT,        0x8000004e },
	{ HL_E_BUSY,          CKR_FUNCTION_FAILED,          0x80000018 },

	{ HL_E_HSM_AUTH,      CKR_TOKEN_NOT_PRESENT,        0x8000000e },
	{ HL_E_IDENTITY,      CKR_TOKEN_NOT_RECOGNIZED,     0x8000004e },
	{ HL_E_SETUP_EXPIRED, CKR_TOKEN_NOT_PRESENT,        0x80005018 },
	{ HL_E_PIN,           CKR_PIN_INCORRECT,            0x8000000b },
	{ HL_E_PIN_LOCKED,    CKR_PIN_LOCKED,               0x8000000b },
	{ HL_E_LOGIN,         CKR_USER_NOT_LOGGED_IN,       0x8000000c },
	{ HL_E_KEY,           CKR_OBJECT_HANDLE_INVALID,    0x80000012 },
	{ HL_E_MECHANISM,     CKR_MECHANISM_INVALID,        0x80000009 },
	{ HL_E_KEY_USE,       CKR_KEY_FUNCTION_NOT_PERMITTED, 0 },
	{ HL_E_ATTRIBUTE,     CKR_TEMPLATE_INCONSISTENT,    0 },
	{ HL_E_SENSITIVE,     CKR_ATTRIBUTE_SENSITIVE,      0 },
	{ HL_E_SIGNATURE,     CKR_SIGNATURE_INVALID,        0 },
	{ HL_E_DATA_LENGTH,   CKR_DATA_LEN_RANGE,           0 },
	{ HL_E_SETUP_ONLY,    CKR_TOKEN_NOT_PRESENT,        0x8000004e },
	{ HL_E_HOLDS_KEYS,    CKR_FUNCTION_REJECTED,        0 },
	{ HL_E_NO_PIN,        CKR_USER_PIN_NOT_INITIALIZED, 0 },
	{ HL_E_BEHIND,        CKR_DEVICE_ERROR,             0 },
	{ HL_E_TOKEN,         CKR_GENERAL_ERROR,            0 },
	{ HL_E_TOKEN_TIME,    CKR_DEVICE_ERROR,             0 },
	{ HL_E_DECRYPT,       CKR_ENCRYPTED_DATA_INVALID,   0 },
	{ HL_E_PARAMETER,     CKR_MECHANISM_PARAM_INVALID,  0 },

	{ HL_E_MASTER,        CKR_FUNCTION_FAILED,          0 },
	{ HL_E_BLOB,          CKR_DEVICE_ERROR,             0 }, /* the core does not tell it */
	{ HL_E_UNSUPPORTED,   CKR_FUNCTION_NOT_SUPPORTED,   0 },
	{ HL_E_BLANK,         CKR_TOKEN_NOT_RECOGNIZED,     0 },
	{ HL_E_PIN_LENGTH,    CKR_PIN_LEN_RANGE,            0 },
	{ HL_E_KEY_TYPE,      CKR_KEY_TYPE_INCONSISTENT,    0 },
	{ HL_E_KEY_SIZE,      CKR_KEY_SIZE_RANGE,           0 },
	{ HL_E_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCOMPLETE, 0 },
	{ HL_E_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCONSISTENT, 0 },
	{ HL_E_ATTRIBUTE_TYPE, CKR_ATTRIBUTE_TYPE_INVALID,  0 },
	{ HL_E_ATTRIBUTE_VALUE, CKR_ATTRIBUTE_VALUE_INVALID, 0x80000001 },
	{ HL_E_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY, 0 },
	{ HL_E_PROHIBITED,    CKR_ACTION_PROHIBITED,        0 },
	{ HL_E_UNEXTRACTABLE, CKR_KEY_UNEXTRACTABLE,        0 },
	{ HL_E_NOT_WRAPPABLE, CKR_KEY_NOT_WRAPPABLE,        0 },
	{ HL_E_WRAPPED,       CKR_WRAPPED_KEY_INVALID,      0 },
	{ HL_E_WRAPPED_LENGTH, CKR_WRAPPED_KEY_LEN_RANGE,   0 },
	{ HL_E_SIGNATURE_LENGTH, CKR_SIGNATURE_LEN_RANGE,   0 },
	{ HL_E_ENCRYPTED_LENGTH, CKR_ENCRYPTED_DATA_LEN_RANGE, 0 },
	{ HL_E_CURVE,         CKR_CURVE_NOT_SUPPORTED,      0x80000058 },
	{ HL_E_DOMAIN,        CKR_DOMAIN_PARAMS_INVALID,    0x80000084 },
	{ HL_E_STREAM,        CKR_DEVICE_ERROR,             0 },

	{ HL_E_STORE,         CKR_DEVICE_ERROR,             0 },
	{ HL_E_STORE_STALE,   CKR_DEVICE_ERROR,             0 },
	{ HL_E_STORE_SEAL,    CKR_DEVICE_ERROR,             0 },
	{ HL_E_STORE_SCHEMA,  CKR_DEVICE_ERROR,             0 },
	{ HL_E_STORE_KEY,     CKR_DEVICE_ERROR,             0 },
	{ HL_E_STORE_BEHIND,  CKR_DEVICE_ERROR,             0 },
	{ HL_E_STORE_SUM,     CKR_DEVICE_ERROR,             0 },
	{ HL_E_STORE_GUARD,   CKR_DEVICE_ERROR,             0 },

	{ HL_E_NAME,          CKR_TOKEN_NOT_PRESENT,        0x80005015 },
	{ HL_E_NAME_TIMEOUT,  CKR_TOKEN_NOT_PRESENT,        0x80005015 },
	{ HL_E_PROXIES,       CKR_TOKEN_NOT_PRESENT,        0x80005015 },
	{ HL_E_HSMS,          CKR_TOKEN_NOT_PRESENT,        0x80005015 },
	{ HL_E_TIMEOUT,       CKR_TOKEN_NOT_PRESENT,        0x8000003b },
	{ HL_E_CLOSED,        CKR_TOKEN_NOT_PRESENT,        0x80005015 },
	{ HL_E_REFUSED,       CKR_TOKEN_NOT_PRESENT,        0x80005015 },
	{ HL_E_UNKNOWN,       CKR_DEVICE_ERROR,             0x80005015 },
	{ HL_E_WORLD,         CKR_TOKEN_NOT_PRESENT,        0x80005015 },
	{ HL_E_FORKED,        CKR_CRYPTOKI_NOT_INITIALIZED, 0 },
};

#define NAME(name, value) { value, "CKR_" #name },
static const struct { CK_RV rv; const char *name; } names[] = { CK_RETURN_VALUES(NAME) };
#undef NAME
/* clang-format on */

CK_RV p11_ckr(hl_err err, enum hl_step step, uint32_t *log)
{
	size_t i = 0;
	CK_RV rv;

	while (i < HL_COUNT(rows) && rows[i].err != err)
		i++;
	if (i == HL_COUNT(rows))
		return p11_ckr(HL_E_BUG, step, log);
	rv = rows[i].rv;
	if (step == HL_STEP_OPEN && (err == HL_E_TIMEOUT || err == HL_E_CLOSED))
		rv = CKR_DEVICE_ERROR;
	if (log)
		*log = rows[i].log ? rows[i].log : (uint32_t)rv;
	return rv;
}

const char *p11_ckr_name(CK_RV rv)
{
	for (size_t i = 0; i < HL_COUNT(names); i++)
		if (names[i].rv == rv)
			return names[i].name;
	return "CKR_?";
}
