/* ckr.c - from our errors to return values, and to the numbers of the vendor's log. */
#include "client/pkcs11/ckr.h"

/* clang-format off */
/* error, return value, the same on an open connection, number in the log */
static const struct p11_ckr_row rows[] = {
	{ HL_OK,                      CKR_OK,                         0,                   0 },
	{ HL_E_NOMEM,                 CKR_HOST_MEMORY,                0,                   0 },
	{ HL_E_BUG,                   CKR_GENERAL_ERROR,              0,                   0 },
	{ HL_E_ARG,                   CKR_ARGUMENTS_BAD,              0,                   0 },
	{ HL_E_IO,                    CKR_GENERAL_ERROR,              0,                   0 },
	{ HL_E_CREATE,                CKR_GENERAL_ERROR,              0,                   0 },
	{ HL_E_NOT_FOUND,             CKR_GENERAL_ERROR,              0,                   0x8000000a },
	{ HL_E_EXISTS,                CKR_GENERAL_ERROR,              0,                   0x80000003 },
	{ HL_E_FULL,                  CKR_DEVICE_MEMORY,              0,                   0x80000004 },
	{ HL_E_CRYPTO,                CKR_FUNCTION_FAILED,            0,                   0 },
	{ HL_E_DEFER,                 CKR_GENERAL_ERROR,              0,                   0 },

	{ HL_E_CONFIG,                CKR_GENERAL_ERROR,              0,                   0x80005005 },
	{ HL_E_CONFIG_NONE,           CKR_GENERAL_ERROR,              0,                   0x80005003 },
	{ HL_E_SECRETS,               CKR_GENERAL_ERROR,              0,                   0x80005006 },
	{ HL_E_SECRETS_NONE,          CKR_TOKEN_NOT_PRESENT,          0,                   0x8000000d },
	{ HL_E_PASSWORD_NONE,         CKR_TOKEN_NOT_PRESENT,          0,                   0x8000000d },
	{ HL_E_MODE,                  CKR_GENERAL_ERROR,              0,                   0x80005006 },
	{ HL_E_CRED_FILE,             CKR_GENERAL_ERROR,              0,                   0x80005009 },
	{ HL_E_KEY_FILE,              CKR_DATA_INVALID,               0,                   0 }, /* the provider reads none */

	{ HL_E_SHORT,                 CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x80000001 },
	{ HL_E_TRAIL,                 CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x80000001 },
	{ HL_E_RANGE,                 CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x80000001 },
	{ HL_E_ORDER,                 CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x80000001 },
	{ HL_E_FIELD,                 CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x80000001 },
	{ HL_E_TYPE,                  CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x80000001 },
	{ HL_E_TOO_LONG,              CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x80000002 },
	{ HL_E_VERSION,               CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_CHANNEL,               CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x80005015 },
	{ HL_E_DEPTH,                 CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x80000001 },

	{ HL_E_SERVICE_AUTH,          CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_PROXY_AUTH,            CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_LOCKED,                CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_EPOCH,                 CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_SCRAM,                 CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },

	{ HL_E_ADDRESS,               CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_PARTITION,             CKR_TOKEN_NOT_PRESENT,          0,                   0x8000000d },
	{ HL_E_DISABLED,              CKR_TOKEN_NOT_PRESENT,          0,                   0x80000069 },
	{ HL_E_EXPIRED,               CKR_TOKEN_NOT_PRESENT,          0,                   0x80000037 },
	{ HL_E_DIRECTORY,             CKR_TOKEN_NOT_PRESENT,          0,                   0x80005015 },
	{ HL_E_TICKET,                CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_STALE,                 CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_USED,                  CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_BUSY,                  CKR_TOKEN_NOT_PRESENT,          CKR_FUNCTION_FAILED, 0x80000018 },

	{ HL_E_HSM_AUTH,              CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_IDENTITY,              CKR_TOKEN_NOT_RECOGNIZED,       0,                   0x8000004e },
	{ HL_E_SETUP_EXPIRED,         CKR_TOKEN_NOT_PRESENT,          0,                   0x80005018 },
	{ HL_E_PIN,                   CKR_PIN_INCORRECT,              0,                   0x8000000b },
	{ HL_E_PIN_LOCKED,            CKR_PIN_LOCKED,                 0,                   0 },
	{ HL_E_LOGIN,                 CKR_USER_NOT_LOGGED_IN,         0,                   0x8000000c },
	{ HL_E_KEY,                   CKR_OBJECT_HANDLE_INVALID,      0,                   0x80000012 },
	{ HL_E_MECHANISM,             CKR_MECHANISM_INVALID,          0,                   0x80000009 },
	{ HL_E_KEY_USE,               CKR_KEY_FUNCTION_NOT_PERMITTED, 0,                   0 },
	{ HL_E_ATTRIBUTE,             CKR_TEMPLATE_INCONSISTENT,      0,                   0 },
	{ HL_E_SENSITIVE,             CKR_ATTRIBUTE_SENSITIVE,        0,                   0 },
	{ HL_E_SIGNATURE,             CKR_SIGNATURE_INVALID,          0,                   0 },
	{ HL_E_DATA_LENGTH,           CKR_DATA_LEN_RANGE,             0,                   0 },
	{ HL_E_SETUP_ONLY,            CKR_TOKEN_NOT_PRESENT,          0,                   0x8000004e },
	{ HL_E_HOLDS_KEYS,            CKR_FUNCTION_REJECTED,          0,                   0 },
	{ HL_E_NO_PIN,                CKR_USER_PIN_NOT_INITIALIZED,   0,                   0 },
	{ HL_E_BEHIND,                CKR_DEVICE_ERROR,               0,                   0 },
	{ HL_E_TOKEN,                 CKR_GENERAL_ERROR,              0,                   0 },
	{ HL_E_TOKEN_TIME,            CKR_DEVICE_ERROR,               0,                   0 },
	{ HL_E_DECRYPT,               CKR_ENCRYPTED_DATA_INVALID,     0,                   0 },
	{ HL_E_PARAMETER,             CKR_MECHANISM_PARAM_INVALID,    0,                   0 },

	{ HL_E_MASTER,                CKR_FUNCTION_FAILED,            0,                   0 },
	{ HL_E_BLOB,                  CKR_DEVICE_ERROR,               0,                   0 }, /* the core does not tell it */
	{ HL_E_UNSUPPORTED,           CKR_FUNCTION_NOT_SUPPORTED,     0,                   0 },
	{ HL_E_BLANK,                 CKR_TOKEN_NOT_RECOGNIZED,       0,                   0 },
	{ HL_E_PIN_LENGTH,            CKR_PIN_LEN_RANGE,              0,                   0 },
	{ HL_E_KEY_TYPE,              CKR_KEY_TYPE_INCONSISTENT,      0,                   0 },
	{ HL_E_KEY_SIZE,              CKR_KEY_SIZE_RANGE,             0,                   0 },
	{ HL_E_TEMPLATE_INCOMPLETE,   CKR_TEMPLATE_INCOMPLETE,        0,                   0 },
	{ HL_E_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCONSISTENT,      0,                   0 },
	{ HL_E_ATTRIBUTE_TYPE,        CKR_ATTRIBUTE_TYPE_INVALID,     0,                   0 },
	{ HL_E_ATTRIBUTE_VALUE,       CKR_ATTRIBUTE_VALUE_INVALID,    0,                   0x80000001 },
	{ HL_E_ATTRIBUTE_READ_ONLY,   CKR_ATTRIBUTE_READ_ONLY,        0,                   0 },
	{ HL_E_PROHIBITED,            CKR_ACTION_PROHIBITED,          0,                   0 },
	{ HL_E_UNEXTRACTABLE,         CKR_KEY_UNEXTRACTABLE,          0,                   0 },
	{ HL_E_NOT_WRAPPABLE,         CKR_KEY_NOT_WRAPPABLE,          0,                   0 },
	{ HL_E_WRAPPED,               CKR_WRAPPED_KEY_INVALID,        0,                   0 },
	{ HL_E_WRAPPED_LENGTH,        CKR_WRAPPED_KEY_LEN_RANGE,      0,                   0 },
	{ HL_E_SIGNATURE_LENGTH,      CKR_SIGNATURE_LEN_RANGE,        0,                   0 },
	{ HL_E_ENCRYPTED_LENGTH,      CKR_ENCRYPTED_DATA_LEN_RANGE,   0,                   0 },
	{ HL_E_CURVE,                 CKR_CURVE_NOT_SUPPORTED,        0,                   0x80000058 },
	{ HL_E_DOMAIN,                CKR_DOMAIN_PARAMS_INVALID,      0,                   0x80000084 },
	{ HL_E_STREAM,                CKR_DEVICE_ERROR,               0,                   0 },

	{ HL_E_STORE,                 CKR_DEVICE_ERROR,               0,                   0 },
	{ HL_E_STORE_STALE,           CKR_DEVICE_ERROR,               0,                   0 },
	{ HL_E_STORE_SEAL,            CKR_DEVICE_ERROR,               0,                   0 },
	{ HL_E_STORE_SCHEMA,          CKR_DEVICE_ERROR,               0,                   0 },
	{ HL_E_STORE_KEY,             CKR_DEVICE_ERROR,               0,                   0 },
	{ HL_E_STORE_BEHIND,          CKR_DEVICE_ERROR,               0,                   0 },
	{ HL_E_STORE_SUM,             CKR_DEVICE_ERROR,               0,                   0 },
	{ HL_E_STORE_GUARD,           CKR_DEVICE_ERROR,               0,                   0 },

	{ HL_E_NAME,                  CKR_TOKEN_NOT_PRESENT,          0,                   0x80005015 },
	{ HL_E_NAME_TIMEOUT,          CKR_TOKEN_NOT_PRESENT,          0,                   0x80005015 },
	{ HL_E_PROXIES,               CKR_TOKEN_NOT_PRESENT,          0,                   0x80005015 },
	{ HL_E_HSMS,                  CKR_TOKEN_NOT_PRESENT,          0,                   0x80005015 },
	{ HL_E_TIMEOUT,               CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x8000003b },
	{ HL_E_CLOSED,                CKR_TOKEN_NOT_PRESENT,          CKR_DEVICE_ERROR,    0x80005015 },
	{ HL_E_REFUSED,               CKR_TOKEN_NOT_PRESENT,          0,                   0x80005015 },
	{ HL_E_UNKNOWN,               CKR_DEVICE_ERROR,               0,                   0x80005015 },
	{ HL_E_WORLD,                 CKR_TOKEN_NOT_PRESENT,          0,                   0x80005015 },
	{ HL_E_FORKED,                CKR_CRYPTOKI_NOT_INITIALIZED,   0,                   0 },
};

#define NAME(name, value) { value, "CKR_" #name },
static const struct {
	CK_RV rv;
	const char *name;
} names[] = { CK_RETURN_VALUES(NAME) };
#undef NAME

/* What the published numbers mean. */
static const struct {
	uint32_t number;
	const char *text;
} texts[] = {
	{ 0x80000001, "data of another type was expected" },
	{ 0x80000002, "too long for its place" },
	{ 0x80000003, "it exists already" },
	{ 0x80000004, "no room for another key" },
	{ 0x80000009, "the mechanism does not serve here" },
	{ 0x8000000a, "no such object" },
	{ 0x8000000b, "wrong PKCS#11 password" },
	{ 0x8000000c, "nobody is logged in" },
	{ 0x8000000d, "no such user, or nothing is stored for him" },
	{ 0x80000012, "no such key" },
	{ 0x80000018, "too many connections" },
	{ 0x80000037, "the password has expired" },
	{ 0x8000003b, "no connection within the time" },
	{ 0x8000004e, "the login was refused" },
	{ 0x80000058, "unknown curve" },
	{ 0x80000069, "access is disabled" },
	{ 0x80000084, "unknown group" },
	{ 0x80005002, "this user is configured already" },
	{ 0x80005003, "primus.cfg was not found" },
	{ 0x80005004, ".secrets.cfg was not found" },
	{ 0x80005005, "primus.cfg is not valid" },
	{ 0x80005006, ".secrets.cfg is not valid" },
	{ 0x80005007, ".secrets.cfg cannot be written" },
	{ 0x80005008, "the permanent secret was not added" },
	{ 0x80005009, "the file of the credentials is not valid" },
	{ 0x80005010, "the permanent secret was not updated" },
	{ 0x80005011, "the secret was not removed" },
	{ 0x80005012, "primus.cfg does not name this user" },
	{ 0x80005015, "no connection" },
	{ 0x80005017, "the setup password was refused" },
	{ 0x80005018, "the setup password has expired" },
	{ 0x80005019, "access to the partition is disabled" },
};
/* clang-format on */

const struct p11_ckr_row *p11_ckr_rows(size_t *n)
{
	*n = HL_COUNT(rows);
	return rows;
}

static const struct p11_ckr_row *row_of(hl_err err)
{
	for (size_t i = 0; i < HL_COUNT(rows); i++)
		if (rows[i].err == err)
			return &rows[i];
	return row_of(HL_E_BUG);
}

CK_RV p11_ckr(hl_err err, enum hl_step step, uint32_t *number)
{
	const struct p11_ckr_row *row = row_of(err);
	CK_RV rv = step == HL_STEP_OPEN && row->open ? row->open : row->rv;

	if (number)
		*number = row->number ? row->number : (uint32_t)rv;
	return rv;
}

const char *p11_ckr_name(CK_RV rv)
{
	for (size_t i = 0; i < HL_COUNT(names); i++)
		if (names[i].rv == rv)
			return names[i].name;
	return "CKR_?";
}

uint32_t p11_setup_number(hl_err err)
{
	uint32_t number;

	if (err == HL_E_HSM_AUTH || err == HL_E_CHANNEL)
		return 0x80005017;
	if (err == HL_E_DISABLED)
		return 0x80005019;
	p11_ckr(err, HL_STEP_PROVED, &number);
	return number;
}

const char *p11_number_text(uint32_t number)
{
	for (size_t i = 0; i < HL_COUNT(texts); i++)
		if (texts[i].number == number)
			return texts[i].text;
	return number < 0x80000000 ? p11_ckr_name(number) : "unknown";
}
