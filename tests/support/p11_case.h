/* p11_case.h - uses of keys through C_* functions, each told by a line of words.
 *
 *	key NAME KIND PART=HEX ...                             a key, made anew for each way at its first use
 *	WAY MECHANISM NAME PARAMETER IN OUT CODE what it is    a case
 *
 * Ways:
 *	sign, verify     IN is the data, OUT the signature
 *	mac              both with a secret key
 *	encrypt, decrypt from IN to OUT; cipher: there and back
 *	wrap, unwrap     IN is the value of a generic secret and OUT the wrapped key; or the other way round
 *	derive           OUT is the key, whose length is wanted; unless IN is another length, 0 for none
 *	generate         OUT is the key (PKCS5_PBKD2)
 *	import           the key itself, by C_CreateObject
 *
 * PARAMETER is `-`, or a word with its fields between colons (p11_case.c has them in a table). Bytes are hex, `-` is
 * nothing. CODE is what is returned, without its CKR_; only after OK is OUT looked at. */
#pragma once

#include "tests/support/p11.h"

enum p11_case_is { P11_CASE_KEY, P11_CASE_GOOD, P11_CASE_BAD };

struct p11_cases;
struct p11_cases *p11_cases_new(CK_SESSION_HANDLE s);
void p11_cases_free(struct p11_cases *c);
/** Do what the line says, which is cut up; what does not come out as told is a failed assertion that names `where`.
 * Aborts where the line is none. */
enum p11_case_is p11_case(struct p11_cases *c, char *line, const char *where);
