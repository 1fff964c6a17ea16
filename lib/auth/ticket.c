#include "lib/auth/ticket.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define LABEL (sizeof HL_TICKET_LABEL - 1)

static void md_freep(EVP_MD_CTX **md)
{
	EVP_MD_CTX_free(*md);
}

hl_err hl_binding(struct hl_bytes hello, struct hl_bytes request, struct hl_bytes answer,
	uint8_t out[HL_BINDING])
{
	const struct hl_bytes frame[] = { hello, request, answer };
	HL_AUTO(md_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t hash[HL_BINDING];

	if (!md)
		return HL_E_NOMEM;
	if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		return HL_E_CRYPTO;
	for (size_t i = 0; i < HL_COUNT(frame); i++)
		if (EVP_DigestUpdate(md, frame[i].p, frame[i].n) != 1)
			return HL_E_CRYPTO;
	if (EVP_DigestFinal_ex(md, hash, NULL) != 1)
		return HL_E_CRYPTO;
	memcpy(out, hash, sizeof hash);
	return HL_OK;
}

static hl_err mac_of(struct hl_bytes key, struct hl_bytes labelled, uint8_t out[HL_MAC])
{
	unsigned n = 0;

	if (key.n < HL_TICKET_KEY_MIN || key.n > HL_FRAME_MAX)
		return HL_E_ARG;
	if (!HMAC(EVP_sha256(), key.p, (int)key.n, labelled.p, labelled.n, out, &n) || n != HL_MAC)
		return HL_E_CRYPTO;
	return HL_OK;
}

hl_err hl_ticket_seal(struct hl_bytes key, const struct hl_ticket *t, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf sealed = hl_buf(LABEL + HL_TICKET_MAX);
	uint8_t mac[HL_MAC];

	hl_buf_put(&sealed, hl_bytes(HL_TICKET_LABEL, LABEL));
	hl_body_put(&sealed, &hl_msg_ticket, t);
	HL_TRY(sealed.err);
	HL_TRY(mac_of(key, hl_buf_view(&sealed), mac));
	hl_buf_put(&sealed, hl_bytes(mac, sizeof mac));
	HL_TRY(sealed.err);
	hl_buf_eat(&sealed, LABEL);
	hl_buf_put(out, hl_buf_view(&sealed));
	return out->err;
}

static hl_err check_mac(struct hl_bytes key, struct hl_bytes fields, struct hl_bytes mac)
{
	HL_AUTO(hl_buf_clear) struct hl_buf labelled = hl_buf(LABEL + HL_TICKET_MAX);
	uint8_t right[HL_MAC];

	hl_buf_put(&labelled, hl_bytes(HL_TICKET_LABEL, LABEL));
	hl_buf_put(&labelled, fields);
	HL_TRY(labelled.err);
	HL_TRY(mac_of(key, hl_buf_view(&labelled), right));
	return hl_bytes_eq_secret(hl_bytes(right, sizeof right), mac) ? HL_OK : HL_E_TICKET;
}

/* One answer for every fault: whoever shows a false ticket learns nothing from the refusal. */
hl_err hl_ticket_open(struct hl_bytes key, struct hl_bytes sealed, struct hl_ticket *out)
{
	struct hl_ticket t;
	struct hl_bytes fields, mac;

	if (sealed.n < HL_MAC || sealed.n > HL_TICKET_MAX)
		return HL_E_TICKET;
	fields = hl_bytes(sealed.p, sealed.n - HL_MAC);
	mac = hl_bytes(sealed.p + fields.n, HL_MAC);
	if (check_mac(key, fields, mac) != HL_OK ||
		hl_body_get(&hl_msg_ticket, fields, &t) != HL_OK)
		return HL_E_TICKET;
	*out = t;
	return HL_OK;
}
