/* ldns.h - <ldns/ldns.h>, with the two OpenSSL types that it names in prototypes nobody here calls.
 *
 * We build with OPENSSL_NO_DEPRECATED, under which OpenSSL 3.0 no longer declares them. */
#pragma once

typedef struct rsa_st RSA;
typedef struct dsa_st DSA;

#include <ldns/ldns.h>
