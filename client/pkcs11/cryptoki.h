/* cryptoki.h - the C interface of PKCS #11 v3.0 (and with it 2.40), as this provider speaks it.
 *
 * Written from the specification. Structures have the natural alignment of the platform, as on every Unix.
 * The functions stand in one table, CK_FUNCTIONS: prototypes, pointer types, the function lists and the
 * provider's entry points all grow out of it. */
#ifndef HSMLET_CRYPTOKI_H
#define HSMLET_CRYPTOKI_H

#ifdef __cplusplus
extern "C" {
#endif

#define CRYPTOKI_VERSION_MAJOR 3
#define CRYPTOKI_VERSION_MINOR 0

/* -- plain types -------------------------------------------------------------------------------------------- */

typedef unsigned char CK_BYTE;
typedef CK_BYTE CK_CHAR;
typedef CK_BYTE CK_UTF8CHAR;
typedef CK_BYTE CK_BBOOL;
typedef unsigned long CK_ULONG;
typedef long CK_LONG;
typedef CK_ULONG CK_FLAGS;

typedef CK_BYTE *CK_BYTE_PTR;
typedef CK_CHAR *CK_CHAR_PTR;
typedef CK_UTF8CHAR *CK_UTF8CHAR_PTR;
typedef CK_ULONG *CK_ULONG_PTR;
typedef void *CK_VOID_PTR;
typedef CK_VOID_PTR *CK_VOID_PTR_PTR;

#define CK_TRUE 1
#define CK_FALSE 0
#define CK_INVALID_HANDLE 0UL
#define CK_UNAVAILABLE_INFORMATION (~0UL)
#define CK_EFFECTIVELY_INFINITE 0UL

typedef CK_ULONG CK_RV;
typedef CK_ULONG CK_NOTIFICATION;
typedef CK_ULONG CK_SLOT_ID, *CK_SLOT_ID_PTR;
typedef CK_ULONG CK_SESSION_HANDLE, *CK_SESSION_HANDLE_PTR;
typedef CK_ULONG CK_OBJECT_HANDLE, *CK_OBJECT_HANDLE_PTR;
typedef CK_ULONG CK_USER_TYPE;
typedef CK_ULONG CK_STATE;
typedef CK_ULONG CK_OBJECT_CLASS, *CK_OBJECT_CLASS_PTR;
typedef CK_ULONG CK_HW_FEATURE_TYPE;
typedef CK_ULONG CK_PROFILE_ID, *CK_PROFILE_ID_PTR;
typedef CK_ULONG CK_KEY_TYPE;
typedef CK_ULONG CK_CERTIFICATE_TYPE;
typedef CK_ULONG CK_CERTIFICATE_CATEGORY;
typedef CK_ULONG CK_JAVA_MIDP_SECURITY_DOMAIN;
typedef CK_ULONG CK_ATTRIBUTE_TYPE, *CK_ATTRIBUTE_TYPE_PTR;
typedef CK_ULONG CK_MECHANISM_TYPE, *CK_MECHANISM_TYPE_PTR;
typedef CK_ULONG CK_RSA_PKCS_MGF_TYPE;
typedef CK_ULONG CK_RSA_PKCS_OAEP_SOURCE_TYPE;
typedef CK_ULONG CK_EC_KDF_TYPE;
typedef CK_ULONG CK_X9_42_DH_KDF_TYPE;
typedef CK_ULONG CK_GENERATOR_FUNCTION;
typedef CK_ULONG CK_MAC_GENERAL_PARAMS, *CK_MAC_GENERAL_PARAMS_PTR;
typedef CK_ULONG CK_EXTRACT_PARAMS, *CK_EXTRACT_PARAMS_PTR;
typedef CK_ULONG CK_PKCS5_PBKD2_PSEUDO_RANDOM_FUNCTION_TYPE;
typedef CK_ULONG CK_PKCS5_PBKDF2_SALT_SOURCE_TYPE;
typedef CK_MECHANISM_TYPE CK_SP800_108_PRF_TYPE;
typedef CK_ULONG CK_PRF_DATA_TYPE;
typedef CK_ULONG CK_SP800_108_DKM_LENGTH_METHOD;

/* -- structures of the interface itself ------------------------------------------------------------------------ */

typedef struct CK_VERSION {
	CK_BYTE major;
	CK_BYTE minor;
} CK_VERSION, *CK_VERSION_PTR;

typedef struct CK_INFO {
	CK_VERSION cryptokiVersion;
	CK_UTF8CHAR manufacturerID[32];
	CK_FLAGS flags;
	CK_UTF8CHAR libraryDescription[32];
	CK_VERSION libraryVersion;
} CK_INFO, *CK_INFO_PTR;

typedef struct CK_SLOT_INFO {
	CK_UTF8CHAR slotDescription[64];
	CK_UTF8CHAR manufacturerID[32];
	CK_FLAGS flags;
	CK_VERSION hardwareVersion;
	CK_VERSION firmwareVersion;
} CK_SLOT_INFO, *CK_SLOT_INFO_PTR;

typedef struct CK_TOKEN_INFO {
	CK_UTF8CHAR label[32];
	CK_UTF8CHAR manufacturerID[32];
	CK_UTF8CHAR model[16];
	CK_CHAR serialNumber[16];
	CK_FLAGS flags;
	CK_ULONG ulMaxSessionCount;
	CK_ULONG ulSessionCount;
	CK_ULONG ulMaxRwSessionCount;
	CK_ULONG ulRwSessionCount;
	CK_ULONG ulMaxPinLen;
	CK_ULONG ulMinPinLen;
	CK_ULONG ulTotalPublicMemory;
	CK_ULONG ulFreePublicMemory;
	CK_ULONG ulTotalPrivateMemory;
	CK_ULONG ulFreePrivateMemory;
	CK_VERSION hardwareVersion;
	CK_VERSION firmwareVersion;
	CK_CHAR utcTime[16];
} CK_TOKEN_INFO, *CK_TOKEN_INFO_PTR;

typedef struct CK_SESSION_INFO {
	CK_SLOT_ID slotID;
	CK_STATE state;
	CK_FLAGS flags;
	CK_ULONG ulDeviceError;
} CK_SESSION_INFO, *CK_SESSION_INFO_PTR;

typedef struct CK_ATTRIBUTE {
	CK_ATTRIBUTE_TYPE type;
	CK_VOID_PTR pValue;
	CK_ULONG ulValueLen;
} CK_ATTRIBUTE, *CK_ATTRIBUTE_PTR;

typedef struct CK_DATE {
	CK_CHAR year[4];
	CK_CHAR month[2];
	CK_CHAR day[2];
} CK_DATE, *CK_DATE_PTR;

typedef struct CK_MECHANISM {
	CK_MECHANISM_TYPE mechanism;
	CK_VOID_PTR pParameter;
	CK_ULONG ulParameterLen;
} CK_MECHANISM, *CK_MECHANISM_PTR;

typedef struct CK_MECHANISM_INFO {
	CK_ULONG ulMinKeySize;
	CK_ULONG ulMaxKeySize;
	CK_FLAGS flags;
} CK_MECHANISM_INFO, *CK_MECHANISM_INFO_PTR;

typedef CK_RV (*CK_NOTIFY)(CK_SESSION_HANDLE hSession, CK_NOTIFICATION event, CK_VOID_PTR pApplication);
typedef CK_RV (*CK_CREATEMUTEX)(CK_VOID_PTR_PTR ppMutex);
typedef CK_RV (*CK_DESTROYMUTEX)(CK_VOID_PTR pMutex);
typedef CK_RV (*CK_LOCKMUTEX)(CK_VOID_PTR pMutex);
typedef CK_RV (*CK_UNLOCKMUTEX)(CK_VOID_PTR pMutex);

typedef struct CK_C_INITIALIZE_ARGS {
	CK_CREATEMUTEX CreateMutex;
	CK_DESTROYMUTEX DestroyMutex;
	CK_LOCKMUTEX LockMutex;
	CK_UNLOCKMUTEX UnlockMutex;
	CK_FLAGS flags;
	CK_VOID_PTR pReserved;
} CK_C_INITIALIZE_ARGS, *CK_C_INITIALIZE_ARGS_PTR;

typedef struct CK_INTERFACE {
	CK_UTF8CHAR *pInterfaceName;
	CK_VOID_PTR pFunctionList;
	CK_FLAGS flags;
} CK_INTERFACE, *CK_INTERFACE_PTR, **CK_INTERFACE_PTR_PTR;

typedef struct CK_FUNCTION_LIST CK_FUNCTION_LIST, *CK_FUNCTION_LIST_PTR, **CK_FUNCTION_LIST_PTR_PTR;
typedef struct CK_FUNCTION_LIST_3_0 CK_FUNCTION_LIST_3_0, *CK_FUNCTION_LIST_3_0_PTR,
	**CK_FUNCTION_LIST_3_0_PTR_PTR;

/* -- parameters of mechanisms ------------------------------------------------------------------------------------- */

typedef struct CK_RSA_PKCS_OAEP_PARAMS {
	CK_MECHANISM_TYPE hashAlg;
	CK_RSA_PKCS_MGF_TYPE mgf;
	CK_RSA_PKCS_OAEP_SOURCE_TYPE source;
	CK_VOID_PTR pSourceData;
	CK_ULONG ulSourceDataLen;
} CK_RSA_PKCS_OAEP_PARAMS, *CK_RSA_PKCS_OAEP_PARAMS_PTR;

typedef struct CK_RSA_PKCS_PSS_PARAMS {
	CK_MECHANISM_TYPE hashAlg;
	CK_RSA_PKCS_MGF_TYPE mgf;
	CK_ULONG sLen;
} CK_RSA_PKCS_PSS_PARAMS, *CK_RSA_PKCS_PSS_PARAMS_PTR;

typedef struct CK_RSA_AES_KEY_WRAP_PARAMS {
	CK_ULONG ulAESKeyBits;
	CK_RSA_PKCS_OAEP_PARAMS_PTR pOAEPParams;
} CK_RSA_AES_KEY_WRAP_PARAMS, *CK_RSA_AES_KEY_WRAP_PARAMS_PTR;

typedef struct CK_ECDH1_DERIVE_PARAMS {
	CK_EC_KDF_TYPE kdf;
	CK_ULONG ulSharedDataLen;
	CK_BYTE_PTR pSharedData;
	CK_ULONG ulPublicDataLen;
	CK_BYTE_PTR pPublicData;
} CK_ECDH1_DERIVE_PARAMS, *CK_ECDH1_DERIVE_PARAMS_PTR;

typedef struct CK_ECDH_AES_KEY_WRAP_PARAMS {
	CK_ULONG ulAESKeyBits;
	CK_EC_KDF_TYPE kdf;
	CK_ULONG ulSharedDataLen;
	CK_BYTE_PTR pSharedData;
} CK_ECDH_AES_KEY_WRAP_PARAMS, *CK_ECDH_AES_KEY_WRAP_PARAMS_PTR;

typedef struct CK_EDDSA_PARAMS {
	CK_BBOOL phFlag;
	CK_ULONG ulContextDataLen;
	CK_BYTE_PTR pContextData;
} CK_EDDSA_PARAMS, *CK_EDDSA_PARAMS_PTR;

typedef struct CK_X9_42_DH1_DERIVE_PARAMS {
	CK_X9_42_DH_KDF_TYPE kdf;
	CK_ULONG ulOtherInfoLen;
	CK_BYTE_PTR pOtherInfo;
	CK_ULONG ulPublicDataLen;
	CK_BYTE_PTR pPublicData;
} CK_X9_42_DH1_DERIVE_PARAMS, *CK_X9_42_DH1_DERIVE_PARAMS_PTR;

typedef struct CK_GCM_PARAMS {
	CK_BYTE_PTR pIv;
	CK_ULONG ulIvLen;
	CK_ULONG ulIvBits;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
	CK_ULONG ulTagBits;
} CK_GCM_PARAMS, *CK_GCM_PARAMS_PTR;

typedef struct CK_CCM_PARAMS {
	CK_ULONG ulDataLen;
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
	CK_ULONG ulMACLen;
} CK_CCM_PARAMS, *CK_CCM_PARAMS_PTR;

typedef struct CK_GCM_MESSAGE_PARAMS {
	CK_BYTE_PTR pIv;
	CK_ULONG ulIvLen;
	CK_ULONG ulIvFixedBits;
	CK_GENERATOR_FUNCTION ivGenerator;
	CK_BYTE_PTR pTag;
	CK_ULONG ulTagBits;
} CK_GCM_MESSAGE_PARAMS, *CK_GCM_MESSAGE_PARAMS_PTR;

typedef struct CK_CCM_MESSAGE_PARAMS {
	CK_ULONG ulDataLen;
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_ULONG ulNonceFixedBits;
	CK_GENERATOR_FUNCTION nonceGenerator;
	CK_BYTE_PTR pMAC;
	CK_ULONG ulMACLen;
} CK_CCM_MESSAGE_PARAMS, *CK_CCM_MESSAGE_PARAMS_PTR;

typedef struct CK_AES_CTR_PARAMS {
	CK_ULONG ulCounterBits;
	CK_BYTE cb[16];
} CK_AES_CTR_PARAMS, *CK_AES_CTR_PARAMS_PTR;

typedef struct CK_AES_CBC_ENCRYPT_DATA_PARAMS {
	CK_BYTE iv[16];
	CK_BYTE_PTR pData;
	CK_ULONG length;
} CK_AES_CBC_ENCRYPT_DATA_PARAMS, *CK_AES_CBC_ENCRYPT_DATA_PARAMS_PTR;

typedef struct CK_DES_CBC_ENCRYPT_DATA_PARAMS {
	CK_BYTE iv[8];
	CK_BYTE_PTR pData;
	CK_ULONG length;
} CK_DES_CBC_ENCRYPT_DATA_PARAMS, *CK_DES_CBC_ENCRYPT_DATA_PARAMS_PTR;

typedef struct CK_CAMELLIA_CTR_PARAMS {
	CK_ULONG ulCounterBits;
	CK_BYTE cb[16];
} CK_CAMELLIA_CTR_PARAMS, *CK_CAMELLIA_CTR_PARAMS_PTR;

typedef struct CK_CHACHA20_PARAMS {
	CK_BYTE_PTR pBlockCounter;
	CK_ULONG blockCounterBits;
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceBits;
} CK_CHACHA20_PARAMS, *CK_CHACHA20_PARAMS_PTR;

typedef struct CK_SALSA20_CHACHA20_POLY1305_PARAMS {
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
} CK_SALSA20_CHACHA20_POLY1305_PARAMS, *CK_SALSA20_CHACHA20_POLY1305_PARAMS_PTR;

typedef struct CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS {
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_BYTE_PTR pTag;
} CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, *CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS_PTR;

typedef struct CK_KEY_DERIVATION_STRING_DATA {
	CK_BYTE_PTR pData;
	CK_ULONG ulLen;
} CK_KEY_DERIVATION_STRING_DATA, *CK_KEY_DERIVATION_STRING_DATA_PTR;

typedef struct CK_PRF_DATA_PARAM {
	CK_PRF_DATA_TYPE type;
	CK_VOID_PTR pValue;
	CK_ULONG ulValueLen;
} CK_PRF_DATA_PARAM, *CK_PRF_DATA_PARAM_PTR;

typedef struct CK_SP800_108_COUNTER_FORMAT {
	CK_BBOOL bLittleEndian;
	CK_ULONG ulWidthInBits;
} CK_SP800_108_COUNTER_FORMAT, *CK_SP800_108_COUNTER_FORMAT_PTR;

typedef struct CK_SP800_108_DKM_LENGTH_FORMAT {
	CK_SP800_108_DKM_LENGTH_METHOD dkmLengthMethod;
	CK_BBOOL bLittleEndian;
	CK_ULONG ulWidthInBits;
} CK_SP800_108_DKM_LENGTH_FORMAT, *CK_SP800_108_DKM_LENGTH_FORMAT_PTR;

typedef struct CK_DERIVED_KEY {
	CK_ATTRIBUTE_PTR pTemplate;
	CK_ULONG ulAttributeCount;
	CK_OBJECT_HANDLE_PTR phKey;
} CK_DERIVED_KEY, *CK_DERIVED_KEY_PTR;

typedef struct CK_SP800_108_KDF_PARAMS {
	CK_SP800_108_PRF_TYPE prfType;
	CK_ULONG ulNumberOfDataParams;
	CK_PRF_DATA_PARAM_PTR pDataParams;
	CK_ULONG ulAdditionalDerivedKeys;
	CK_DERIVED_KEY_PTR pAdditionalDerivedKeys;
} CK_SP800_108_KDF_PARAMS, *CK_SP800_108_KDF_PARAMS_PTR;

typedef struct CK_SP800_108_FEEDBACK_KDF_PARAMS {
	CK_SP800_108_PRF_TYPE prfType;
	CK_ULONG ulNumberOfDataParams;
	CK_PRF_DATA_PARAM_PTR pDataParams;
	CK_ULONG ulIVLen;
	CK_BYTE_PTR pIV;
	CK_ULONG ulAdditionalDerivedKeys;
	CK_DERIVED_KEY_PTR pAdditionalDerivedKeys;
} CK_SP800_108_FEEDBACK_KDF_PARAMS, *CK_SP800_108_FEEDBACK_KDF_PARAMS_PTR;

/* Of version 2.40: as long as the next one, but its length of the password is a pointer. */
typedef struct CK_PKCS5_PBKD2_PARAMS {
	CK_PKCS5_PBKDF2_SALT_SOURCE_TYPE saltSource;
	CK_VOID_PTR pSaltSourceData;
	CK_ULONG ulSaltSourceDataLen;
	CK_ULONG iterations;
	CK_PKCS5_PBKD2_PSEUDO_RANDOM_FUNCTION_TYPE prf;
	CK_VOID_PTR pPrfData;
	CK_ULONG ulPrfDataLen;
	CK_UTF8CHAR_PTR pPassword;
	CK_ULONG_PTR ulPasswordLen;
} CK_PKCS5_PBKD2_PARAMS, *CK_PKCS5_PBKD2_PARAMS_PTR;

typedef struct CK_PKCS5_PBKD2_PARAMS2 {
	CK_PKCS5_PBKDF2_SALT_SOURCE_TYPE saltSource;
	CK_VOID_PTR pSaltSourceData;
	CK_ULONG ulSaltSourceDataLen;
	CK_ULONG iterations;
	CK_PKCS5_PBKD2_PSEUDO_RANDOM_FUNCTION_TYPE prf;
	CK_VOID_PTR pPrfData;
	CK_ULONG ulPrfDataLen;
	CK_UTF8CHAR_PTR pPassword;
	CK_ULONG ulPasswordLen;
} CK_PKCS5_PBKD2_PARAMS2, *CK_PKCS5_PBKD2_PARAMS2_PTR;

typedef struct CK_HKDF_PARAMS {
	CK_BBOOL bExtract;
	CK_BBOOL bExpand;
	CK_MECHANISM_TYPE prfHashMechanism;
	CK_ULONG ulSaltType;
	CK_BYTE_PTR pSalt;
	CK_ULONG ulSaltLen;
	CK_OBJECT_HANDLE hSaltKey;
	CK_BYTE_PTR pInfo;
	CK_ULONG ulInfoLen;
} CK_HKDF_PARAMS, *CK_HKDF_PARAMS_PTR;

/* clang-format off */
/* -- functions --------------------------------------------------------------------------------------------------
 *
 * A row: name without its C_, how many arguments, then type and name of each. In the order of the function lists:
 * the first table is CK_FUNCTION_LIST, both together are CK_FUNCTION_LIST_3_0. */
#define CK_FUNCTIONS_2_40(F) \
	F(Initialize, 1, CK_VOID_PTR, pInitArgs) \
	F(Finalize, 1, CK_VOID_PTR, pReserved) \
	F(GetInfo, 1, CK_INFO_PTR, pInfo) \
	F(GetFunctionList, 1, CK_FUNCTION_LIST_PTR_PTR, ppFunctionList) \
	F(GetSlotList, 3, CK_BBOOL, tokenPresent, CK_SLOT_ID_PTR, pSlotList, CK_ULONG_PTR, pulCount) \
	F(GetSlotInfo, 2, CK_SLOT_ID, slotID, CK_SLOT_INFO_PTR, pInfo) \
	F(GetTokenInfo, 2, CK_SLOT_ID, slotID, CK_TOKEN_INFO_PTR, pInfo) \
	F(GetMechanismList, 3, CK_SLOT_ID, slotID, CK_MECHANISM_TYPE_PTR, pMechanismList, CK_ULONG_PTR, pulCount) \
	F(GetMechanismInfo, 3, CK_SLOT_ID, slotID, CK_MECHANISM_TYPE, type, CK_MECHANISM_INFO_PTR, pInfo) \
	F(InitToken, 4, CK_SLOT_ID, slotID, CK_UTF8CHAR_PTR, pPin, CK_ULONG, ulPinLen, CK_UTF8CHAR_PTR, pLabel) \
	F(InitPIN, 3, CK_SESSION_HANDLE, hSession, CK_UTF8CHAR_PTR, pPin, CK_ULONG, ulPinLen) \
	F(SetPIN, 5, CK_SESSION_HANDLE, hSession, CK_UTF8CHAR_PTR, pOldPin, CK_ULONG, ulOldLen, CK_UTF8CHAR_PTR, pNewPin, CK_ULONG, ulNewLen) \
	F(OpenSession, 5, CK_SLOT_ID, slotID, CK_FLAGS, flags, CK_VOID_PTR, pApplication, CK_NOTIFY, Notify, CK_SESSION_HANDLE_PTR, phSession) \
	F(CloseSession, 1, CK_SESSION_HANDLE, hSession) \
	F(CloseAllSessions, 1, CK_SLOT_ID, slotID) \
	F(GetSessionInfo, 2, CK_SESSION_HANDLE, hSession, CK_SESSION_INFO_PTR, pInfo) \
	F(GetOperationState, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pOperationState, CK_ULONG_PTR, pulOperationStateLen) \
	F(SetOperationState, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pOperationState, CK_ULONG, ulOperationStateLen, CK_OBJECT_HANDLE, hEncryptionKey, CK_OBJECT_HANDLE, hAuthenticationKey) \
	F(Login, 4, CK_SESSION_HANDLE, hSession, CK_USER_TYPE, userType, CK_UTF8CHAR_PTR, pPin, CK_ULONG, ulPinLen) \
	F(Logout, 1, CK_SESSION_HANDLE, hSession) \
	F(CreateObject, 4, CK_SESSION_HANDLE, hSession, CK_ATTRIBUTE_PTR, pTemplate, CK_ULONG, ulCount, CK_OBJECT_HANDLE_PTR, phObject) \
	F(CopyObject, 5, CK_SESSION_HANDLE, hSession, CK_OBJECT_HANDLE, hObject, CK_ATTRIBUTE_PTR, pTemplate, CK_ULONG, ulCount, CK_OBJECT_HANDLE_PTR, phNewObject) \
	F(DestroyObject, 2, CK_SESSION_HANDLE, hSession, CK_OBJECT_HANDLE, hObject) \
	F(GetObjectSize, 3, CK_SESSION_HANDLE, hSession, CK_OBJECT_HANDLE, hObject, CK_ULONG_PTR, pulSize) \
	F(GetAttributeValue, 4, CK_SESSION_HANDLE, hSession, CK_OBJECT_HANDLE, hObject, CK_ATTRIBUTE_PTR, pTemplate, CK_ULONG, ulCount) \
	F(SetAttributeValue, 4, CK_SESSION_HANDLE, hSession, CK_OBJECT_HANDLE, hObject, CK_ATTRIBUTE_PTR, pTemplate, CK_ULONG, ulCount) \
	F(FindObjectsInit, 3, CK_SESSION_HANDLE, hSession, CK_ATTRIBUTE_PTR, pTemplate, CK_ULONG, ulCount) \
	F(FindObjects, 4, CK_SESSION_HANDLE, hSession, CK_OBJECT_HANDLE_PTR, phObject, CK_ULONG, ulMaxObjectCount, CK_ULONG_PTR, pulObjectCount) \
	F(FindObjectsFinal, 1, CK_SESSION_HANDLE, hSession) \
	F(EncryptInit, 3, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hKey) \
	F(Encrypt, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pData, CK_ULONG, ulDataLen, CK_BYTE_PTR, pEncryptedData, CK_ULONG_PTR, pulEncryptedDataLen) \
	F(EncryptUpdate, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pPart, CK_ULONG, ulPartLen, CK_BYTE_PTR, pEncryptedPart, CK_ULONG_PTR, pulEncryptedPartLen) \
	F(EncryptFinal, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pLastEncryptedPart, CK_ULONG_PTR, pulLastEncryptedPartLen) \
	F(DecryptInit, 3, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hKey) \
	F(Decrypt, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pEncryptedData, CK_ULONG, ulEncryptedDataLen, CK_BYTE_PTR, pData, CK_ULONG_PTR, pulDataLen) \
	F(DecryptUpdate, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pEncryptedPart, CK_ULONG, ulEncryptedPartLen, CK_BYTE_PTR, pPart, CK_ULONG_PTR, pulPartLen) \
	F(DecryptFinal, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pLastPart, CK_ULONG_PTR, pulLastPartLen) \
	F(DigestInit, 2, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism) \
	F(Digest, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pData, CK_ULONG, ulDataLen, CK_BYTE_PTR, pDigest, CK_ULONG_PTR, pulDigestLen) \
	F(DigestUpdate, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pPart, CK_ULONG, ulPartLen) \
	F(DigestKey, 2, CK_SESSION_HANDLE, hSession, CK_OBJECT_HANDLE, hKey) \
	F(DigestFinal, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pDigest, CK_ULONG_PTR, pulDigestLen) \
	F(SignInit, 3, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hKey) \
	F(Sign, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pData, CK_ULONG, ulDataLen, CK_BYTE_PTR, pSignature, CK_ULONG_PTR, pulSignatureLen) \
	F(SignUpdate, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pPart, CK_ULONG, ulPartLen) \
	F(SignFinal, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pSignature, CK_ULONG_PTR, pulSignatureLen) \
	F(SignRecoverInit, 3, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hKey) \
	F(SignRecover, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pData, CK_ULONG, ulDataLen, CK_BYTE_PTR, pSignature, CK_ULONG_PTR, pulSignatureLen) \
	F(VerifyInit, 3, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hKey) \
	F(Verify, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pData, CK_ULONG, ulDataLen, CK_BYTE_PTR, pSignature, CK_ULONG, ulSignatureLen) \
	F(VerifyUpdate, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pPart, CK_ULONG, ulPartLen) \
	F(VerifyFinal, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pSignature, CK_ULONG, ulSignatureLen) \
	F(VerifyRecoverInit, 3, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hKey) \
	F(VerifyRecover, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pSignature, CK_ULONG, ulSignatureLen, CK_BYTE_PTR, pData, CK_ULONG_PTR, pulDataLen) \
	F(DigestEncryptUpdate, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pPart, CK_ULONG, ulPartLen, CK_BYTE_PTR, pEncryptedPart, CK_ULONG_PTR, pulEncryptedPartLen) \
	F(DecryptDigestUpdate, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pEncryptedPart, CK_ULONG, ulEncryptedPartLen, CK_BYTE_PTR, pPart, CK_ULONG_PTR, pulPartLen) \
	F(SignEncryptUpdate, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pPart, CK_ULONG, ulPartLen, CK_BYTE_PTR, pEncryptedPart, CK_ULONG_PTR, pulEncryptedPartLen) \
	F(DecryptVerifyUpdate, 5, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pEncryptedPart, CK_ULONG, ulEncryptedPartLen, CK_BYTE_PTR, pPart, CK_ULONG_PTR, pulPartLen) \
	F(GenerateKey, 5, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_ATTRIBUTE_PTR, pTemplate, CK_ULONG, ulCount, CK_OBJECT_HANDLE_PTR, phKey) \
	F(GenerateKeyPair, 8, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_ATTRIBUTE_PTR, pPublicKeyTemplate, CK_ULONG, ulPublicKeyAttributeCount, CK_ATTRIBUTE_PTR, pPrivateKeyTemplate, CK_ULONG, ulPrivateKeyAttributeCount, CK_OBJECT_HANDLE_PTR, phPublicKey, CK_OBJECT_HANDLE_PTR, phPrivateKey) \
	F(WrapKey, 6, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hWrappingKey, CK_OBJECT_HANDLE, hKey, CK_BYTE_PTR, pWrappedKey, CK_ULONG_PTR, pulWrappedKeyLen) \
	F(UnwrapKey, 8, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hUnwrappingKey, CK_BYTE_PTR, pWrappedKey, CK_ULONG, ulWrappedKeyLen, CK_ATTRIBUTE_PTR, pTemplate, CK_ULONG, ulAttributeCount, CK_OBJECT_HANDLE_PTR, phKey) \
	F(DeriveKey, 6, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hBaseKey, CK_ATTRIBUTE_PTR, pTemplate, CK_ULONG, ulAttributeCount, CK_OBJECT_HANDLE_PTR, phKey) \
	F(SeedRandom, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pSeed, CK_ULONG, ulSeedLen) \
	F(GenerateRandom, 3, CK_SESSION_HANDLE, hSession, CK_BYTE_PTR, pRandomData, CK_ULONG, ulRandomLen) \
	F(GetFunctionStatus, 1, CK_SESSION_HANDLE, hSession) \
	F(CancelFunction, 1, CK_SESSION_HANDLE, hSession) \
	F(WaitForSlotEvent, 3, CK_FLAGS, flags, CK_SLOT_ID_PTR, pSlot, CK_VOID_PTR, pReserved)

#define CK_FUNCTIONS_3_0(F) \
	F(GetInterfaceList, 2, CK_INTERFACE_PTR, pInterfacesList, CK_ULONG_PTR, pulCount) \
	F(GetInterface, 4, CK_UTF8CHAR_PTR, pInterfaceName, CK_VERSION_PTR, pVersion, CK_INTERFACE_PTR_PTR, ppInterface, CK_FLAGS, flags) \
	F(LoginUser, 6, CK_SESSION_HANDLE, hSession, CK_USER_TYPE, userType, CK_UTF8CHAR_PTR, pPin, CK_ULONG, ulPinLen, CK_UTF8CHAR_PTR, pUsername, CK_ULONG, ulUsernameLen) \
	F(SessionCancel, 2, CK_SESSION_HANDLE, hSession, CK_FLAGS, flags) \
	F(MessageEncryptInit, 3, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hKey) \
	F(EncryptMessage, 9, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen, CK_BYTE_PTR, pAssociatedData, CK_ULONG, ulAssociatedDataLen, CK_BYTE_PTR, pPlaintext, CK_ULONG, ulPlaintextLen, CK_BYTE_PTR, pCiphertext, CK_ULONG_PTR, pulCiphertextLen) \
	F(EncryptMessageBegin, 5, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen, CK_BYTE_PTR, pAssociatedData, CK_ULONG, ulAssociatedDataLen) \
	F(EncryptMessageNext, 8, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen, CK_BYTE_PTR, pPlaintextPart, CK_ULONG, ulPlaintextPartLen, CK_BYTE_PTR, pCiphertextPart, CK_ULONG_PTR, pulCiphertextPartLen, CK_FLAGS, flags) \
	F(MessageEncryptFinal, 1, CK_SESSION_HANDLE, hSession) \
	F(MessageDecryptInit, 3, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hKey) \
	F(DecryptMessage, 9, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen, CK_BYTE_PTR, pAssociatedData, CK_ULONG, ulAssociatedDataLen, CK_BYTE_PTR, pCiphertext, CK_ULONG, ulCiphertextLen, CK_BYTE_PTR, pPlaintext, CK_ULONG_PTR, pulPlaintextLen) \
	F(DecryptMessageBegin, 5, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen, CK_BYTE_PTR, pAssociatedData, CK_ULONG, ulAssociatedDataLen) \
	F(DecryptMessageNext, 8, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen, CK_BYTE_PTR, pCiphertextPart, CK_ULONG, ulCiphertextPartLen, CK_BYTE_PTR, pPlaintextPart, CK_ULONG_PTR, pulPlaintextPartLen, CK_FLAGS, flags) \
	F(MessageDecryptFinal, 1, CK_SESSION_HANDLE, hSession) \
	F(MessageSignInit, 3, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hKey) \
	F(SignMessage, 7, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen, CK_BYTE_PTR, pData, CK_ULONG, ulDataLen, CK_BYTE_PTR, pSignature, CK_ULONG_PTR, pulSignatureLen) \
	F(SignMessageBegin, 3, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen) \
	F(SignMessageNext, 7, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen, CK_BYTE_PTR, pData, CK_ULONG, ulDataLen, CK_BYTE_PTR, pSignature, CK_ULONG_PTR, pulSignatureLen) \
	F(MessageSignFinal, 1, CK_SESSION_HANDLE, hSession) \
	F(MessageVerifyInit, 3, CK_SESSION_HANDLE, hSession, CK_MECHANISM_PTR, pMechanism, CK_OBJECT_HANDLE, hKey) \
	F(VerifyMessage, 7, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen, CK_BYTE_PTR, pData, CK_ULONG, ulDataLen, CK_BYTE_PTR, pSignature, CK_ULONG, ulSignatureLen) \
	F(VerifyMessageBegin, 3, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen) \
	F(VerifyMessageNext, 7, CK_SESSION_HANDLE, hSession, CK_VOID_PTR, pParameter, CK_ULONG, ulParameterLen, CK_BYTE_PTR, pData, CK_ULONG, ulDataLen, CK_BYTE_PTR, pSignature, CK_ULONG, ulSignatureLen) \
	F(MessageVerifyFinal, 1, CK_SESSION_HANDLE, hSession)

#define CK_FUNCTIONS(F) CK_FUNCTIONS_2_40(F) CK_FUNCTIONS_3_0(F)

/* The arguments of a row as a parameter list, and as what a call passes on. */
#define CK_PARAMS_1(T, a) T a
#define CK_PARAMS_2(T, a, ...) T a, CK_PARAMS_1(__VA_ARGS__)
#define CK_PARAMS_3(T, a, ...) T a, CK_PARAMS_2(__VA_ARGS__)
#define CK_PARAMS_4(T, a, ...) T a, CK_PARAMS_3(__VA_ARGS__)
#define CK_PARAMS_5(T, a, ...) T a, CK_PARAMS_4(__VA_ARGS__)
#define CK_PARAMS_6(T, a, ...) T a, CK_PARAMS_5(__VA_ARGS__)
#define CK_PARAMS_7(T, a, ...) T a, CK_PARAMS_6(__VA_ARGS__)
#define CK_PARAMS_8(T, a, ...) T a, CK_PARAMS_7(__VA_ARGS__)
#define CK_PARAMS_9(T, a, ...) T a, CK_PARAMS_8(__VA_ARGS__)
#define CK_ARGS_1(T, a) a
#define CK_ARGS_2(T, a, ...) a, CK_ARGS_1(__VA_ARGS__)
#define CK_ARGS_3(T, a, ...) a, CK_ARGS_2(__VA_ARGS__)
#define CK_ARGS_4(T, a, ...) a, CK_ARGS_3(__VA_ARGS__)
#define CK_ARGS_5(T, a, ...) a, CK_ARGS_4(__VA_ARGS__)
#define CK_ARGS_6(T, a, ...) a, CK_ARGS_5(__VA_ARGS__)
#define CK_ARGS_7(T, a, ...) a, CK_ARGS_6(__VA_ARGS__)
#define CK_ARGS_8(T, a, ...) a, CK_ARGS_7(__VA_ARGS__)
#define CK_ARGS_9(T, a, ...) a, CK_ARGS_8(__VA_ARGS__)

#define CK_DECLARE(name, n, ...) \
	extern CK_RV C_##name(CK_PARAMS_##n(__VA_ARGS__)); \
	typedef CK_RV (*CK_C_##name)(CK_PARAMS_##n(__VA_ARGS__));
CK_FUNCTIONS(CK_DECLARE)
#undef CK_DECLARE

#define CK_MEMBER(name, n, ...) CK_C_##name C_##name;
struct CK_FUNCTION_LIST {
	CK_VERSION version;
	CK_FUNCTIONS_2_40(CK_MEMBER)
};
struct CK_FUNCTION_LIST_3_0 {
	CK_VERSION version;
	CK_FUNCTIONS(CK_MEMBER)
};
#undef CK_MEMBER

/* -- flags ------------------------------------------------------------------------------------------------------ */

/* slots */
#define CKF_TOKEN_PRESENT     0x00000001UL
#define CKF_REMOVABLE_DEVICE  0x00000002UL
#define CKF_HW_SLOT           0x00000004UL
/* tokens */
#define CKF_RNG                           0x00000001UL
#define CKF_WRITE_PROTECTED               0x00000002UL
#define CKF_LOGIN_REQUIRED                0x00000004UL
#define CKF_USER_PIN_INITIALIZED          0x00000008UL
#define CKF_RESTORE_KEY_NOT_NEEDED        0x00000020UL
#define CKF_CLOCK_ON_TOKEN                0x00000040UL
#define CKF_PROTECTED_AUTHENTICATION_PATH 0x00000100UL
#define CKF_DUAL_CRYPTO_OPERATIONS        0x00000200UL
#define CKF_TOKEN_INITIALIZED             0x00000400UL
#define CKF_SECONDARY_AUTHENTICATION      0x00000800UL
#define CKF_USER_PIN_COUNT_LOW            0x00010000UL
#define CKF_USER_PIN_FINAL_TRY            0x00020000UL
#define CKF_USER_PIN_LOCKED               0x00040000UL
#define CKF_USER_PIN_TO_BE_CHANGED        0x00080000UL
#define CKF_SO_PIN_COUNT_LOW              0x00100000UL
#define CKF_SO_PIN_FINAL_TRY              0x00200000UL
#define CKF_SO_PIN_LOCKED                 0x00400000UL
#define CKF_SO_PIN_TO_BE_CHANGED          0x00800000UL
#define CKF_ERROR_STATE                   0x01000000UL
/* sessions */
#define CKF_RW_SESSION     0x00000002UL
#define CKF_SERIAL_SESSION 0x00000004UL
#define CKF_ASYNC_SESSION  0x00000008UL
/* mechanisms, and what C_SessionCancel ends */
#define CKF_HW                 0x00000001UL
#define CKF_MESSAGE_ENCRYPT    0x00000002UL
#define CKF_MESSAGE_DECRYPT    0x00000004UL
#define CKF_MESSAGE_SIGN       0x00000008UL
#define CKF_MESSAGE_VERIFY     0x00000010UL
#define CKF_MULTI_MESSAGE      0x00000020UL
#define CKF_FIND_OBJECTS       0x00000040UL
#define CKF_ENCRYPT            0x00000100UL
#define CKF_DECRYPT            0x00000200UL
#define CKF_DIGEST             0x00000400UL
#define CKF_SIGN               0x00000800UL
#define CKF_SIGN_RECOVER       0x00001000UL
#define CKF_VERIFY             0x00002000UL
#define CKF_VERIFY_RECOVER     0x00004000UL
#define CKF_GENERATE           0x00008000UL
#define CKF_GENERATE_KEY_PAIR  0x00010000UL
#define CKF_WRAP               0x00020000UL
#define CKF_UNWRAP             0x00040000UL
#define CKF_DERIVE             0x00080000UL
#define CKF_EC_F_P             0x00100000UL
#define CKF_EC_F_2M            0x00200000UL
#define CKF_EC_ECPARAMETERS    0x00400000UL
#define CKF_EC_OID             0x00800000UL
#define CKF_EC_NAMEDCURVE      CKF_EC_OID
#define CKF_EC_UNCOMPRESS      0x01000000UL
#define CKF_EC_COMPRESS        0x02000000UL
#define CKF_EC_CURVENAME       0x04000000UL
#define CKF_EXTENSION          0x80000000UL
/* elsewhere */
#define CKF_LIBRARY_CANT_CREATE_OS_THREADS 0x00000001UL
#define CKF_OS_LOCKING_OK                  0x00000002UL
#define CKF_DONT_BLOCK                     0x00000001UL
#define CKF_NEXT_OTP                       0x00000001UL
#define CKF_END_OF_MESSAGE                 0x00000001UL
#define CKF_INTERFACE_FORK_SAFE            0x00000001UL
#define CKF_ARRAY_ATTRIBUTE                0x40000000UL

/* -- small sets -------------------------------------------------------------------------------------------------- */

#define CKN_SURRENDER 0UL

#define CKU_SO               0UL
#define CKU_USER             1UL
#define CKU_CONTEXT_SPECIFIC 2UL

#define CKS_RO_PUBLIC_SESSION 0UL
#define CKS_RO_USER_FUNCTIONS 1UL
#define CKS_RW_PUBLIC_SESSION 2UL
#define CKS_RW_USER_FUNCTIONS 3UL
#define CKS_RW_SO_FUNCTIONS   4UL

#define CKO_DATA              0x00000000UL
#define CKO_CERTIFICATE       0x00000001UL
#define CKO_PUBLIC_KEY        0x00000002UL
#define CKO_PRIVATE_KEY       0x00000003UL
#define CKO_SECRET_KEY        0x00000004UL
#define CKO_HW_FEATURE        0x00000005UL
#define CKO_DOMAIN_PARAMETERS 0x00000006UL
#define CKO_MECHANISM         0x00000007UL
#define CKO_OTP_KEY           0x00000008UL
#define CKO_PROFILE           0x00000009UL
#define CKO_VENDOR_DEFINED    0x80000000UL

#define CKP_INVALID_ID                0UL
#define CKP_BASELINE_PROVIDER         1UL
#define CKP_EXTENDED_PROVIDER         2UL
#define CKP_AUTHENTICATION_TOKEN      3UL
#define CKP_PUBLIC_CERTIFICATES_TOKEN 4UL

#define CKC_X_509           0UL
#define CKC_X_509_ATTR_CERT 1UL
#define CKC_WTLS            2UL

#define CKK_RSA            0x00000000UL
#define CKK_DSA            0x00000001UL
#define CKK_DH             0x00000002UL
#define CKK_EC             0x00000003UL
#define CKK_X9_42_DH       0x00000004UL
#define CKK_GENERIC_SECRET 0x00000010UL
#define CKK_DES            0x00000013UL
#define CKK_DES2           0x00000014UL
#define CKK_DES3           0x00000015UL
#define CKK_AES            0x0000001FUL
#define CKK_CAMELLIA       0x00000025UL
#define CKK_MD5_HMAC       0x00000027UL
#define CKK_SHA_1_HMAC     0x00000028UL
#define CKK_RIPEMD160_HMAC 0x0000002AUL
#define CKK_SHA256_HMAC    0x0000002BUL
#define CKK_SHA384_HMAC    0x0000002CUL
#define CKK_SHA512_HMAC    0x0000002DUL
#define CKK_SHA224_HMAC    0x0000002EUL
#define CKK_CHACHA20       0x00000033UL
#define CKK_POLY1305       0x00000034UL
#define CKK_SHA3_224_HMAC  0x00000036UL
#define CKK_SHA3_256_HMAC  0x00000037UL
#define CKK_SHA3_384_HMAC  0x00000038UL
#define CKK_SHA3_512_HMAC  0x00000039UL
#define CKK_EC_EDWARDS     0x00000040UL
#define CKK_EC_MONTGOMERY  0x00000041UL
#define CKK_HKDF           0x00000042UL
#define CKK_VENDOR_DEFINED 0x80000000UL

#define CKG_MGF1_SHA1     0x00000001UL
#define CKG_MGF1_SHA256   0x00000002UL
#define CKG_MGF1_SHA384   0x00000003UL
#define CKG_MGF1_SHA512   0x00000004UL
#define CKG_MGF1_SHA224   0x00000005UL
#define CKG_MGF1_SHA3_224 0x00000006UL
#define CKG_MGF1_SHA3_256 0x00000007UL
#define CKG_MGF1_SHA3_384 0x00000008UL
#define CKG_MGF1_SHA3_512 0x00000009UL

#define CKG_NO_GENERATE          0UL
#define CKG_GENERATE             1UL
#define CKG_GENERATE_COUNTER     2UL
#define CKG_GENERATE_RANDOM      3UL
#define CKG_GENERATE_COUNTER_XOR 4UL

#define CKZ_DATA_SPECIFIED 1UL
#define CKZ_SALT_SPECIFIED 1UL

#define CKD_NULL          0x00000001UL
#define CKD_SHA1_KDF      0x00000002UL
#define CKD_SHA224_KDF    0x00000005UL
#define CKD_SHA256_KDF    0x00000006UL
#define CKD_SHA384_KDF    0x00000007UL
#define CKD_SHA512_KDF    0x00000008UL

#define CKP_PKCS5_PBKD2_HMAC_SHA1   0x00000001UL
#define CKP_PKCS5_PBKD2_HMAC_SHA224 0x00000003UL
#define CKP_PKCS5_PBKD2_HMAC_SHA256 0x00000004UL
#define CKP_PKCS5_PBKD2_HMAC_SHA384 0x00000005UL
#define CKP_PKCS5_PBKD2_HMAC_SHA512 0x00000006UL

#define CK_SP800_108_ITERATION_VARIABLE 0x00000001UL
#define CK_SP800_108_OPTIONAL_COUNTER   0x00000002UL
#define CK_SP800_108_DKM_LENGTH         0x00000003UL
#define CK_SP800_108_BYTE_ARRAY         0x00000004UL
#define CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS     0x00000001UL
#define CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS 0x00000002UL

#define CKF_HKDF_SALT_NULL 0x00000001UL
#define CKF_HKDF_SALT_DATA 0x00000002UL
#define CKF_HKDF_SALT_KEY  0x00000004UL

/* -- attributes ---------------------------------------------------------------------------------------------------- */

#define CKA_CLASS                      0x00000000UL
#define CKA_TOKEN                      0x00000001UL
#define CKA_PRIVATE                    0x00000002UL
#define CKA_LABEL                      0x00000003UL
#define CKA_UNIQUE_ID                  0x00000004UL
#define CKA_APPLICATION                0x00000010UL
#define CKA_VALUE                      0x00000011UL
#define CKA_OBJECT_ID                  0x00000012UL
#define CKA_CERTIFICATE_TYPE           0x00000080UL
#define CKA_ISSUER                     0x00000081UL
#define CKA_SERIAL_NUMBER              0x00000082UL
#define CKA_AC_ISSUER                  0x00000083UL
#define CKA_OWNER                      0x00000084UL
#define CKA_ATTR_TYPES                 0x00000085UL
#define CKA_TRUSTED                    0x00000086UL
#define CKA_CERTIFICATE_CATEGORY       0x00000087UL
#define CKA_JAVA_MIDP_SECURITY_DOMAIN  0x00000088UL
#define CKA_URL                        0x00000089UL
#define CKA_HASH_OF_SUBJECT_PUBLIC_KEY 0x0000008AUL
#define CKA_HASH_OF_ISSUER_PUBLIC_KEY  0x0000008BUL
#define CKA_NAME_HASH_ALGORITHM        0x0000008CUL
#define CKA_CHECK_VALUE                0x00000090UL
#define CKA_KEY_TYPE                   0x00000100UL
#define CKA_SUBJECT                    0x00000101UL
#define CKA_ID                         0x00000102UL
#define CKA_SENSITIVE                  0x00000103UL
#define CKA_ENCRYPT                    0x00000104UL
#define CKA_DECRYPT                    0x00000105UL
#define CKA_WRAP                       0x00000106UL
#define CKA_UNWRAP                     0x00000107UL
#define CKA_SIGN                       0x00000108UL
#define CKA_SIGN_RECOVER               0x00000109UL
#define CKA_VERIFY                     0x0000010AUL
#define CKA_VERIFY_RECOVER             0x0000010BUL
#define CKA_DERIVE                     0x0000010CUL
#define CKA_START_DATE                 0x00000110UL
#define CKA_END_DATE                   0x00000111UL
#define CKA_MODULUS                    0x00000120UL
#define CKA_MODULUS_BITS               0x00000121UL
#define CKA_PUBLIC_EXPONENT            0x00000122UL
#define CKA_PRIVATE_EXPONENT           0x00000123UL
#define CKA_PRIME_1                    0x00000124UL
#define CKA_PRIME_2                    0x00000125UL
#define CKA_EXPONENT_1                 0x00000126UL
#define CKA_EXPONENT_2                 0x00000127UL
#define CKA_COEFFICIENT                0x00000128UL
#define CKA_PUBLIC_KEY_INFO            0x00000129UL
#define CKA_PRIME                      0x00000130UL
#define CKA_SUBPRIME                   0x00000131UL
#define CKA_BASE                       0x00000132UL
#define CKA_PRIME_BITS                 0x00000133UL
#define CKA_SUBPRIME_BITS              0x00000134UL
#define CKA_VALUE_BITS                 0x00000160UL
#define CKA_VALUE_LEN                  0x00000161UL
#define CKA_EXTRACTABLE                0x00000162UL
#define CKA_LOCAL                      0x00000163UL
#define CKA_NEVER_EXTRACTABLE          0x00000164UL
#define CKA_ALWAYS_SENSITIVE           0x00000165UL
#define CKA_KEY_GEN_MECHANISM          0x00000166UL
#define CKA_MODIFIABLE                 0x00000170UL
#define CKA_COPYABLE                   0x00000171UL
#define CKA_DESTROYABLE                0x00000172UL
#define CKA_EC_PARAMS                  0x00000180UL
#define CKA_EC_POINT                   0x00000181UL
#define CKA_ALWAYS_AUTHENTICATE        0x00000202UL
#define CKA_WRAP_WITH_TRUSTED          0x00000210UL
#define CKA_WRAP_TEMPLATE              (CKF_ARRAY_ATTRIBUTE | 0x00000211UL)
#define CKA_UNWRAP_TEMPLATE            (CKF_ARRAY_ATTRIBUTE | 0x00000212UL)
#define CKA_DERIVE_TEMPLATE            (CKF_ARRAY_ATTRIBUTE | 0x00000213UL)
#define CKA_ALLOWED_MECHANISMS         (CKF_ARRAY_ATTRIBUTE | 0x00000600UL)
#define CKA_HW_FEATURE_TYPE            0x00000300UL
#define CKA_MECHANISM_TYPE             0x00000500UL
#define CKA_PROFILE_ID                 0x00000601UL
#define CKA_VENDOR_DEFINED             0x80000000UL

/* -- mechanisms ------------------------------------------------------------------------------------------------------ */

#define CKM_RSA_PKCS_KEY_PAIR_GEN    0x00000000UL
#define CKM_RSA_PKCS                 0x00000001UL
#define CKM_RSA_X_509                0x00000003UL
#define CKM_MD5_RSA_PKCS             0x00000005UL
#define CKM_SHA1_RSA_PKCS            0x00000006UL
#define CKM_RIPEMD160_RSA_PKCS       0x00000008UL
#define CKM_RSA_PKCS_OAEP            0x00000009UL
#define CKM_RSA_PKCS_PSS             0x0000000DUL
#define CKM_SHA1_RSA_PKCS_PSS        0x0000000EUL
#define CKM_DSA_KEY_PAIR_GEN         0x00000010UL
#define CKM_DSA                      0x00000011UL
#define CKM_DSA_SHA1                 0x00000012UL
#define CKM_DSA_SHA224               0x00000013UL
#define CKM_DSA_SHA256               0x00000014UL
#define CKM_DSA_SHA384               0x00000015UL
#define CKM_DSA_SHA512               0x00000016UL
#define CKM_DSA_SHA3_224             0x00000018UL
#define CKM_DSA_SHA3_256             0x00000019UL
#define CKM_DSA_SHA3_384             0x0000001AUL
#define CKM_DSA_SHA3_512             0x0000001BUL
#define CKM_DH_PKCS_KEY_PAIR_GEN     0x00000020UL
#define CKM_DH_PKCS_DERIVE           0x00000021UL
#define CKM_X9_42_DH_KEY_PAIR_GEN    0x00000030UL
#define CKM_X9_42_DH_DERIVE          0x00000031UL
#define CKM_SHA256_RSA_PKCS          0x00000040UL
#define CKM_SHA384_RSA_PKCS          0x00000041UL
#define CKM_SHA512_RSA_PKCS          0x00000042UL
#define CKM_SHA256_RSA_PKCS_PSS      0x00000043UL
#define CKM_SHA384_RSA_PKCS_PSS      0x00000044UL
#define CKM_SHA512_RSA_PKCS_PSS      0x00000045UL
#define CKM_SHA224_RSA_PKCS          0x00000046UL
#define CKM_SHA224_RSA_PKCS_PSS      0x00000047UL
#define CKM_SHA3_256_RSA_PKCS        0x00000060UL
#define CKM_SHA3_384_RSA_PKCS        0x00000061UL
#define CKM_SHA3_512_RSA_PKCS        0x00000062UL
#define CKM_SHA3_256_RSA_PKCS_PSS    0x00000063UL
#define CKM_SHA3_384_RSA_PKCS_PSS    0x00000064UL
#define CKM_SHA3_512_RSA_PKCS_PSS    0x00000065UL
#define CKM_SHA3_224_RSA_PKCS        0x00000066UL
#define CKM_SHA3_224_RSA_PKCS_PSS    0x00000067UL
#define CKM_DES2_KEY_GEN             0x00000130UL
#define CKM_DES3_KEY_GEN             0x00000131UL
#define CKM_DES3_ECB                 0x00000132UL
#define CKM_DES3_CBC                 0x00000133UL
#define CKM_DES3_CBC_PAD             0x00000136UL
#define CKM_DES3_CMAC_GENERAL        0x00000137UL
#define CKM_DES3_CMAC                0x00000138UL
#define CKM_MD5                      0x00000210UL
#define CKM_MD5_HMAC                 0x00000211UL
#define CKM_SHA_1                    0x00000220UL
#define CKM_SHA_1_HMAC               0x00000221UL
#define CKM_SHA_1_HMAC_GENERAL       0x00000222UL
#define CKM_RIPEMD160                0x00000240UL
#define CKM_RIPEMD160_HMAC           0x00000241UL
#define CKM_SHA256                   0x00000250UL
#define CKM_SHA256_HMAC              0x00000251UL
#define CKM_SHA256_HMAC_GENERAL      0x00000252UL
#define CKM_SHA224                   0x00000255UL
#define CKM_SHA224_HMAC              0x00000256UL
#define CKM_SHA224_HMAC_GENERAL      0x00000257UL
#define CKM_SHA384                   0x00000260UL
#define CKM_SHA384_HMAC              0x00000261UL
#define CKM_SHA384_HMAC_GENERAL      0x00000262UL
#define CKM_SHA512                   0x00000270UL
#define CKM_SHA512_HMAC              0x00000271UL
#define CKM_SHA512_HMAC_GENERAL      0x00000272UL
#define CKM_SHA3_256                 0x000002B0UL
#define CKM_SHA3_256_HMAC            0x000002B1UL
#define CKM_SHA3_224                 0x000002B5UL
#define CKM_SHA3_224_HMAC            0x000002B6UL
#define CKM_SHA3_384                 0x000002C0UL
#define CKM_SHA3_384_HMAC            0x000002C1UL
#define CKM_SHA3_512                 0x000002D0UL
#define CKM_SHA3_512_HMAC            0x000002D1UL
#define CKM_GENERIC_SECRET_KEY_GEN   0x00000350UL
#define CKM_CONCATENATE_BASE_AND_KEY  0x00000360UL
#define CKM_CONCATENATE_BASE_AND_DATA 0x00000362UL
#define CKM_CONCATENATE_DATA_AND_BASE 0x00000363UL
#define CKM_XOR_BASE_AND_DATA        0x00000364UL
#define CKM_EXTRACT_KEY_FROM_KEY     0x00000365UL
#define CKM_SHA1_KEY_DERIVATION      0x00000392UL
#define CKM_SHA256_KEY_DERIVATION    0x00000393UL
#define CKM_SHA384_KEY_DERIVATION    0x00000394UL
#define CKM_SHA512_KEY_DERIVATION    0x00000395UL
#define CKM_SHA224_KEY_DERIVATION    0x00000396UL
#define CKM_SP800_108_COUNTER_KDF    0x000003ACUL
#define CKM_SP800_108_FEEDBACK_KDF   0x000003ADUL
#define CKM_SP800_108_DOUBLE_PIPELINE_KDF 0x000003AEUL
#define CKM_PKCS5_PBKD2              0x000003B0UL
#define CKM_CAMELLIA_KEY_GEN         0x00000550UL
#define CKM_CAMELLIA_ECB             0x00000551UL
#define CKM_CAMELLIA_CBC             0x00000552UL
#define CKM_CAMELLIA_MAC             0x00000553UL
#define CKM_CAMELLIA_CBC_PAD         0x00000555UL
#define CKM_CAMELLIA_CTR             0x00000558UL
#define CKM_EC_KEY_PAIR_GEN          0x00001040UL
#define CKM_ECDSA                    0x00001041UL
#define CKM_ECDSA_SHA1               0x00001042UL
#define CKM_ECDSA_SHA224             0x00001043UL
#define CKM_ECDSA_SHA256             0x00001044UL
#define CKM_ECDSA_SHA384             0x00001045UL
#define CKM_ECDSA_SHA512             0x00001046UL
#define CKM_ECDSA_SHA3_224           0x00001047UL
#define CKM_ECDSA_SHA3_256           0x00001048UL
#define CKM_ECDSA_SHA3_384           0x00001049UL
#define CKM_ECDSA_SHA3_512           0x0000104AUL
#define CKM_ECDH1_DERIVE             0x00001050UL
#define CKM_ECDH1_COFACTOR_DERIVE    0x00001051UL
#define CKM_ECDH_AES_KEY_WRAP        0x00001053UL
#define CKM_RSA_AES_KEY_WRAP         0x00001054UL
#define CKM_EC_EDWARDS_KEY_PAIR_GEN  0x00001055UL
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN 0x00001056UL
#define CKM_EDDSA                    0x00001057UL
#define CKM_AES_KEY_GEN              0x00001080UL
#define CKM_AES_ECB                  0x00001081UL
#define CKM_AES_CBC                  0x00001082UL
#define CKM_AES_MAC                  0x00001083UL
#define CKM_AES_MAC_GENERAL          0x00001084UL
#define CKM_AES_CBC_PAD              0x00001085UL
#define CKM_AES_CTR                  0x00001086UL
#define CKM_AES_GCM                  0x00001087UL
#define CKM_AES_CCM                  0x00001088UL
#define CKM_AES_CTS                  0x00001089UL
#define CKM_AES_CMAC                 0x0000108AUL
#define CKM_AES_CMAC_GENERAL         0x0000108BUL
#define CKM_AES_XCBC_MAC             0x0000108CUL
#define CKM_AES_GMAC                 0x0000108EUL
#define CKM_DES3_ECB_ENCRYPT_DATA    0x00001102UL
#define CKM_DES3_CBC_ENCRYPT_DATA    0x00001103UL
#define CKM_AES_ECB_ENCRYPT_DATA     0x00001104UL
#define CKM_AES_CBC_ENCRYPT_DATA     0x00001105UL
#define CKM_CHACHA20_KEY_GEN         0x00001225UL
#define CKM_CHACHA20                 0x00001226UL
#define CKM_POLY1305_KEY_GEN         0x00001227UL
#define CKM_POLY1305                 0x00001228UL
#define CKM_DSA_PARAMETER_GEN        0x00002000UL
#define CKM_DH_PKCS_PARAMETER_GEN    0x00002001UL
#define CKM_X9_42_DH_PARAMETER_GEN   0x00002002UL
#define CKM_AES_KEY_WRAP             0x00002109UL
#define CKM_AES_KEY_WRAP_PAD         0x0000210AUL
#define CKM_AES_KEY_WRAP_KWP         0x0000210BUL
#define CKM_CHACHA20_POLY1305        0x00004021UL
#define CKM_HKDF_DERIVE              0x0000402AUL
#define CKM_HKDF_DATA                0x0000402BUL
#define CKM_HKDF_KEY_GEN             0x0000402CUL
#define CKM_VENDOR_DEFINED           0x80000000UL

/* -- return values ------------------------------------------------------------------------------------------------------ */

/* name without its CKR_, value */
#define CK_RETURN_VALUES(V) \
	V(OK,                               0x00000000UL) \
	V(CANCEL,                           0x00000001UL) \
	V(HOST_MEMORY,                      0x00000002UL) \
	V(SLOT_ID_INVALID,                  0x00000003UL) \
	V(GENERAL_ERROR,                    0x00000005UL) \
	V(FUNCTION_FAILED,                  0x00000006UL) \
	V(ARGUMENTS_BAD,                    0x00000007UL) \
	V(NO_EVENT,                         0x00000008UL) \
	V(NEED_TO_CREATE_THREADS,           0x00000009UL) \
	V(CANT_LOCK,                        0x0000000AUL) \
	V(ATTRIBUTE_READ_ONLY,              0x00000010UL) \
	V(ATTRIBUTE_SENSITIVE,              0x00000011UL) \
	V(ATTRIBUTE_TYPE_INVALID,           0x00000012UL) \
	V(ATTRIBUTE_VALUE_INVALID,          0x00000013UL) \
	V(ACTION_PROHIBITED,                0x0000001BUL) \
	V(DATA_INVALID,                     0x00000020UL) \
	V(DATA_LEN_RANGE,                   0x00000021UL) \
	V(DEVICE_ERROR,                     0x00000030UL) \
	V(DEVICE_MEMORY,                    0x00000031UL) \
	V(DEVICE_REMOVED,                   0x00000032UL) \
	V(ENCRYPTED_DATA_INVALID,           0x00000040UL) \
	V(ENCRYPTED_DATA_LEN_RANGE,         0x00000041UL) \
	V(AEAD_DECRYPT_FAILED,              0x00000042UL) \
	V(FUNCTION_CANCELED,                0x00000050UL) \
	V(FUNCTION_NOT_PARALLEL,            0x00000051UL) \
	V(FUNCTION_NOT_SUPPORTED,           0x00000054UL) \
	V(KEY_HANDLE_INVALID,               0x00000060UL) \
	V(KEY_SIZE_RANGE,                   0x00000062UL) \
	V(KEY_TYPE_INCONSISTENT,            0x00000063UL) \
	V(KEY_NOT_NEEDED,                   0x00000064UL) \
	V(KEY_CHANGED,                      0x00000065UL) \
	V(KEY_NEEDED,                       0x00000066UL) \
	V(KEY_INDIGESTIBLE,                 0x00000067UL) \
	V(KEY_FUNCTION_NOT_PERMITTED,       0x00000068UL) \
	V(KEY_NOT_WRAPPABLE,                0x00000069UL) \
	V(KEY_UNEXTRACTABLE,                0x0000006AUL) \
	V(MECHANISM_INVALID,                0x00000070UL) \
	V(MECHANISM_PARAM_INVALID,          0x00000071UL) \
	V(OBJECT_HANDLE_INVALID,            0x00000082UL) \
	V(OPERATION_ACTIVE,                 0x00000090UL) \
	V(OPERATION_NOT_INITIALIZED,        0x00000091UL) \
	V(PIN_INCORRECT,                    0x000000A0UL) \
	V(PIN_INVALID,                      0x000000A1UL) \
	V(PIN_LEN_RANGE,                    0x000000A2UL) \
	V(PIN_EXPIRED,                      0x000000A3UL) \
	V(PIN_LOCKED,                       0x000000A4UL) \
	V(SESSION_CLOSED,                   0x000000B0UL) \
	V(SESSION_COUNT,                    0x000000B1UL) \
	V(SESSION_HANDLE_INVALID,           0x000000B3UL) \
	V(SESSION_PARALLEL_NOT_SUPPORTED,   0x000000B4UL) \
	V(SESSION_READ_ONLY,                0x000000B5UL) \
	V(SESSION_EXISTS,                   0x000000B6UL) \
	V(SESSION_READ_ONLY_EXISTS,         0x000000B7UL) \
	V(SESSION_READ_WRITE_SO_EXISTS,     0x000000B8UL) \
	V(SIGNATURE_INVALID,                0x000000C0UL) \
	V(SIGNATURE_LEN_RANGE,              0x000000C1UL) \
	V(TEMPLATE_INCOMPLETE,              0x000000D0UL) \
	V(TEMPLATE_INCONSISTENT,            0x000000D1UL) \
	V(TOKEN_NOT_PRESENT,                0x000000E0UL) \
	V(TOKEN_NOT_RECOGNIZED,             0x000000E1UL) \
	V(TOKEN_WRITE_PROTECTED,            0x000000E2UL) \
	V(UNWRAPPING_KEY_HANDLE_INVALID,    0x000000F0UL) \
	V(UNWRAPPING_KEY_SIZE_RANGE,        0x000000F1UL) \
	V(UNWRAPPING_KEY_TYPE_INCONSISTENT, 0x000000F2UL) \
	V(USER_ALREADY_LOGGED_IN,           0x00000100UL) \
	V(USER_NOT_LOGGED_IN,               0x00000101UL) \
	V(USER_PIN_NOT_INITIALIZED,         0x00000102UL) \
	V(USER_TYPE_INVALID,                0x00000103UL) \
	V(USER_ANOTHER_ALREADY_LOGGED_IN,   0x00000104UL) \
	V(USER_TOO_MANY_TYPES,              0x00000105UL) \
	V(WRAPPED_KEY_INVALID,              0x00000110UL) \
	V(WRAPPED_KEY_LEN_RANGE,            0x00000112UL) \
	V(WRAPPING_KEY_HANDLE_INVALID,      0x00000113UL) \
	V(WRAPPING_KEY_SIZE_RANGE,          0x00000114UL) \
	V(WRAPPING_KEY_TYPE_INCONSISTENT,   0x00000115UL) \
	V(RANDOM_SEED_NOT_SUPPORTED,        0x00000120UL) \
	V(RANDOM_NO_RNG,                    0x00000121UL) \
	V(DOMAIN_PARAMS_INVALID,            0x00000130UL) \
	V(CURVE_NOT_SUPPORTED,              0x00000140UL) \
	V(BUFFER_TOO_SMALL,                 0x00000150UL) \
	V(SAVED_STATE_INVALID,              0x00000160UL) \
	V(INFORMATION_SENSITIVE,            0x00000170UL) \
	V(STATE_UNSAVEABLE,                 0x00000180UL) \
	V(CRYPTOKI_NOT_INITIALIZED,         0x00000190UL) \
	V(CRYPTOKI_ALREADY_INITIALIZED,     0x00000191UL) \
	V(MUTEX_BAD,                        0x000001A0UL) \
	V(MUTEX_NOT_LOCKED,                 0x000001A1UL) \
	V(FUNCTION_REJECTED,                0x00000200UL) \
	V(TOKEN_RESOURCE_EXCEEDED,          0x00000201UL) \
	V(OPERATION_CANCEL_FAILED,          0x00000202UL) \
	V(KEY_EXHAUSTED,                    0x00000203UL)

#define CK_RETURN_VALUE(name, value) CKR_##name = value,
enum { CK_RETURN_VALUES(CK_RETURN_VALUE) CKR_VENDOR_DEFINED = 0x80000000UL };
#undef CK_RETURN_VALUE
/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
