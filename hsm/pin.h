/* pin.h - the slow hash of PKCS#11 PINs: PBKDF2-HMAC-SHA-256 (RFC 8018), about 10 ms. */
#pragma once

#include "lib/base/bytes.h"

#define HSM_PIN_MIN 4   /* bytes of one that somebody chooses */
#define HSM_PIN_TEXT 32 /* longest */
#define HSM_PIN_MADE 12 /* symbols of one that the HSM makes */
#define HSM_PIN_SALT 16
#define HSM_PIN_HASH 32
#define HSM_PIN_ITERATIONS 20000

/* A PIN that was hashed and is to be kept. */
struct hsm_hashed {
	uint8_t salt[HSM_PIN_SALT], hash[HSM_PIN_HASH];
};

/** HL_E_ARG for an empty PIN. Runs on any thread. */
HL_CHECKED hl_err hsm_pin_hash(
	struct hl_bytes pin, struct hl_bytes salt, uint32_t iterations, uint8_t out[HSM_PIN_HASH]);
