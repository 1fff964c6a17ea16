/* A ticket from outside. An even first byte: the rest as it came, where nothing but the sample may
 * open. An odd one: the rest under a right MAC, so that the fields are reached too. */
#include "lib/auth/ticket.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tests/fuzz/fuzz.h"

#define LABEL "hsmlet ticket"

static const uint8_t key_bytes[32] = "a key of thirty-two bytes, fixed";
static const struct hl_bytes key = { key_bytes, sizeof key_bytes };

static void seal_sample(struct hl_buf *out)
{
	struct hl_ticket t = {
		.grant = hl_text("grant-0123456789"),
		.binding = hl_text("binding-0123456789abcdef-binding"),
		.connection = hl_text("connection-01234"),
		.partition = hl_text("PRIMUSDEV001"),
		.client = hl_text("127.0.0.1"),
		.proxy = hl_text("proxy1"),
		.hsm = hl_text("hsm1"),
		.issued_ms = 1700000000000u,
		.expires_ms = 1700000030000u,
		.incarnation = hl_text("incarna1"),
	};

	HL_FUZZ_MUST(hl_ticket_seal(key, &t, out) == HL_OK);
}

/* What opened can be sealed again, and then holds the same. Fields that a later version added are
 * lost on the way, so only the second sealing must equal the first. */
static void seal_again(const struct hl_ticket *t)
{
	struct hl_buf first = hl_buf(1024), second = hl_buf(1024);
	struct hl_ticket again;

	HL_FUZZ_MUST(hl_ticket_seal(key, t, &first) == HL_OK);
	HL_FUZZ_MUST(hl_ticket_open(key, hl_buf_view(&first), &again) == HL_OK);
	HL_FUZZ_MUST(hl_ticket_seal(key, &again, &second) == HL_OK);
	HL_FUZZ_MUST(hl_bytes_eq(hl_buf_view(&first), hl_buf_view(&second)));
	HL_FUZZ_MUST(hl_bytes_eq(again.partition, t->partition) && hl_bytes_eq(again.hsm, t->hsm));
	HL_FUZZ_MUST(again.issued_ms == t->issued_ms && again.expires_ms == t->expires_ms);
	hl_buf_clear(&first);
	hl_buf_clear(&second);
}

static void open_raw(struct hl_bytes input)
{
	struct hl_buf right = hl_buf(1024);
	struct hl_ticket t;
	hl_err err = hl_ticket_open(key, input, &t);

	seal_sample(&right);
	HL_FUZZ_MUST(err == (hl_bytes_eq(input, hl_buf_view(&right)) ? HL_OK : HL_E_TICKET));
	hl_buf_clear(&right);
}

static void open_under_a_right_mac(struct hl_bytes fields)
{
	struct hl_buf b = hl_buf(HL_BUF_MAX);
	struct hl_ticket t;
	uint8_t mac[HL_MAC];
	unsigned n = 0;
	hl_err err;

	hl_buf_text(&b, LABEL);
	hl_buf_put(&b, fields);
	HL_FUZZ_MUST(HMAC(EVP_sha256(), key.p, (int)key.n, hl_buf_view(&b).p, b.n, mac, &n));
	hl_buf_put(&b, hl_bytes(mac, n));
	hl_buf_eat(&b, strlen(LABEL));
	err = hl_ticket_open(key, hl_buf_view(&b), &t);
	HL_FUZZ_MUST(err == HL_OK || err == HL_E_TICKET);
	if (err == HL_OK)
		seal_again(&t);
	hl_buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	if (data[0] % 2 == 0)
		open_raw(hl_bytes(data + 1, n - 1));
	else
		open_under_a_right_mac(hl_bytes(data + 1, n - 1));
	return 0;
}

size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	struct hl_buf b = hl_buf(max);

	if (i > 1)
		return 0;
	hl_buf_u8(&b, (uint8_t)i);
	seal_sample(&b);
	if (i == 1)
		hl_buf_cut(&b, b.n - HL_MAC);
	return hl_fuzz_give(&b, out, max);
}
