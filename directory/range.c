/* range.c - address ranges of allow-lists: "192.0.2.7", "10.0.0.0/8", "2001:db8::/32". */
#include "directory/store.h"

#include <arpa/inet.h>

/* RFC 4291 2.5.5.2: ::ffff:a.b.c.d is an IPv4 host in an IPv6 spelling. */
static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

#define MAPPED_BITS 96u

struct range {
	uint8_t ip[16];
	unsigned bytes; /* 4 or 16 */
	unsigned bits;  /* of the prefix */
};

/* "0" to `most`, digits only, no leading zero, so that each range has one spelling. */
static hl_err prefix(const char *text, unsigned most, unsigned *out)
{
	unsigned bits = 0;

	if (text[0] == 0 || (text[0] == '0' && text[1] != 0))
		return HL_E_RANGE;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return HL_E_RANGE;
		bits = bits * 10 + (unsigned)(*text - '0');
		if (bits > most)
			return HL_E_RANGE;
	}
	*out = bits;
	return HL_OK;
}

/* A mapped range becomes the IPv4 range it means; one that is cut above the mark means IPv4 and
 * something else at once, which nobody writes on purpose. */
static hl_err unmap(struct range *r)
{
	if (r->bytes != 16 || memcmp(r->ip, mapped, sizeof mapped) != 0)
		return HL_OK;
	if (r->bits < MAPPED_BITS)
		return HL_E_RANGE;
	memmove(r->ip, r->ip + sizeof mapped, 4);
	r->bytes = 4;
	r->bits -= MAPPED_BITS;
	return HL_OK;
}

static hl_err parse(struct hl_bytes text, struct range *out)
{
	char copy[DIR_RANGE_TEXT];
	struct range r = { 0 };
	char *slash;

	HL_TRY(hl_bytes_str(text, copy, sizeof copy));
	slash = strchr(copy, '/');
	if (slash)
		*slash = 0;
	if (inet_pton(AF_INET, copy, r.ip) == 1)
		r.bytes = 4;
	else if (inet_pton(AF_INET6, copy, r.ip) == 1)
		r.bytes = 16;
	else
		return HL_E_RANGE;
	r.bits = r.bytes * 8;
	if (slash)
		HL_TRY(prefix(slash + 1, r.bytes * 8, &r.bits));
	HL_TRY(unmap(&r));
	*out = r;
	return HL_OK;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

hl_err dir_range_check(struct hl_bytes range)
{
	struct range r;

	return parse(range, &r);
}

bool dir_range_holds(const char *range, const struct hl_addr *peer)
{
	struct range r, host = { 0 };

	if (peer->family != HL_INET && peer->family != HL_INET6)
		return false;
	host.bytes = peer->family == HL_INET ? 4 : 16;
	host.bits = host.bytes * 8;
	memcpy(host.ip, peer->ip, host.bytes);
	if (unmap(&host) != HL_OK || parse(hl_text(range), &r) != HL_OK)
		return false;
	return r.bytes == host.bytes && same_prefix(r.ip, host.ip, r.bits);
}
