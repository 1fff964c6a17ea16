#include "tests/support/channels.h"
#include "tests/support/heap.h"
#include "tests/support/test.h"

#include <openssl/conf.h>
#include <openssl/err.h>

#include "lib/wire/messages.h"

#define LABEL "EXPERIMENTAL hsmlet test"

/* -- shaking hands ----------------------------------------------------------------------------- */

static void shakes_hands_and_echoes(void)
{
	struct pair p;

	pair_ready(&p);
	CU_ASSERT_EQUAL(p.lookups, 1);
	CU_ASSERT_EQUAL(hl_channel_kind(p.answers.c), HL_CHANNEL_USER);
	CU_ASSERT_EQUAL(hl_channel_generation(p.answers.c), 7);
	for (size_t n = 0; n < 40000; n += 3333) {
		CU_ASSERT_EQUAL(end_send(&p.dials, 'a', n), HL_OK);
		CU_ASSERT_EQUAL(end_send(&p.answers, 'b', n), HL_OK);
	}
	pair_run(&p);
	CU_ASSERT_EQUAL(end_frames(&p.answers), 13);
	CU_ASSERT_EQUAL(end_frames(&p.dials), 13);
	CU_ASSERT(hl_channel_ready(p.dials.c) && p.dials.err == HL_OK);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
	pair_clear(&p);
}

static void one_byte_at_a_time_is_enough(void)
{
	struct setting set = setting();
	struct pair p;

	pair_open(&p, &set);
	end_pump(&p.dials);
	for (int turn = 0; turn < 3; turn++) {
		struct end *from = turn % 2 ? &p.answers : &p.dials;
		struct end *to = turn % 2 ? &p.dials : &p.answers;

		if (turn == 2)
			CU_ASSERT_EQUAL(end_send(from, 'x', 100), HL_OK);
		while (from->port.out.n > 0) {
			end_feed(to, hl_bytes(from->port.out.base + from->port.out.off, 1));
			hl_buf_eat(&from->port.out, 1);
		}
	}
	CU_ASSERT(hl_channel_ready(p.dials.c) && hl_channel_ready(p.answers.c));
	CU_ASSERT_EQUAL(end_frames(&p.answers), 1);
	pair_clear(&p);
}

static void keying_material_is_shared_and_fresh(void)
{
	struct setting set = setting();
	uint8_t ours[2][32], theirs[32], other[32];
	struct pair p;

	for (int i = 0; i < 2; i++) {
		pair_open(&p, &set);
		end_pump(&p.dials);
		CU_ASSERT_EQUAL(hl_channel_export(p.dials.c, LABEL, ours[i], 32), HL_E_CHANNEL);
		pair_run(&p);
		CU_ASSERT_EQUAL(hl_channel_export(p.dials.c, LABEL, ours[i], 32), HL_OK);
		CU_ASSERT_EQUAL(hl_channel_export(p.answers.c, LABEL, theirs, 32), HL_OK);
		CU_ASSERT_EQUAL(hl_channel_export(p.answers.c, LABEL " 2", other, 32), HL_OK);
		CU_ASSERT_EQUAL(memcmp(ours[i], theirs, 32), 0);
		CU_ASSERT_NOT_EQUAL(memcmp(ours[i], other, 32), 0);
		pair_clear(&p);
	}
	CU_ASSERT_NOT_EQUAL(memcmp(ours[0], ours[1], 32), 0);
}

/* Neither derivation nor identity nor ALPN are private to us. */
static void openssl_alone_can_talk_to_us(void)
{
	struct setting set = setting();
	struct foreign f;
	struct pair p;

	for (int answers = 0; answers < 2; answers++) {
		struct end *e = answers ? &p.dials : &p.answers;

		pair_open(&p, &set);
		foreign_init(&f, &set, answers);
		foreign_start(&f);
		CU_ASSERT(foreign_run(&f, e));
		CU_ASSERT(hl_channel_ready(e->c));
		foreign_clear(&f);
		pair_clear(&p);
	}
}

static void bonds_out_of_bounds_are_refused(void)
{
	uint8_t binding[HL_BINDING + 1] = { 1 }, secret[16] = { 2 };
	char text[300];
	struct hl_channel_bond good = { { binding, HL_BINDING }, "client", "hsm", "P1", HL_ALPN_OP };
	struct hl_channel_bond bad[8];
	struct hl_channel_ctx *ctx = NULL;
	struct hl_channel *c = NULL;
	struct hl_bytes s = hl_bytes(secret, sizeof secret);

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	for (size_t i = 0; i < HL_COUNT(bad); i++)
		bad[i] = good;
	bad[0].binding.n++;
	bad[1].binding.n--;
	bad[2].initiator = "";
	bad[3].responder = text;
	bad[4].name = text;
	bad[5].alpn = "";
	bad[6].alpn = text;
	bad[7].name = NULL;
	CU_ASSERT_EQUAL_FATAL(hl_channel_ctx_new(&ctx), HL_OK);
	for (size_t i = 0; i < HL_COUNT(bad); i++) {
		CU_ASSERT_EQUAL(hl_channel_dial(ctx, &bad[i], HL_CHANNEL_USER, 1, s, &c), HL_E_ARG);
		CU_ASSERT_EQUAL(hl_channel_answer(ctx, &bad[i], NULL, NULL, &c), HL_E_ARG);
	}
	CU_ASSERT_EQUAL(hl_channel_dial(ctx, &good, (enum hl_channel_kind)4, 1, s, &c), HL_E_ARG);
	s.n--;
	CU_ASSERT_EQUAL(hl_channel_dial(ctx, &good, HL_CHANNEL_USER, 1, s, &c), HL_E_ARG);
	CU_ASSERT_PTR_NULL(c);
	hl_channel_ctx_free(ctx);
}

/* A simulator makes one per seed: nothing of OpenSSL's may run out. */
static void contexts_do_not_run_out(void)
{
	struct pair p;

	for (int i = 0; i < 300; i++) {
		struct hl_channel_ctx *ctx = NULL;

		CU_ASSERT_EQUAL_FATAL(hl_channel_ctx_new(&ctx), HL_OK);
		hl_channel_ctx_free(ctx);
	}
	pair_ready(&p);
	pair_clear(&p);
}

/* The extension psk_key_exchange_modes that names psk_dhe_ke alone (RFC 8446 4.2.9). */
static bool offers_dhe_alone(struct pair *p)
{
	static const uint8_t modes[] = { 0, 45, 0, 2, 1, 1 };
	struct setting set = setting();
	struct hl_bytes hello;
	bool found = false;

	pair_open(p, &set);
	end_pump(&p->dials);
	hello = hl_buf_view(&p->dials.port.out);
	for (size_t i = 0; i + sizeof modes <= hello.n; i++)
		found = found || memcmp(hello.p + i, modes, sizeof modes) == 0;
	pair_clear(p);
	return found;
}

/* What an application's openssl.cnf says of TLS is for its own connections. */
static void the_applications_configuration_is_not_ours(void)
{
	static const char text[] =
		"openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\n"
		"MaxProtocol = TLSv1.2\nCiphersuites = TLS_CHACHA20_POLY1305_SHA256\nGroups = P-521\n"
		"CipherString = DEFAULT:@SECLEVEL=5\nNumTickets = 4\nRecordPadding = 512\n"
		"Options = AllowNoDHEKEX,PrioritizeChaCha\n";
	BIO *bio = BIO_new_mem_buf(text, -1);
	CONF *conf = NCONF_new(NULL);
	SSL_CTX *plain;
	struct pair p;
	long line = 0;

	CU_ASSERT_FATAL(NCONF_load_bio(conf, bio, &line) == 1);
	CU_ASSERT_FATAL(CONF_modules_load(conf, NULL, 0) == 1);
	plain = SSL_CTX_new(TLS_method());
	CU_ASSERT_EQUAL(SSL_CTX_get_max_proto_version(plain), TLS1_2_VERSION); /* it is in force */
	SSL_CTX_free(plain);
	CU_ASSERT(offers_dhe_alone(&p));
	pair_ready(&p);
	CU_ASSERT_EQUAL(end_send(&p.dials, 1, 100), HL_OK);
	/* frame head; key, mechanism and data with their heads; and no padding but TLS's own 22 */
	CU_ASSERT_EQUAL(p.dials.port.out.n, 10 + (6 + 8) + (6 + 4) + (6 + 100) + 22);
	pair_run(&p);
	CU_ASSERT_EQUAL(end_frames(&p.answers), 1);
	pair_clear(&p);
	CONF_modules_unload(1);
	NCONF_free(conf);
	BIO_free(bio);
}

/* -- messages ---------------------------------------------------------------------------------- */

static void an_answer_may_refer_to_the_request(void)
{
	struct hl_sign body;
	struct hl_frame f;
	const uint8_t *seen;
	struct pair p;

	pair_ready(&p);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'q', 64), HL_OK);
	hl_buf_move(&p.answers.port.in, &p.dials.port.out);
	CU_ASSERT_EQUAL(hl_channel_pump(p.answers.c, &p.answers.port), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_channel_next(p.answers.c, &f), HL_OK);
	CU_ASSERT_EQUAL(hl_msg_get(&hl_msg_sign, &f, &body), HL_OK);
	seen = body.data.p;
	CU_ASSERT_EQUAL(
		hl_channel_send(p.answers.c, &p.answers.port, &hl_msg_sign, 5, &body), HL_OK);
	CU_ASSERT_EQUAL(seen[63], 'q');
	CU_ASSERT_EQUAL(hl_channel_next(p.answers.c, &f), HL_E_SHORT);
	CU_ASSERT_EQUAL(seen[0], 0); /* its memory is still the channel's, and wiped */
	CU_ASSERT_EQUAL(seen[63], 0);
	pair_run(&p);
	CU_ASSERT_EQUAL(end_frames(&p.dials), 1);
	pair_clear(&p);
}

static void nothing_is_sent_that_must_not_be(void)
{
	struct setting set = setting();
	struct hl_random bad = { .length = 0 };
	struct pair p;

	pair_open(&p, &set);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'a', 1), HL_E_CHANNEL);
	pair_run(&p);
	CU_ASSERT_EQUAL(hl_channel_send(p.dials.c, &p.dials.port, &hl_msg_random, 1, &bad), HL_E_RANGE);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'a', HL_DATA_MAX + 1), HL_E_RANGE);
	CU_ASSERT_EQUAL(p.dials.port.out.n, 0);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'a', 1), HL_OK);
	hl_channel_end(p.dials.c, &p.dials.port);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'a', 1), HL_E_CLOSED);
	pair_run(&p);
	CU_ASSERT_EQUAL(end_frames(&p.answers), 1);
	pair_clear(&p);
}

/* Big messages: 15 attributes of 64 KiB, and one that fills the frame. */
static struct hl_attribute item[64];
static struct hl_attributes big = { .attributes = { .items = item } };

static void fill_big(size_t count, size_t last)
{
	static uint8_t value[65536];

	for (size_t i = 0; i < count; i++)
		item[i] = (struct hl_attribute){ .type = 1, .value = { value, sizeof value } };
	item[count - 1].value.n = last;
	big.attributes.count = count;
}

static hl_err send_big(struct pair *p)
{
	return hl_channel_send(p->dials.c, &p->dials.port, &hl_msg_attributes, 1, &big);
}

/* Its length as the other end sees it. */
static size_t carry_big(struct pair *p)
{
	struct hl_frame f = { 0 };

	CU_ASSERT_EQUAL(send_big(p), HL_OK);
	hl_buf_move(&p->answers.port.in, &p->dials.port.out);
	CU_ASSERT_EQUAL(hl_channel_pump(p->answers.c, &p->answers.port), HL_OK);
	CU_ASSERT_EQUAL(hl_channel_next(p->answers.c, &f), HL_OK);
	return f.whole.n;
}

static void the_longest_frame_passes(void)
{
	struct pair p;
	size_t last;

	pair_ready(&p);
	fill_big(16, 1);
	last = 1 + HL_FRAME_MAX + 4 - carry_big(&p);
	fill_big(16, last);
	CU_ASSERT_EQUAL(carry_big(&p), HL_FRAME_MAX + 4);
	fill_big(16, last + 1);
	CU_ASSERT_EQUAL(send_big(&p), HL_E_TOO_LONG);
	fill_big(64, 1);
	CU_ASSERT_EQUAL(send_big(&p), HL_E_TOO_LONG);
	CU_ASSERT_EQUAL(p.dials.port.out.n, 0);
	fill_big(1, 1);
	CU_ASSERT(carry_big(&p) < 100);
	pair_clear(&p);
}

/* -- room -------------------------------------------------------------------------------------- */

static void big_frames_pass_a_small_port(void)
{
	struct pair p;

	pair_ready(&p);
	p.dials.port.out.max = 1000;
	hl_channel_rekey_after(p.dials.c, 20000);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'x', HL_DATA_MAX), HL_OK);
	CU_ASSERT_EQUAL(hl_channel_pump(p.dials.c, &p.dials.port), HL_E_FULL);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'y', HL_DATA_MAX), HL_OK);
	hl_channel_end(p.dials.c, &p.dials.port);
	for (int i = 0; i < 2000 && !hl_channel_ended(p.answers.c); i++)
		pair_run(&p);
	CU_ASSERT_EQUAL(end_frames(&p.answers), 2);
	CU_ASSERT(hl_channel_ended(p.answers.c));
	CU_ASSERT_EQUAL(hl_channel_pump(p.dials.c, &p.dials.port), HL_OK);
	pair_clear(&p);
}

/* Down to ports that hold less than one flight of the handshake. */
static void hands_are_shaken_through_small_ports(void)
{
	struct setting set = setting();
	struct pair p;

	for (size_t max = 64; max < 300; max += 13) {
		pair_open(&p, &set);
		p.dials.port.out.max = p.answers.port.out.max = max;
		for (int i = 0; i < 50 && !hl_channel_ready(p.answers.c); i++)
			pair_run(&p);
		CU_ASSERT(hl_channel_ready(p.dials.c) && hl_channel_ready(p.answers.c));
		CU_ASSERT_EQUAL(end_send(&p.answers, 'x', 100), HL_OK);
		for (int i = 0; i < 50; i++)
			pair_run(&p);
		CU_ASSERT_EQUAL(end_frames(&p.dials), 1);
		pair_clear(&p);
	}
}

/* Room for a short record, but not for the KeyUpdate that goes before it. */
static void records_leave_in_their_order(void)
{
	struct pair p;

	for (size_t max = 23; max < 60; max++) {
		pair_ready(&p);
		p.answers.port.out.max = max;
		hl_channel_rekey_after(p.answers.c, 1);
		CU_ASSERT_EQUAL(end_send(&p.answers, 'a', 10), HL_OK);
		for (int i = 0; i < 200; i++)
			pair_run(&p);
		CU_ASSERT_EQUAL(end_frames(&p.dials), 1);
		CU_ASSERT_EQUAL(p.dials.err, HL_OK);
		pair_clear(&p);
	}
}

static void what_waits_for_room_is_bounded(void)
{
	struct pair p;
	int taken = 0;

	pair_ready(&p);
	p.dials.port.out.max = 4096;
	while (taken < 100 && end_send(&p.dials, (uint8_t)taken, 100000) == HL_OK)
		taken++;
	CU_ASSERT(taken >= 20 && taken < 22); /* 2 MiB */
	CU_ASSERT_EQUAL(end_send(&p.dials, 1, 100000), HL_E_FULL);
	for (int i = 0; i < 2000 && end_frames(&p.answers) != taken; i++)
		pair_run(&p);
	CU_ASSERT_EQUAL(end_frames(&p.answers), taken);
	CU_ASSERT_EQUAL(end_send(&p.dials, 1, 100000), HL_OK);
	pair_clear(&p);
}

static int take_frames(struct end *e)
{
	struct hl_frame f;
	int n = 0;

	while (hl_channel_next(e->c, &f) == HL_OK)
		n++;
	return n;
}

static void a_reader_that_takes_nothing_is_not_drowned(void)
{
	struct pair p;
	int sent = 0, got = 0;

	pair_ready(&p);
	for (; sent < 6000 && p.answers.port.in.n == 0; sent++) {
		CU_ASSERT_EQUAL(end_send(&p.dials, 7, 10000), HL_OK);
		hl_buf_move(&p.answers.port.in, &p.dials.port.out);
		CU_ASSERT_EQUAL(hl_channel_pump(p.answers.c, &p.answers.port), HL_OK);
	}
	CU_ASSERT(sent > 400 && sent < 425); /* 4 MiB */
	while (p.answers.port.in.n > 0 && got < sent) {
		got += take_frames(&p.answers);
		CU_ASSERT_EQUAL(hl_channel_pump(p.answers.c, &p.answers.port), HL_OK);
	}
	CU_ASSERT_EQUAL(got + take_frames(&p.answers), sent);
	pair_clear(&p);
}

/* -- the end ----------------------------------------------------------------------------------- */

static void an_end_is_told_from_a_cut(void)
{
	struct pair p;

	pair_ready(&p);
	CU_ASSERT(!hl_channel_ended(p.answers.c));
	CU_ASSERT_EQUAL(end_send(&p.dials, 'a', 10), HL_OK);
	hl_channel_end(p.dials.c, &p.dials.port);
	hl_channel_end(p.dials.c, &p.dials.port); /* once is enough */
	hl_buf_text(&p.dials.port.out, "what follows a closure alert is ignored");
	pair_run(&p);
	CU_ASSERT(hl_channel_ended(p.answers.c));
	CU_ASSERT_EQUAL(p.answers.port.in.n, 0);
	CU_ASSERT_EQUAL(p.answers.err, HL_OK);
	CU_ASSERT_EQUAL(end_send(&p.answers, 'b', 20), HL_OK); /* the other way is still open */
	pair_run(&p);
	CU_ASSERT_EQUAL(end_frames(&p.answers), 1);
	CU_ASSERT_EQUAL(end_frames(&p.dials), 1);
	CU_ASSERT(!hl_channel_ended(p.dials.c));
	pair_clear(&p);
}

/* RFC 8446 6.1 on truncation: every cut of the last records, the closing alert among them. */
static void no_cut_looks_like_an_end(void)
{
	size_t n = 1;

	for (size_t cut = 0; cut < n; cut++) {
		struct hl_buf sent;
		struct pair p;

		pair_ready(&p);
		CU_ASSERT_EQUAL(end_send(&p.dials, 'a', 10), HL_OK);
		hl_channel_end(p.dials.c, &p.dials.port);
		sent = end_take(&p.dials);
		n = sent.n;
		end_feed(&p.answers, hl_bytes(sent.base, cut));
		CU_ASSERT(!hl_channel_ended(p.answers.c));
		CU_ASSERT_EQUAL(p.answers.err, HL_OK);
		end_feed(&p.answers, hl_bytes(sent.base + cut, n - cut));
		CU_ASSERT(hl_channel_ended(p.answers.c));
		CU_ASSERT_EQUAL(end_frames(&p.answers), 1);
		hl_buf_clear(&sent);
		pair_clear(&p);
	}
}

/* -- new keys ---------------------------------------------------------------------------------- */

static void rekeys_both_ways_for_1000_messages(void)
{
	struct pair p;

	pair_ready(&p);
	hl_channel_rekey_after(p.dials.c, 300);
	hl_channel_rekey_after(p.answers.c, 700);
	for (int i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(end_send(&p.dials, (uint8_t)i, 100), HL_OK);
		CU_ASSERT_EQUAL(end_send(&p.answers, (uint8_t)i, 200), HL_OK);
		pair_run(&p);
	}
	CU_ASSERT_EQUAL(end_frames(&p.answers), 1000);
	CU_ASSERT_EQUAL(end_frames(&p.dials), 1000);
	pair_clear(&p);
}

/* How many bytes a message takes on the line: more where a KeyUpdate goes before it. */
static size_t sent_size(struct pair *p)
{
	size_t n;

	CU_ASSERT_EQUAL(end_send(&p->dials, 1, 100), HL_OK);
	n = p->dials.port.out.n;
	pair_run(p);
	return n;
}

/* The silent side answers every KeyUpdate with one of its own, as it was asked to. */
static void rekeying_one_way_is_no_flood(void)
{
	struct pair p;
	size_t plain;

	pair_ready(&p);
	plain = sent_size(&p);
	hl_channel_rekey_after(p.dials.c, 1);
	for (int i = 0; i < 200; i++)
		CU_ASSERT(sent_size(&p) > plain);
	CU_ASSERT_EQUAL(end_frames(&p.answers), 201);
	CU_ASSERT_EQUAL(p.dials.err, HL_OK);
	hl_channel_rekey_after(p.dials.c, 0);
	CU_ASSERT_EQUAL(sent_size(&p), plain);
	pair_clear(&p);
}

static void keys_an_hour_old_are_changed_once(void)
{
	const int64_t hour = 3600000000;
	struct pair p;
	size_t plain;

	pair_ready(&p);
	plain = sent_size(&p);
	for (int i = 0; i < 3; i++) {
		int64_t at = 5 + i * 2 * hour;

		hl_channel_age(p.dials.c, at);
		CU_ASSERT_EQUAL(sent_size(&p), plain);
		hl_channel_age(p.dials.c, at + hour - 1);
		CU_ASSERT_EQUAL(sent_size(&p), plain);
		hl_channel_age(p.dials.c, at + hour);
		CU_ASSERT(sent_size(&p) > plain);
		CU_ASSERT_EQUAL(sent_size(&p), plain);
	}
	CU_ASSERT_EQUAL(end_frames(&p.answers), 13);
	pair_clear(&p);
}

/* Wherever a record was cut, the channel may rest there: what is half there stays. */
static void a_channel_that_rests_goes_on(void)
{
	size_t used, rested;
	struct pair p;

	pair_ready(&p);
	for (size_t n = 0; n < 40; n++) {
		CU_ASSERT_EQUAL(end_send(&p.dials, 'a', n), HL_OK);
		end_feed(&p.answers, hl_bytes(p.dials.port.out.base + p.dials.port.out.off, n));
		hl_buf_eat(&p.dials.port.out, n);
		hl_channel_rest(p.answers.c);
		hl_channel_rest(p.dials.c);
		CU_ASSERT_EQUAL(end_send(&p.answers, 'b', n), HL_OK);
		pair_run(&p);
	}
	CU_ASSERT_EQUAL(end_frames(&p.answers), 40);
	CU_ASSERT_EQUAL(end_frames(&p.dials), 40);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'a', 1), HL_OK);
	used = heap_blocks();
	hl_channel_rest(p.answers.c);
	hl_channel_rest(p.dials.c);
	rested = heap_blocks();
	CU_ASSERT(used == 0 || rested + 8 == used); /* each had two for records, one for frames that came and one for frames that go */
	pair_clear(&p);
}

/* Else whoever sends one byte and falls silent makes us hold the memory for a whole record for good. */
static void of_a_part_of_a_record_only_the_part_is_kept(void)
{
	struct hl_buf record;
	struct pair p;
	size_t rested;

	pair_ready(&p);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'a', 300), HL_OK);
	record = end_take(&p.dials);
	hl_channel_rest(p.answers.c);
	hl_buf_u8(&p.answers.port.in, record.base[record.off]);
	rested = heap_blocks();
	for (size_t n = 1; n < record.n; n++) {
		end_pump(&p.answers);
		CU_ASSERT_EQUAL(p.answers.port.in.n, n);
		hl_buf_fit(&p.answers.port.in);
		CU_ASSERT_EQUAL(p.answers.port.in.cap, n);
		hl_channel_rest(p.answers.c);
		CU_ASSERT_EQUAL(heap_blocks(), rested);
		hl_buf_u8(&p.answers.port.in, record.base[record.off + n]);
	}
	end_pump(&p.answers);
	CU_ASSERT_EQUAL(p.answers.port.in.n, 0);
	CU_ASSERT_EQUAL(end_frames(&p.answers), 1);
	hl_buf_clear(&record);
	pair_clear(&p);
}

/* What no record can be is not waited for: it is refused when its head is there. */
static void the_head_of_no_record_is_refused_at_once(void)
{
	static const uint8_t heads[][5] = {
		{ 22, 3, 3, 0, 200 },	   /* a handshake in the clear */
		{ 23, 3, 1, 0, 200 },	   /* of another version */
		{ 23, 3, 3, 0x41, 0x01 }, /* 2^14 + 257 */
	};

	for (size_t i = 0; i < HL_COUNT(heads); i++) {
		struct pair p;

		pair_ready(&p);
		end_feed(&p.answers, hl_bytes(heads[i], sizeof heads[i]));
		CU_ASSERT(end_refused(&p.answers));
		pair_clear(&p);
	}
}

/* It waits in the port for nothing where the port has no room for the rest. */
static void a_record_passes_a_port_that_is_smaller(void)
{
	struct hl_buf record;
	struct pair p;

	pair_ready(&p);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'a', 1000), HL_OK);
	record = end_take(&p.dials);
	p.answers.port.in.max = 64;
	while (record.n > 0 && p.answers.err == HL_OK) {
		size_t room = p.answers.port.in.max - p.answers.port.in.n, n = record.n < room ? record.n : room;

		CU_ASSERT_FATAL(n > 0);
		end_feed(&p.answers, hl_bytes(record.base + record.off, n));
		hl_buf_eat(&record, n);
	}
	CU_ASSERT_EQUAL(end_frames(&p.answers), 1);
	hl_buf_clear(&record);
	pair_clear(&p);
}

static CU_TestInfo tests[] = {
	{ "shakes hands and echoes", shakes_hands_and_echoes },
	{ "one byte at a time is enough", one_byte_at_a_time_is_enough },
	{ "keying material is shared, and fresh each time", keying_material_is_shared_and_fresh },
	{ "OpenSSL alone, with the key made by hand, can talk to us", openssl_alone_can_talk_to_us },
	{ "bonds out of bounds are refused", bonds_out_of_bounds_are_refused },
	{ "contexts do not run out", contexts_do_not_run_out },
	{ "the application's configuration is not ours", the_applications_configuration_is_not_ours },
	{ "an answer may refer to the request", an_answer_may_refer_to_the_request },
	{ "nothing is sent that must not be", nothing_is_sent_that_must_not_be },
	{ "the longest frame passes", the_longest_frame_passes },
	{ "big frames pass a small port", big_frames_pass_a_small_port },
	{ "hands are shaken through small ports", hands_are_shaken_through_small_ports },
	{ "records leave in their order", records_leave_in_their_order },
	{ "what waits for room is bounded", what_waits_for_room_is_bounded },
	{ "a reader that takes nothing is not drowned", a_reader_that_takes_nothing_is_not_drowned },
	{ "an end is told from a cut", an_end_is_told_from_a_cut },
	{ "no cut looks like an end", no_cut_looks_like_an_end },
	{ "rekeys both ways for 1,000 messages", rekeys_both_ways_for_1000_messages },
	{ "rekeying one way is no flood", rekeying_one_way_is_no_flood },
	{ "keys an hour old are changed, once", keys_an_hour_old_are_changed_once },
	{ "a channel that rests goes on", a_channel_that_rests_goes_on },
	{ "of a part of a record only the part is kept", of_a_part_of_a_record_only_the_part_is_kept },
	{ "the head of no record is refused at once", the_head_of_no_record_is_refused_at_once },
	{ "a record passes a port that is smaller", a_record_passes_a_port_that_is_smaller },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("channel", tests)
