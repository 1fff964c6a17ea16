/* fuzz_dns.c - any bytes get no answer, or one within its limit that belongs to the query and
 * that ldns can take apart again. */
#include "directory/dns.h"
#include "directory/ldns.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max);

/* Type and class by their lower byte. */
#define QUESTION(type, class) "\x04pool\x06hsmlet\x04test\x00\x00" type "\x00" class
#define OPT "\x00\x00\x29\x10\x00\x00\x00\x80\x00\x00\x00"
#define SEED(text) \
	{ \
		text, sizeof(text) - 1 \
	}

/* clang-format off */
static const struct { const char *p; size_t n; } seeds[] = {
	SEED("\x12\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION("\x01", "\x01")),
	SEED("\x12\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01" QUESTION("\x01", "\x01") OPT),
	SEED("\x12\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION("\x1c", "\x01")),
	SEED("\x12\x04\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION("\x0f", "\x03")),
	SEED("\x12\x05\x28\x00\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION("\x06", "\x01")),
	SEED("\x12\x06\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01" "\x05other\x00\x00\x01\x00\x01" OPT),
};
/* clang-format on */

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* A pool with more members than a small answer can hold. */
static hl_err pools(void *at, const char *name, struct hl_addr *list, size_t max, size_t *n)
{
	(void)at;
	if (strcmp(name, "pool.hsmlet.test") != 0)
		return HL_E_NOT_FOUND;
	for (size_t i = 0; i < max; i++)
		list[i] = (struct hl_addr){ .family = i % 8 ? HL_INET : HL_INET6,
			.ip = { 127, 0, 0, 1 } };
	*n = max;
	return HL_OK;
}

static void ask(struct hl_bytes query, size_t limit)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(DIR_DNS_TCP);
	hl_err err = dir_dns_answer(query, limit, pools, NULL, &out);
	ldns_pkt *p = NULL;

	check(out.n <= limit);
	if (err != HL_OK) {
		check(out.n == 0 && (err == HL_E_TYPE || (err == HL_E_FULL && limit < 512)));
		return;
	}
	check(ldns_wire2pkt(&p, hl_buf_view(&out).p, out.n) == LDNS_STATUS_OK);
	check(ldns_pkt_qr(p) && ldns_pkt_qdcount(p) == 1);
	check(memcmp(hl_buf_view(&out).p, query.p, 2) == 0);
	ldns_pkt_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const size_t limits[] = { 64, 512, DIR_DNS_UDP, DIR_DNS_TCP };

	for (size_t i = 0; i < HL_COUNT(limits); i++)
		ask(hl_bytes(data, n), limits[i]);
	return 0;
}

size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	if (i >= HL_COUNT(seeds) || seeds[i].n > max)
		return 0;
	memcpy(out, seeds[i].p, seeds[i].n);
	return seeds[i].n;
}
