/* uri.h - PKCS#11 URIs (RFC 7512): how a token is named to applications. Pure. */
#pragma once

#include "lib/base/bytes.h"

/* Sizes of the fields of CK_TOKEN_INFO: what is longer is cut there, and so here. */
#define CLIENT_URI_LABEL 32
#define CLIENT_URI_SERIAL 16
#define CLIENT_URI_MODEL 16

struct client_uri {
	const char *token, *manufacturer, *serial, *model; /* NULL or "": left out */
	int64_t slot_id;                                   /* -1: left out */
};

/** Append "pkcs11:token=...;manufacturer=...;serial=...;model=...;slot-id=...". HL_E_NOMEM and HL_E_FULL stay in
 * out->err. */
void client_uri_put(struct hl_buf *out, const struct client_uri *u);

/** Append `value` as it stands in an attribute of the path. */
void client_uri_encode(struct hl_buf *out, struct hl_bytes value);
