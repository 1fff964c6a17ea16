/* setup.h - setup passwords: their shape, and the key that both ends make of one. */
#pragma once

#include "lib/base/env.h"
#include "lib/base/secret.h"

#define HL_SETUP_TEXT 29 /* five groups of five of A-Z 0-9, joined by '-': 129 bits */
#define HL_SETUP_KEY 32
#define HL_SETUP_LABEL "hsmlet setup key"

/** A fresh one, from the env's randomness, without bias; `out` gets HL_SETUP_TEXT characters and a NUL. */
void hl_setup_make(const struct hl_env *env, char out[HL_SETUP_TEXT + 1]);

/** HL_E_ARG where `text` has not the shape (a-z is allowed besides: the real product's have both). */
HL_CHECKED hl_err hl_setup_check(struct hl_bytes text);

/** The channel secret of kind SETUP: HKDF-SHA-256 (RFC 5869), key = password, salt = partition, info =
 * HL_SETUP_LABEL. A fast derivation is enough: the password is random and has over 128 bits. */
HL_CHECKED hl_err hl_setup_key(
	struct hl_bytes password, struct hl_bytes partition, uint8_t out[HL_SETUP_KEY]);

/** `n` symbols of `alphabet` (at most 256 of them) and a NUL, without bias. */
void hl_random_text(const struct hl_env *env, const char *alphabet, size_t n, char *out);
