/* dns.c - one query in, one response out; the bytes are taken apart and put together by ldns. */
#include "directory/dns.h"
#include "directory/ldns.h"

#include <stdlib.h>

#define CLASSIC_UDP 512  /* RFC 1035 2.3.4: without EDNS0 */
#define ADDRESS_BYTES 16 /* of an A record whose owner is a pointer (RFC 1035 4.1.4) */
#define EDNS_BADVERS 1   /* RFC 6891 9: extended RCODE 16, of which the upper 8 bits stand in OPT */

static void packet_freep(ldns_pkt **p)
{
	ldns_pkt_free(*p);
}

static void rr_freep(ldns_rr **rr)
{
	ldns_rr_free(*rr);
}

static void rdf_freep(ldns_rdf **rdf)
{
	ldns_rdf_deep_free(*rdf);
}

/* Push a part that was made just now; ldns then owns it. NULL: it could not be made. */
static hl_err push_rdf(ldns_rr *rr, ldns_rdf *rdf)
{
	if (!rdf)
		return HL_E_NOMEM;
	if (!ldns_rr_push_rdf(rr, rdf)) {
		ldns_rdf_deep_free(rdf);
		return HL_E_NOMEM;
	}
	return HL_OK;
}

static hl_err record(ldns_rdf *owner, ldns_rr_type type, ldns_rr **out)
{
	ldns_rr *rr = ldns_rr_new();
	ldns_rdf *copy = ldns_rdf_clone(owner);

	if (!rr || !copy) {
		ldns_rr_free(rr);
		ldns_rdf_deep_free(copy);
		return HL_E_NOMEM;
	}
	ldns_rr_set_owner(rr, copy);
	ldns_rr_set_type(rr, type);
	ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(rr, DIR_DNS_TTL_S);
	*out = rr;
	return HL_OK;
}

static hl_err push_record(ldns_pkt *answer, ldns_pkt_section section, ldns_rr **rr)
{
	if (!ldns_pkt_push_rr(answer, section, *rr))
		return HL_E_NOMEM;
	*rr = NULL;
	return HL_OK;
}

/* RFC 2308 2: what does not exist is told with the SOA, whose last number is how long that may
 * be kept. The directory knows names, not zones, so each name counts as lying in the zone one
 * label up. */
static hl_err add_soa(ldns_pkt *answer, const ldns_rdf *name)
{
	static const uint32_t serial_refresh_retry_expire_minimum[] = { 1, 3600, 600, 86400,
		DIR_DNS_TTL_S };
	HL_AUTO(rdf_freep)
	ldns_rdf *zone = ldns_dname_label_count(name) > 0 ? ldns_dname_left_chop(name)
							  : ldns_rdf_clone(name);
	HL_AUTO(rr_freep) ldns_rr *rr = NULL;

	if (!zone)
		return HL_E_NOMEM;
	HL_TRY(record(zone, LDNS_RR_TYPE_SOA, &rr));
	HL_TRY(push_rdf(rr, ldns_rdf_clone(zone)));
	HL_TRY(push_rdf(rr, ldns_dname_new_frm_str("."))); /* no mailbox */
	for (size_t i = 0; i < HL_COUNT(serial_refresh_retry_expire_minimum); i++)
		HL_TRY(push_rdf(rr,
			ldns_native2rdf_int32(i == 0 ? LDNS_RDF_TYPE_INT32 : LDNS_RDF_TYPE_PERIOD,
				serial_refresh_retry_expire_minimum[i])));
	return push_record(answer, LDNS_SECTION_AUTHORITY, &rr);
}

static hl_err add_address(ldns_pkt *answer, ldns_rdf *owner, const struct hl_addr *a)
{
	HL_AUTO(rr_freep) ldns_rr *rr = NULL;
	bool v4 = a->family == HL_INET;

	HL_TRY(record(owner, v4 ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA, &rr));
	HL_TRY(push_rdf(rr, ldns_rdf_new_frm_data(v4 ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA,
				    v4 ? 4 : 16, a->ip)));
	return push_record(answer, LDNS_SECTION_ANSWER, &rr);
}

/* Keep those of `family`; their number. */
static size_t keep_family(struct hl_addr *list, size_t n, uint8_t family)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (list[i].family == family)
			list[kept++] = list[i];
	return kept;
}

/* Multiplied, since many clients count their ids up from somewhere, or use them in even steps. */
static size_t rotation(uint16_t id, size_t n)
{
	return (id * 2654435761u >> 16) % n;
}

static hl_err add_addresses(ldns_pkt *answer, ldns_rr *question, struct hl_addr *list, size_t n)
{
	ldns_rdf *name = ldns_rr_owner(question);
	size_t first;

	switch (ldns_rr_get_type(question)) {
	case LDNS_RR_TYPE_A:
		n = keep_family(list, n, HL_INET);
		break;
	case LDNS_RR_TYPE_AAAA:
		n = keep_family(list, n, HL_INET6);
		break;
	default:
		n = 0;
	}
	if (n == 0)
		return add_soa(answer, name);
	first = rotation(ldns_pkt_id(answer), n);
	for (size_t i = 0; i < n; i++)
		HL_TRY(add_address(answer, name, &list[(first + i) % n]));
	return HL_OK;
}

/* The name as the pools are called: ASCII letters lowered (RFC 4343 3), odd bytes escaped by
 * ldns, so that a dot inside a label is not taken for one between labels. */
static hl_err name_text(const ldns_rdf *name, char **out)
{
	char *text = ldns_rdf2str(name);
	size_t n;

	if (!text)
		return HL_E_NOMEM;
	n = strlen(text);
	if (n > 0 && text[n - 1] == '.')
		text[n - 1] = 0;
	for (char *c = text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	*out = text;
	return HL_OK;
}

static void free_text(char **text)
{
	free(*text);
}

static hl_err look_up(ldns_pkt *answer, ldns_rr *question, dir_dns_pool *pool, void *at)
{
	HL_AUTO(free_text) char *name = NULL;
	struct hl_addr list[DIR_DNS_MEMBERS];
	size_t n = 0;

	HL_TRY(name_text(ldns_rr_owner(question), &name));
	switch (pool(at, name, list, HL_COUNT(list), &n)) {
	case HL_OK:
		return add_addresses(answer, question, list, n);
	case HL_E_NOT_FOUND:
		ldns_pkt_set_rcode(answer, LDNS_RCODE_NXDOMAIN);
		return add_soa(answer, ldns_rr_owner(question));
	default:
		ldns_pkt_set_rcode(answer, LDNS_RCODE_SERVFAIL);
		ldns_pkt_set_aa(answer, false);
		return HL_OK;
	}
}

/* What is answered follows from opcode, EDNS version, class, name and type, in this order. */
static hl_err decide(
	const ldns_pkt *query, ldns_rr *question, dir_dns_pool *pool, void *at, ldns_pkt *answer)
{
	if (ldns_pkt_get_opcode(query) != LDNS_PACKET_QUERY) {
		ldns_pkt_set_rcode(answer, LDNS_RCODE_NOTIMPL);
		return HL_OK;
	}
	/* RFC 6891 6.1.3: "If a responder does not implement the VERSION level of the request,
	 * then it MUST respond with RCODE=BADVERS." */
	if (ldns_pkt_edns(query) && ldns_pkt_edns_version(query) > 0) {
		ldns_pkt_set_edns_extended_rcode(answer, EDNS_BADVERS);
		return HL_OK;
	}
	if (ldns_rr_get_class(question) != LDNS_RR_CLASS_IN) {
		ldns_pkt_set_rcode(answer, LDNS_RCODE_REFUSED);
		return HL_OK;
	}
	ldns_pkt_set_aa(answer, true);
	return look_up(answer, question, pool, at);
}

/* No records yet: id, opcode, RD and question of the query, and EDNS0 where it has that. */
static hl_err begin(const ldns_pkt *query, ldns_rr *question, ldns_pkt *answer)
{
	HL_AUTO(rr_freep) ldns_rr *copy = ldns_rr_clone(question);

	if (!copy)
		return HL_E_NOMEM;
	ldns_rr_set_question(copy, true);
	ldns_pkt_set_id(answer, ldns_pkt_id(query));
	ldns_pkt_set_qr(answer, true);
	ldns_pkt_set_opcode(answer, ldns_pkt_get_opcode(query));
	ldns_pkt_set_rd(answer, ldns_pkt_rd(query));
	if (ldns_pkt_edns(query)) {
		ldns_pkt_set_edns_udp_size(answer, DIR_DNS_UDP);
		/* RFC 3225 3: "The DO bit of the query MUST be copied in the response." */
		ldns_pkt_set_edns_do(answer, ldns_pkt_edns_do(query));
	}
	return push_record(answer, LDNS_SECTION_QUESTION, &copy);
}

/* RFC 6891 6.2.3: values below 512 count as 512. */
static size_t asker_limit(const ldns_pkt *query, size_t limit)
{
	size_t asker = ldns_pkt_edns(query) ? ldns_pkt_edns_udp_size(query) : 0;

	if (asker < CLASSIC_UDP)
		asker = CLASSIC_UDP;
	return limit <= DIR_DNS_UDP && asker < limit ? asker : limit;
}

static void drop_last(ldns_pkt *answer, ldns_pkt_section section, ldns_rr_list *list)
{
	ldns_rr_free(ldns_rr_list_pop_rr(list));
	ldns_pkt_set_section_count(answer, section, (uint16_t)ldns_rr_list_rr_count(list));
}

/* Take `excess` bytes away, if the records are of the smallest kind; false: there are none. */
static bool shorten(ldns_pkt *answer, size_t excess)
{
	size_t records = (excess + ADDRESS_BYTES - 1) / ADDRESS_BYTES;
	bool dropped = false;

	/* RFC 1035 4.1.1: TC "specifies that this message was truncated". */
	ldns_pkt_set_tc(answer, true);
	for (; records > 0 && ldns_rr_list_rr_count(ldns_pkt_answer(answer)) > 0; records--) {
		drop_last(answer, LDNS_SECTION_ANSWER, ldns_pkt_answer(answer));
		dropped = true;
	}
	if (!dropped && ldns_rr_list_rr_count(ldns_pkt_authority(answer)) > 0) {
		drop_last(answer, LDNS_SECTION_AUTHORITY, ldns_pkt_authority(answer));
		dropped = true;
	}
	return dropped;
}

static hl_err write_answer(ldns_pkt *answer, size_t limit, struct hl_buf *out)
{
	for (;;) {
		uint8_t *wire = NULL;
		size_t n = 0, excess;

		if (ldns_pkt2wire(&wire, answer, &n) != LDNS_STATUS_OK)
			return HL_E_NOMEM;
		excess = n > limit ? n - limit : 0;
		if (excess == 0)
			hl_buf_put(out, hl_bytes(wire, n));
		free(wire);
		if (excess == 0)
			return out->err;
		if (!shorten(answer, excess))
			return HL_E_FULL;
	}
}

/* NULL for a response, and for what has not exactly one question. */
static ldns_rr *question_of(const ldns_pkt *query)
{
	ldns_rr_list *list = ldns_pkt_question(query);

	/* To answer a response would let two servers talk to each other for ever. */
	if (ldns_pkt_qr(query) || ldns_rr_list_rr_count(list) != 1)
		return NULL;
	return ldns_rr_list_rr(list, 0);
}

hl_err dir_dns_answer(
	struct hl_bytes query, size_t limit, dir_dns_pool *pool, void *at, struct hl_buf *out)
{
	HL_AUTO(packet_freep) ldns_pkt *q = NULL;
	HL_AUTO(packet_freep) ldns_pkt *answer = NULL;
	ldns_rr *question;

	if (ldns_wire2pkt(&q, query.p, query.n) != LDNS_STATUS_OK)
		return HL_E_TYPE;
	question = question_of(q);
	if (!question)
		return HL_E_TYPE;
	answer = ldns_pkt_new();
	if (!answer)
		return HL_E_NOMEM;
	HL_TRY(begin(q, question, answer));
	HL_TRY(decide(q, question, pool, at, answer));
	return write_answer(answer, asker_limit(q, limit), out);
}
