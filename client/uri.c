#include "client/uri.h"

#include <string.h>

/* RFC 7512, 2.3: "pk11-pchar = unreserved / pk11-path-res-avail / pct-encoded", the first of them as in RFC 3986, 2.3. All
 * else is encoded, so that it does not matter which bytes have a meaning in a URI. */
static bool stands_for_itself(uint8_t byte)
{
	static const char others[] = "-._~" /* unreserved */
				     ":[]@!$'()*+,=" /* pk11-res-avail */
				     "&"; /* pk11-path-res-avail */

	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
	       (byte != 0 && strchr(others, byte));
}

void client_uri_encode(struct hl_buf *out, struct hl_bytes value)
{
	/* RFC 3986, 2.1: "should use uppercase hexadecimal digits for all percent-encodings" */
	for (size_t i = 0; i < value.n; i++) {
		if (stands_for_itself(value.p[i]))
			hl_buf_u8(out, value.p[i]);
		else
			hl_buf_printf(out, "%%%02X", value.p[i]);
	}
}

static void put(struct hl_buf *out, size_t *n, const char *name, const char *value, size_t most)
{
	size_t length = value ? strlen(value) : 0;

	length = length < most ? length : most;
	while (length > 0 && value[length - 1] == ' ') /* the field is padded with them */
		length--;
	if (length == 0)
		return;
	hl_buf_printf(out, "%s%s=", (*n)++ ? ";" : "", name);
	client_uri_encode(out, hl_bytes(value, length));
}

void client_uri_put(struct hl_buf *out, const struct client_uri *u)
{
	size_t n = 0;

	hl_buf_text(out, "pkcs11:");
	put(out, &n, "token", u->token, CLIENT_URI_LABEL);
	put(out, &n, "manufacturer", u->manufacturer, CLIENT_URI_LABEL);
	put(out, &n, "serial", u->serial, CLIENT_URI_SERIAL);
	put(out, &n, "model", u->model, CLIENT_URI_MODEL);
	if (u->slot_id >= 0)
		hl_buf_printf(out, "%sslot-id=%lld", n ? ";" : "", (long long)u->slot_id);
}
