/* Answers are judged by taking them apart again with ldns. */
#include "directory/dns.h"
#include "directory/ldns.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define POOL "pool.hsmlet.test"

/* The pools of these tests; `members` of POOL, IPv4 unless `v6_too`. */
static size_t members;
static bool v6_too;
static char asked[1100];

static hl_err pools(void *at, const char *name, struct hl_addr *list, size_t max, size_t *n)
{
	snprintf(asked, sizeof asked, "%s", name);
	CU_ASSERT_PTR_EQUAL(at, asked);
	if (strcmp(name, "broken.hsmlet.test") == 0)
		return HL_E_STORE;
	if (strcmp(name, POOL) != 0)
		return HL_E_NOT_FOUND;
	for (*n = 0; *n < members && *n < max; ++*n)
		list[*n] = (struct hl_addr){ HL_INET, { 127, 1, 2, (uint8_t)(11 + *n) }, 2310 };
	for (size_t i = 0; v6_too && i < 2 && *n < max; i++, ++*n)
		list[*n] = (struct hl_addr){ HL_INET6, { [15] = (uint8_t)(1 + i) }, 2310 };
	return HL_OK;
}

struct ask {
	const char *name;
	ldns_rr_type type;
	ldns_rr_class class;
	uint16_t id, edns; /* edns: size told, 0: no OPT */
	uint8_t edns_version;
	ldns_pkt_opcode opcode;
	bool rd, dnssec_ok;
};

static struct hl_buf query(const struct ask *a)
{
	ldns_pkt *p = ldns_pkt_new();
	ldns_rr *rr = ldns_rr_new();
	struct hl_buf out = hl_buf(65535);
	uint8_t *wire = NULL;
	size_t n = 0;

	ldns_rr_set_owner(rr, ldns_dname_new_frm_str(a->name));
	ldns_rr_set_type(rr, a->type ? a->type : LDNS_RR_TYPE_A);
	ldns_rr_set_class(rr, a->class ? a->class : LDNS_RR_CLASS_IN);
	ldns_rr_set_question(rr, true);
	ldns_pkt_push_rr(p, LDNS_SECTION_QUESTION, rr);
	ldns_pkt_set_id(p, a->id);
	ldns_pkt_set_rd(p, a->rd);
	ldns_pkt_set_opcode(p, a->opcode);
	if (a->edns) {
		ldns_pkt_set_edns_udp_size(p, a->edns);
		ldns_pkt_set_edns_version(p, a->edns_version);
		ldns_pkt_set_edns_do(p, a->dnssec_ok);
	}
	CU_ASSERT_EQUAL(ldns_pkt2wire(&wire, p, &n), LDNS_STATUS_OK);
	hl_buf_put(&out, hl_bytes(wire, n));
	free(wire);
	ldns_pkt_free(p);
	return out;
}

static hl_err answer(struct hl_bytes q, size_t limit, struct hl_buf *out)
{
	return dir_dns_answer(q, limit, pools, asked, out);
}

/* The answer, taken apart; what every answer has is checked here. To be freed with
 * ldns_pkt_free(). */
static ldns_pkt *reply(const struct ask *a, size_t limit)
{
	HL_AUTO(hl_buf_clear) struct hl_buf q = query(a);
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(65535);
	ldns_pkt *p = NULL;
	ldns_rr *question;
	char *name;

	CU_ASSERT_EQUAL_FATAL(answer(hl_buf_view(&q), limit, &out), HL_OK);
	CU_ASSERT(out.n <= limit);
	CU_ASSERT_EQUAL_FATAL(ldns_wire2pkt(&p, hl_buf_view(&out).p, out.n), LDNS_STATUS_OK);
	CU_ASSERT_EQUAL(ldns_pkt_id(p), a->id);
	CU_ASSERT_TRUE(ldns_pkt_qr(p));
	CU_ASSERT_FALSE(ldns_pkt_ra(p));
	CU_ASSERT_FALSE(ldns_pkt_ad(p));
	CU_ASSERT_EQUAL(ldns_pkt_rd(p), a->rd);
	CU_ASSERT_EQUAL(ldns_pkt_get_opcode(p), a->opcode);
	CU_ASSERT_EQUAL(ldns_pkt_edns(p), a->edns != 0);
	CU_ASSERT_EQUAL_FATAL(ldns_pkt_qdcount(p), 1);
	question = ldns_rr_list_rr(ldns_pkt_question(p), 0);
	name = ldns_rdf2str(ldns_rr_owner(question));
	CU_ASSERT_STRING_EQUAL(name, a->name);
	free(name);
	CU_ASSERT_EQUAL(ldns_rr_get_type(question), a->type ? a->type : LDNS_RR_TYPE_A);
	CU_ASSERT_EQUAL(ldns_rr_get_class(question), a->class ? a->class : LDNS_RR_CLASS_IN);
	return p;
}

static ldns_rr *answer_rr(ldns_pkt *p, size_t i)
{
	return ldns_rr_list_rr(ldns_pkt_answer(p), i);
}

/* Last byte of the i-th address. */
static unsigned host(ldns_pkt *p, size_t i)
{
	const ldns_rdf *rdf = ldns_rr_rdf(answer_rr(p, i), 0);

	return ldns_rdf_data(rdf)[ldns_rdf_size(rdf) - 1];
}

static void check_soa(ldns_pkt *p, const char *zone)
{
	ldns_rr *soa;
	char *name;

	CU_ASSERT_EQUAL(ldns_pkt_ancount(p), 0);
	CU_ASSERT_TRUE(ldns_pkt_aa(p));
	CU_ASSERT_EQUAL_FATAL(ldns_pkt_nscount(p), 1);
	soa = ldns_rr_list_rr(ldns_pkt_authority(p), 0);
	CU_ASSERT_EQUAL(ldns_rr_get_type(soa), LDNS_RR_TYPE_SOA);
	CU_ASSERT_EQUAL(ldns_rr_ttl(soa), DIR_DNS_TTL_S);
	CU_ASSERT_EQUAL(ldns_rr_rd_count(soa), 7);
	CU_ASSERT_EQUAL(ldns_rdf2native_int32(ldns_rr_rdf(soa, 6)), DIR_DNS_TTL_S);
	name = ldns_rdf2str(ldns_rr_owner(soa));
	CU_ASSERT_STRING_EQUAL(name, zone);
	free(name);
}

static void set_up(size_t n, bool v6)
{
	members = n;
	v6_too = v6;
	asked[0] = 0;
}

/* ---- tests ---- */

static void a_pool_has_its_ipv4_members(void)
{
	ldns_pkt *p;
	unsigned seen = 0;

	set_up(3, true);
	p = reply(&(struct ask){ .name = POOL ".", .id = 0xbeef, .rd = true }, DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_NOERROR);
	CU_ASSERT_TRUE(ldns_pkt_aa(p));
	CU_ASSERT_FALSE(ldns_pkt_tc(p));
	CU_ASSERT_EQUAL(ldns_pkt_nscount(p), 0);
	CU_ASSERT_EQUAL_FATAL(ldns_pkt_ancount(p), 3);
	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(ldns_rr_get_type(answer_rr(p, i)), LDNS_RR_TYPE_A);
		CU_ASSERT_EQUAL(ldns_rr_ttl(answer_rr(p, i)), DIR_DNS_TTL_S);
		seen |= 1u << (host(p, i) - 11);
	}
	CU_ASSERT_EQUAL(seen, 7);
	CU_ASSERT_STRING_EQUAL(asked, POOL);
	ldns_pkt_free(p);
}

static void the_order_is_turned_by_the_id_and_every_member_comes_first(void)
{
	unsigned first[3] = { 0 };

	set_up(3, false);
	for (uint16_t id = 0; id < 3000; id++) {
		ldns_pkt *p = reply(&(struct ask){ .name = POOL ".", .id = id }, DIR_DNS_UDP);

		first[host(p, 0) - 11]++;
		for (size_t i = 1; i < 3; i++)
			CU_ASSERT_EQUAL(host(p, i) - 11, (host(p, i - 1) - 11 + 1) % 3);
		ldns_pkt_free(p);
	}
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT(first[i] > 700 && first[i] < 1300);
}

static void aaaa_is_empty_where_there_are_no_ipv6_members(void)
{
	ldns_pkt *p;

	set_up(3, false);
	p = reply(&(struct ask){ .name = POOL ".", .type = LDNS_RR_TYPE_AAAA }, DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_NOERROR);
	check_soa(p, "hsmlet.test.");
	ldns_pkt_free(p);

	set_up(3, true);
	p = reply(&(struct ask){ .name = POOL ".", .type = LDNS_RR_TYPE_AAAA }, DIR_DNS_UDP);
	CU_ASSERT_EQUAL_FATAL(ldns_pkt_ancount(p), 2);
	CU_ASSERT_EQUAL(ldns_rr_get_type(answer_rr(p, 0)), LDNS_RR_TYPE_AAAA);
	CU_ASSERT_EQUAL(host(p, 0) + host(p, 1), 3);
	ldns_pkt_free(p);
}

static void other_names_do_not_exist(void)
{
	static const struct {
		const char *name, *zone;
	} rows[] = {
		{ "other.hsmlet.test.", "hsmlet.test." },
		{ "x." POOL ".", POOL "." },
		{ "hsmlet.test.", "test." },
		{ "test.", "." },
		{ ".", "." },
		{ "pool\\.hsmlet.test.", "test." }, /* a dot inside a label */
		{ "pool.hsmlet.test\\000.", "hsmlet.test\\000." },
	};

	set_up(3, false);
	for (size_t i = 0; i < HL_COUNT(rows); i++) {
		ldns_pkt *p = reply(&(struct ask){ .name = rows[i].name }, DIR_DNS_UDP);

		CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_NXDOMAIN);
		check_soa(p, rows[i].zone);
		ldns_pkt_free(p);
	}
}

static void other_types_are_empty(void)
{
	static const ldns_rr_type types[] = { LDNS_RR_TYPE_MX, LDNS_RR_TYPE_TXT, LDNS_RR_TYPE_NS,
		LDNS_RR_TYPE_SOA, LDNS_RR_TYPE_SRV, LDNS_RR_TYPE_ANY, LDNS_RR_TYPE_CNAME,
		(ldns_rr_type)65280 };

	set_up(3, true);
	for (size_t i = 0; i < HL_COUNT(types); i++) {
		ldns_pkt *p =
			reply(&(struct ask){ .name = POOL ".", .type = types[i] }, DIR_DNS_UDP);

		CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_NOERROR);
		check_soa(p, "hsmlet.test.");
		ldns_pkt_free(p);
	}
}

static void a_pool_without_members_is_empty_but_there(void)
{
	ldns_pkt *p;

	set_up(0, false);
	p = reply(&(struct ask){ .name = POOL "." }, DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_NOERROR);
	check_soa(p, "hsmlet.test.");
	ldns_pkt_free(p);
}

static void names_are_compared_without_case_and_repeated_as_asked(void)
{
	ldns_pkt *p;
	char *name;

	set_up(2, false);
	p = reply(&(struct ask){ .name = "PoOl.HSMlet.TEST." }, DIR_DNS_UDP);
	CU_ASSERT_STRING_EQUAL(asked, POOL);
	CU_ASSERT_EQUAL_FATAL(ldns_pkt_ancount(p), 2);
	name = ldns_rdf2str(ldns_rr_owner(answer_rr(p, 1)));
	CU_ASSERT_STRING_EQUAL(name, "PoOl.HSMlet.TEST.");
	free(name);
	ldns_pkt_free(p);
}

static void what_we_do_not_do_is_said(void)
{
	ldns_pkt *p;

	set_up(3, false);
	p = reply(&(struct ask){ .name = POOL ".", .opcode = LDNS_PACKET_NOTIFY }, DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_NOTIMPL);
	CU_ASSERT_EQUAL(ldns_pkt_ancount(p), 0);
	ldns_pkt_free(p);
	p = reply(&(struct ask){ .name = POOL ".", .opcode = LDNS_PACKET_UPDATE }, DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_NOTIMPL);
	ldns_pkt_free(p);
	p = reply(&(struct ask){ .name = POOL ".", .class = LDNS_RR_CLASS_CH }, DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_REFUSED);
	CU_ASSERT_EQUAL(ldns_pkt_ancount(p), 0);
	ldns_pkt_free(p);
	CU_ASSERT_STRING_EQUAL(asked, "");
	p = reply(&(struct ask){ .name = "broken.hsmlet.test." }, DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_SERVFAIL);
	CU_ASSERT_FALSE(ldns_pkt_aa(p));
	ldns_pkt_free(p);
}

static void edns_is_answered_with_our_size(void)
{
	ldns_pkt *p;

	set_up(3, false);
	p = reply(&(struct ask){ .name = POOL ".", .edns = 4096, .dnssec_ok = true }, DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_pkt_edns_udp_size(p), DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_pkt_edns_version(p), 0);
	CU_ASSERT_EQUAL(ldns_pkt_edns_extended_rcode(p), 0);
	CU_ASSERT_TRUE(ldns_pkt_edns_do(p));
	CU_ASSERT_EQUAL(ldns_pkt_ancount(p), 3);
	ldns_pkt_free(p);

	p = reply(&(struct ask){ .name = POOL ".", .edns = 4096, .edns_version = 1 }, DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_pkt_edns_extended_rcode(p), 1);
	CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_NOERROR);
	CU_ASSERT_EQUAL(ldns_pkt_edns_version(p), 0);
	CU_ASSERT_EQUAL(ldns_pkt_ancount(p), 0);
	ldns_pkt_free(p);
}

static void what_is_too_long_is_truncated(void)
{
	static const struct {
		uint16_t edns;
		size_t limit, room;
	} rows[] = {
		{ 0, DIR_DNS_UDP, 512 },
		{ 100, DIR_DNS_UDP, 512 },
		{ 600, DIR_DNS_UDP, 600 },
		{ 4096, 700, 700 },
		{ 0, 300, 300 },
		{ 0, 60, 60 },
	};

	set_up(DIR_DNS_MEMBERS, false);
	for (size_t i = 0; i < HL_COUNT(rows); i++) {
		struct ask a = { .name = POOL ".", .edns = rows[i].edns, .id = (uint16_t)i };
		ldns_pkt *p = reply(&a, rows[i].limit);
		/* head, question, OPT, and 16 bytes for each address */
		size_t bare = 12 + sizeof POOL + 1 + 4 + (a.edns ? 11 : 0);

		CU_ASSERT_TRUE(ldns_pkt_tc(p));
		CU_ASSERT_EQUAL(ldns_pkt_get_rcode(p), LDNS_RCODE_NOERROR);
		CU_ASSERT_EQUAL(ldns_pkt_ancount(p), (rows[i].room - bare) / 16);
		ldns_pkt_free(p);
	}
}

static void what_fits_is_whole(void)
{
	ldns_pkt *p;

	set_up(DIR_DNS_MEMBERS, false);
	p = reply(&(struct ask){ .name = POOL ".", .edns = DIR_DNS_UDP }, DIR_DNS_UDP);
	CU_ASSERT_FALSE(ldns_pkt_tc(p));
	CU_ASSERT_EQUAL(ldns_pkt_ancount(p), DIR_DNS_MEMBERS);
	ldns_pkt_free(p);
	p = reply(&(struct ask){ .name = POOL "." }, DIR_DNS_TCP);
	CU_ASSERT_FALSE(ldns_pkt_tc(p));
	CU_ASSERT_EQUAL(ldns_pkt_ancount(p), DIR_DNS_MEMBERS);
	ldns_pkt_free(p);
}

static void a_limit_below_the_question_is_an_error(void)
{
	HL_AUTO(hl_buf_clear)
	struct hl_buf q = query(&(struct ask){ .name = "other.hsmlet.test." });

	set_up(3, false);
	for (size_t limit = 0; limit < DIR_DNS_UDP; limit++) {
		HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(65535);
		hl_err err = answer(hl_buf_view(&q), limit, &out);

		CU_ASSERT_EQUAL(err, limit < q.n ? HL_E_FULL : HL_OK);
		CU_ASSERT(err == HL_OK ? out.n <= limit : out.n == 0);
	}
}

static void the_answer_is_appended(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf q = query(&(struct ask){ .name = POOL "." });
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(65535);
	size_t once;

	set_up(3, false);
	CU_ASSERT_EQUAL(answer(hl_buf_view(&q), DIR_DNS_UDP, &out), HL_OK);
	once = out.n;
	CU_ASSERT_EQUAL(answer(hl_buf_view(&q), DIR_DNS_UDP, &out), HL_OK);
	CU_ASSERT_EQUAL(out.n, 2 * once);
	CU_ASSERT_EQUAL(memcmp(hl_buf_view(&out).p, hl_buf_view(&out).p + once, once), 0);
}

static void responses_are_not_answered(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf q = query(&(struct ask){ .name = POOL "." });
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(65535), again = hl_buf(65535);

	set_up(3, false);
	CU_ASSERT_EQUAL(answer(hl_buf_view(&q), DIR_DNS_UDP, &out), HL_OK);
	CU_ASSERT_EQUAL(answer(hl_buf_view(&out), DIR_DNS_UDP, &again), HL_E_TYPE);
	q.base[q.off + 2] |= 0x80;
	CU_ASSERT_EQUAL(answer(hl_buf_view(&q), DIR_DNS_UDP, &again), HL_E_TYPE);
	CU_ASSERT_EQUAL(again.n, 0);
}

static void a_query_has_one_question(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf q = query(&(struct ask){ .name = POOL "." });
	HL_AUTO(hl_buf_clear) struct hl_buf two = hl_buf(65535), out = hl_buf(65535);
	struct hl_bytes v = hl_buf_view(&q);

	set_up(3, false);
	hl_buf_put(&two, v);
	hl_buf_put(&two, hl_bytes(v.p + 12, v.n - 12));
	two.base[two.off + 5] = 2;
	CU_ASSERT_EQUAL(answer(hl_buf_view(&two), DIR_DNS_UDP, &out), HL_E_TYPE);
	hl_buf_cut(&two, 12);
	two.base[two.off + 5] = 0;
	CU_ASSERT_EQUAL(answer(hl_buf_view(&two), DIR_DNS_UDP, &out), HL_E_TYPE);
	CU_ASSERT_EQUAL(answer(hl_bytes(NULL, 0), DIR_DNS_UDP, &out), HL_E_TYPE);
	CU_ASSERT_EQUAL(out.n, 0);
}

/* No answer, or one that can be taken apart and belongs to the query. */
static void check_any(struct hl_bytes q)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(65535);
	hl_err err = answer(q, DIR_DNS_UDP, &out);
	ldns_pkt *p = NULL;

	if (err != HL_OK) {
		CU_ASSERT_EQUAL(err, HL_E_TYPE);
		CU_ASSERT_EQUAL(out.n, 0);
		return;
	}
	CU_ASSERT_FATAL(q.n > 12 && out.n > 12 && out.n <= DIR_DNS_UDP);
	CU_ASSERT_EQUAL(ldns_wire2pkt(&p, hl_buf_view(&out).p, out.n), LDNS_STATUS_OK);
	CU_ASSERT_EQUAL(memcmp(hl_buf_view(&out).p, q.p, 2), 0);
	CU_ASSERT_TRUE(p && ldns_pkt_qr(p) && ldns_pkt_qdcount(p) == 1);
	ldns_pkt_free(p);
}

static const struct ask samples[] = {
	{ .name = POOL ".", .id = 7 },
	{ .name = POOL ".", .id = 8, .edns = 4096, .dnssec_ok = true, .rd = true },
	{ .name = POOL ".", .type = LDNS_RR_TYPE_AAAA, .edns = 512 },
	{ .name = "other.hsmlet.test.", .edns = 1232 },
	{ .name = ".", .type = LDNS_RR_TYPE_NS },
	{ .name = POOL ".", .opcode = LDNS_PACKET_UPDATE, .type = LDNS_RR_TYPE_SOA },
};

static void queries_cut_anywhere_do_no_harm(void)
{
	set_up(3, true);
	for (size_t i = 0; i < HL_COUNT(samples); i++) {
		HL_AUTO(hl_buf_clear) struct hl_buf q = query(&samples[i]);

		for (size_t cut = 0; cut < q.n; cut++) {
			/* A copy of the exact size, so that a read past its end shows. */
			uint8_t *copy = malloc(cut + 1);
			HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(65535);

			memcpy(copy, hl_buf_view(&q).p, cut);
			copy = realloc(copy, cut ? cut : 1);
			CU_ASSERT_EQUAL(answer(hl_bytes(copy, cut), DIR_DNS_UDP, &out), HL_E_TYPE);
			CU_ASSERT_EQUAL(out.n, 0);
			free(copy);
		}
	}
}

static void queries_with_any_byte_changed_do_no_harm(void)
{
	set_up(3, true);
	for (size_t i = 0; i < HL_COUNT(samples); i++) {
		HL_AUTO(hl_buf_clear) struct hl_buf q = query(&samples[i]);

		for (size_t at = 0; at < q.n; at++)
			for (unsigned change = 1; change < 256; change++) {
				q.base[q.off + at] ^= (uint8_t)change;
				check_any(hl_buf_view(&q));
				q.base[q.off + at] ^= (uint8_t)change;
			}
	}
}

static CU_TestInfo tests[] = {
	{ "a pool has its IPv4 members", a_pool_has_its_ipv4_members },
	{ "the order is turned by the id and every member comes first",
		the_order_is_turned_by_the_id_and_every_member_comes_first },
	{ "AAAA is empty where there are no IPv6 members",
		aaaa_is_empty_where_there_are_no_ipv6_members },
	{ "other names do not exist", other_names_do_not_exist },
	{ "other types are empty", other_types_are_empty },
	{ "a pool without members is empty but there", a_pool_without_members_is_empty_but_there },
	{ "names are compared without case and repeated as asked",
		names_are_compared_without_case_and_repeated_as_asked },
	{ "what we do not do is said", what_we_do_not_do_is_said },
	{ "EDNS is answered with our size", edns_is_answered_with_our_size },
	{ "what is too long is truncated", what_is_too_long_is_truncated },
	{ "what fits is whole", what_fits_is_whole },
	{ "a limit below the question is an error", a_limit_below_the_question_is_an_error },
	{ "the answer is appended", the_answer_is_appended },
	{ "responses are not answered", responses_are_not_answered },
	{ "a query has one question", a_query_has_one_question },
	{ "queries cut anywhere do no harm", queries_cut_anywhere_do_no_harm },
	{ "queries with any byte changed do no harm", queries_with_any_byte_changed_do_no_harm },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("dns", tests)
