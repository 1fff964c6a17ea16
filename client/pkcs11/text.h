/* text.h - strings and versions as PKCS #11 has them. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "client/pkcs11/cryptoki.h"

/* It introduces itself as what it is. */
#define P11_MAKER "hsmlet (simulator)"
#define P11_MODEL "hsmlet"

/** Blank-padded, never zero-terminated; what is too long is cut. */
static inline void p11_pad(CK_BYTE *out, size_t size, const char *text)
{
	size_t n = strlen(text);

	n = n < size ? n : size;
	memcpy(out, text, n);
	memset(out + n, ' ', size - n);
}

/** "hsmlet 3.1.4 (simulator)" > { 3, 1 }. */
static inline CK_VERSION p11_version(const char *text)
{
	char *dot;
	unsigned long major = strtoul(text + strcspn(text, "0123456789"), &dot, 10);

	return (CK_VERSION){ (CK_BYTE)major, (CK_BYTE)(*dot == '.' ? strtoul(dot + 1, NULL, 10) : 0) };
}
