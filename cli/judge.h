/* judge.h - whether a signature is right, said by somebody who is no part of the service. */
#pragma once

#include "cli/cli.h"
#include "lib/base/bytes.h"

/** ECDSA r||s (both of the same length) as DER: Ecdsa-Sig-Value of RFC 3279, 2.2.3. HL_E_SIGNATURE where it
 * is none. */
HL_CHECKED hl_err cli_judge_der(struct hl_bytes raw, struct hl_buf *out);

/** Write public.pem, data.bin and signature.der into `folder`. HL_E_CREATE. */
HL_CHECKED hl_err cli_judge_files(struct cli *c, const char *folder, struct hl_bytes public_key,
	struct hl_bytes data, struct hl_bytes der);
/** By the `openssl` command, on those files. HL_E_SIGNATURE: it is wrong; HL_E_NOT_FOUND: there is no such
 * command. */
HL_CHECKED hl_err cli_judge_by_command(struct cli *c, const char *folder);
/** By the OpenSSL library. `public_key` is a SubjectPublicKeyInfo (RFC 5280, 4.1). */
HL_CHECKED hl_err cli_judge_by_library(
	struct cli *c, struct hl_bytes public_key, struct hl_bytes data, struct hl_bytes der);
