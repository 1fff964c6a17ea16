#include "lib/auth/ticket.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tests/support/test.h"

static const char key_text[] = "0123456789abcdef0123456789abcdef";

static struct hl_bytes key(void)
{
	return hl_text(key_text);
}

static struct hl_ticket sample(void)
{
	return (struct hl_ticket){
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
}

static struct hl_buf sealed(void)
{
	struct hl_buf out = hl_buf(1024);
	struct hl_ticket t = sample();

	CU_ASSERT_EQUAL(hl_ticket_seal(key(), &t, &out), HL_OK);
	return out;
}

/* In memory of the exact size, so that a sanitizer or Valgrind sees a byte read past the end. */
static hl_err opened(struct hl_bytes with, struct hl_bytes b)
{
	uint8_t *copy = malloc(b.n ? b.n : 1);
	struct hl_ticket t;
	hl_err err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	if (b.n > 0)
		memcpy(copy, b.p, b.n);
	err = hl_ticket_open(with, hl_bytes(copy, b.n), &t);
	free(copy);
	return err;
}

static void what_is_sealed_opens_to_the_same(void)
{
	struct hl_buf s = sealed();
	struct hl_ticket want = sample(), got;

	CU_ASSERT_EQUAL_FATAL(hl_ticket_open(key(), hl_buf_view(&s), &got), HL_OK);
	CU_ASSERT(hl_bytes_eq(got.grant, want.grant));
	CU_ASSERT(hl_bytes_eq(got.binding, want.binding));
	CU_ASSERT(hl_bytes_eq(got.connection, want.connection));
	CU_ASSERT(hl_bytes_eq(got.partition, want.partition));
	CU_ASSERT(hl_bytes_eq(got.client, want.client));
	CU_ASSERT(hl_bytes_eq(got.proxy, want.proxy));
	CU_ASSERT(hl_bytes_eq(got.hsm, want.hsm));
	CU_ASSERT_EQUAL(got.issued_ms, want.issued_ms);
	CU_ASSERT_EQUAL(got.expires_ms, want.expires_ms);
	CU_ASSERT(hl_bytes_eq(got.incarnation, want.incarnation));
	hl_buf_clear(&s);
}

/* The MAC as the header of ticket.h writes it, made here a second time. */
static struct hl_buf with_mac(struct hl_bytes fields)
{
	struct hl_buf b = hl_buf(4096);
	uint8_t mac[HL_MAC];
	unsigned n = 0;

	hl_buf_text(&b, "hsmlet ticket");
	hl_buf_put(&b, fields);
	CU_ASSERT_PTR_NOT_NULL(
		HMAC(EVP_sha256(), key().p, (int)key().n, hl_buf_view(&b).p, b.n, mac, &n));
	hl_buf_eat(&b, strlen("hsmlet ticket"));
	hl_buf_put(&b, hl_bytes(mac, n));
	return b;
}

static void the_seal_is_the_one_described(void)
{
	struct hl_buf s = sealed(), again = with_mac(hl_bytes(hl_buf_view(&s).p, s.n - HL_MAC));

	CU_ASSERT(hl_bytes_eq(hl_buf_view(&s), hl_buf_view(&again)));
	hl_buf_clear(&s);
	hl_buf_clear(&again);
}

static void every_flipped_bit_is_refused(void)
{
	struct hl_buf s = sealed();
	uint8_t *p = s.base + s.off;

	for (size_t bit = 0; bit < s.n * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_EQUAL(opened(key(), hl_buf_view(&s)), HL_E_TICKET);
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	CU_ASSERT_EQUAL(opened(key(), hl_buf_view(&s)), HL_OK);
	hl_buf_clear(&s);
}

static void every_cut_is_refused(void)
{
	struct hl_buf s = sealed();

	for (size_t cut = 0; cut < s.n; cut++) {
		CU_ASSERT_EQUAL(opened(key(), hl_bytes(hl_buf_view(&s).p, cut)), HL_E_TICKET);
		CU_ASSERT_EQUAL(
			opened(key(), hl_bytes(hl_buf_view(&s).p + s.n - cut, cut)), HL_E_TICKET);
	}
	hl_buf_u8(&s, 0);
	CU_ASSERT_EQUAL(opened(key(), hl_buf_view(&s)), HL_E_TICKET);
	hl_buf_clear(&s);
}

/* Fields cut under a right MAC: what a directory of another version might send. */
static void every_cut_under_a_right_mac_is_refused(void)
{
	struct hl_buf s = sealed();
	size_t fields = s.n - HL_MAC;

	for (size_t cut = 0; cut <= fields; cut++) {
		struct hl_buf made = with_mac(hl_bytes(hl_buf_view(&s).p, cut));

		CU_ASSERT_EQUAL(
			opened(key(), hl_buf_view(&made)), cut == fields ? HL_OK : HL_E_TICKET);
		hl_buf_clear(&made);
	}
	hl_buf_clear(&s);
}

static void another_key_is_refused(void)
{
	struct hl_buf s = sealed();

	CU_ASSERT_EQUAL(
		opened(hl_text("0123456789abcdef0123456789abcdeg"), hl_buf_view(&s)), HL_E_TICKET);
	CU_ASSERT_EQUAL(opened(hl_bytes(key_text, 31), hl_buf_view(&s)), HL_E_TICKET);
	CU_ASSERT_EQUAL(opened(hl_text(""), hl_buf_view(&s)), HL_E_TICKET);
	hl_buf_clear(&s);
}

static void fields_out_of_bounds_are_not_sealed(void)
{
	struct hl_buf out = hl_buf(1024), small = hl_buf(100);
	struct hl_ticket t = sample();

	t.hsm = hl_text("");
	CU_ASSERT_EQUAL(hl_ticket_seal(key(), &t, &out), HL_E_RANGE);
	t = sample();
	t.binding.n--;
	CU_ASSERT_EQUAL(hl_ticket_seal(key(), &t, &out), HL_E_RANGE);
	t = sample();
	CU_ASSERT_EQUAL(hl_ticket_seal(hl_bytes(key_text, 15), &t, &out), HL_E_ARG);
	CU_ASSERT_EQUAL(out.n, 0);
	CU_ASSERT_EQUAL(hl_ticket_seal(key(), &t, &small), HL_E_FULL);
	CU_ASSERT_EQUAL(small.n, 0);
	CU_ASSERT_EQUAL(hl_ticket_seal(hl_bytes(key_text, 16), &t, &out), HL_OK);
	hl_buf_clear(&out);
	hl_buf_clear(&small);
}

static void the_largest_ticket_opens(void)
{
	char text[HL_NAME_TEXT];
	struct hl_ticket t = sample();
	struct hl_buf out = hl_buf(1024);

	memset(text, 'x', sizeof text);
	t.partition = t.proxy = t.hsm = hl_bytes(text, sizeof text);
	t.client = hl_bytes(text, 63);
	t.issued_ms = t.expires_ms = UINT64_MAX;
	CU_ASSERT_EQUAL(hl_ticket_seal(key(), &t, &out), HL_OK);
	CU_ASSERT_EQUAL(opened(key(), hl_buf_view(&out)), HL_OK);
	hl_buf_clear(&out);
}

static void a_ticket_after_other_bytes_is_left_whole(void)
{
	struct hl_buf out = hl_buf(1024), alone = sealed();
	struct hl_ticket t = sample();

	hl_buf_text(&out, "before");
	CU_ASSERT_EQUAL(hl_ticket_seal(key(), &t, &out), HL_OK);
	hl_buf_eat(&out, strlen("before"));
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), hl_buf_view(&alone)));
	hl_buf_clear(&out);
	hl_buf_clear(&alone);
}

/* -- binding --------------------------------------------------------------------------------- */

static void bind(
	const char *hello, const char *request, const char *answer, uint8_t out[HL_BINDING])
{
	CU_ASSERT_EQUAL(hl_binding(hl_text(hello), hl_text(request), hl_text(answer), out), HL_OK);
}

static void the_binding_is_sha_256_of_the_three_frames(void)
{
	uint8_t got[HL_BINDING], want[HL_BINDING];

	bind("hello", "request", "answer", got);
	CU_ASSERT_EQUAL(EVP_Digest("hellorequestanswer", 18, want, NULL, EVP_sha256(), NULL), 1);
	CU_ASSERT(memcmp(got, want, sizeof got) == 0);
}

static void the_binding_changes_with_each_frame(void)
{
	uint8_t a[HL_BINDING], b[HL_BINDING];

	bind("hello", "request", "answer", a);
	bind("hellp", "request", "answer", b);
	CU_ASSERT(memcmp(a, b, sizeof a) != 0);
	bind("hello", "requess", "answer", b);
	CU_ASSERT(memcmp(a, b, sizeof a) != 0);
	bind("hello", "request", "answes", b);
	CU_ASSERT(memcmp(a, b, sizeof a) != 0);
	bind("request", "hello", "answer", b);
	CU_ASSERT(memcmp(a, b, sizeof a) != 0);
	bind("hello", "request", "", b);
	CU_ASSERT(memcmp(a, b, sizeof a) != 0);
}

/* Real frames carry their length, so the same bytes split elsewhere bind differently. */
static void the_binding_knows_where_a_frame_ends(void)
{
	struct hl_buf ab = hl_buf(64), c = hl_buf(64), a = hl_buf(64), bc = hl_buf(64);
	struct hl_buf *all[] = { &ab, &c, &a, &bc };
	static const char *const body[] = { "ab", "c", "a", "bc" };
	uint8_t x[HL_BINDING], y[HL_BINDING];

	for (size_t i = 0; i < HL_COUNT(all); i++) {
		size_t begun = hl_frame_begin(all[i], 1, 1);

		hl_buf_text(all[i], body[i]);
		hl_frame_end(all[i], begun);
	}
	CU_ASSERT_EQUAL(hl_binding(hl_buf_view(&ab), hl_buf_view(&c), hl_text(""), x), HL_OK);
	CU_ASSERT_EQUAL(hl_binding(hl_buf_view(&a), hl_buf_view(&bc), hl_text(""), y), HL_OK);
	CU_ASSERT(memcmp(x, y, sizeof x) != 0);
	for (size_t i = 0; i < HL_COUNT(all); i++)
		hl_buf_clear(all[i]);
}

static CU_TestInfo tests[] = {
	{ "what is sealed opens to the same", what_is_sealed_opens_to_the_same },
	{ "the seal is the one described", the_seal_is_the_one_described },
	{ "every flipped bit is refused", every_flipped_bit_is_refused },
	{ "every cut is refused", every_cut_is_refused },
	{ "every cut under a right MAC is refused", every_cut_under_a_right_mac_is_refused },
	{ "another key is refused", another_key_is_refused },
	{ "fields out of bounds are not sealed", fields_out_of_bounds_are_not_sealed },
	{ "the largest ticket opens", the_largest_ticket_opens },
	{ "a ticket after other bytes is left whole", a_ticket_after_other_bytes_is_left_whole },
	{ "the binding is SHA-256 of the three frames",
		the_binding_is_sha_256_of_the_three_frames },
	{ "the binding changes with each frame", the_binding_changes_with_each_frame },
	{ "the binding knows where a frame ends", the_binding_knows_where_a_frame_ends },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("ticket", tests)
