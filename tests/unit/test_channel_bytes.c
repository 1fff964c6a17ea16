#include "tests/support/channels.h"
#include "tests/support/test.h"

#include "lib/wire/messages.h"

/* -- the bytes of the handshake ---------------------------------------------------------------- */

/* Carry flights 0 (dialling end's) to n - 1 whole; the next one is the caller's to deliver. */
static struct hl_buf flight(struct pair *p, int n)
{
	struct setting set = setting();

	pair_open(p, &set);
	end_pump(&p->dials);
	for (int i = 0; i < n; i++) {
		struct end *from = i % 2 ? &p->answers : &p->dials;
		struct end *to = i % 2 ? &p->dials : &p->answers;

		hl_buf_move(&to->port.in, &from->port.out);
		end_pump(to);
	}
	return end_take(n % 2 ? &p->answers : &p->dials);
}

#define FLIGHTS 3

static void every_cut_of_the_handshake_leaves_it_waiting(void)
{
	for (int f = 0; f < FLIGHTS; f++) {
		size_t n = 1;

		for (size_t cut = 0; cut < n; cut++) {
			struct pair p;
			struct hl_buf bytes = flight(&p, f);
			struct end *to = f % 2 ? &p.dials : &p.answers;

			n = bytes.n;
			end_feed(to, hl_bytes(bytes.base, cut));
			CU_ASSERT(!hl_channel_ready(to->c));
			CU_ASSERT(!hl_channel_ended(to->c));
			CU_ASSERT_EQUAL(to->err, HL_OK);
			CU_ASSERT_EQUAL(to->got.n, 0);
			CU_ASSERT_EQUAL(to->port.out.n, 0);
			hl_buf_clear(&bytes);
			pair_clear(&p);
		}
	}
}

/* After a flight with one byte changed: both go on as they can, and say something if they may. */
static bool survives_flip(int f, size_t at, uint8_t mask, size_t *n)
{
	struct pair p;
	struct hl_buf bytes = flight(&p, f);
	bool both;

	*n = bytes.n;
	bytes.base[at] ^= mask;
	end_feed(f % 2 ? &p.dials : &p.answers, hl_buf_view(&bytes));
	pair_run(&p);
	if (hl_channel_ready(p.dials.c))
		CU_ASSERT_EQUAL(end_send(&p.dials, 'd', 50), HL_OK);
	if (hl_channel_ready(p.answers.c))
		CU_ASSERT_EQUAL(end_send(&p.answers, 'a', 50), HL_OK);
	pair_run(&p);
	pair_run(&p);
	both = hl_channel_ready(p.dials.c) && hl_channel_ready(p.answers.c);
	CU_ASSERT_EQUAL(end_frames(&p.dials), both ? 1 : 0);
	CU_ASSERT_EQUAL(end_frames(&p.answers), both ? 1 : 0);
	hl_buf_clear(&bytes);
	pair_clear(&p);
	return both;
}

static void every_flip_in_the_handshake_ends_it(void)
{
	static const uint8_t masks[] = { 0x01, 0x80 };

	for (int f = 0; f < FLIGHTS; f++) {
		size_t n = 1;

		for (size_t at = 0; at < n; at++)
			for (size_t m = 0; m < HL_COUNT(masks); m++) {
				/* RFC 8446 5.1: legacy_record_version "MUST be ignored for all
				 * purposes". OpenSSL does so with its low byte, in the first record. */
				bool may = at == 2 && f < 2;

				CU_ASSERT(!survives_flip(f, at, masks[m], &n) || may);
			}
	}
}

static void bytes_in_the_clear_are_no_data(void)
{
	static const uint8_t data[] = { 23, 3, 3, 0, 10, 0, 0, 0, 6, 0x10, 0x10, 0, 0, 0, 1 };
	static const uint8_t closing[] = { 21, 3, 3, 0, 2, 1, 0 };
	const struct hl_bytes lie[] = { { data, sizeof data }, { closing, sizeof closing } };

	for (size_t i = 0; i < HL_COUNT(lie); i++)
		for (int f = 0; f < FLIGHTS + 1; f++) {
			struct pair p;
			struct hl_buf bytes = flight(&p, f);
			struct end *to = f % 2 ? &p.dials : &p.answers;

			end_feed(to, lie[i]);
			CU_ASSERT(end_refused(to));
			CU_ASSERT(!hl_channel_ended(to->c));
			CU_ASSERT_EQUAL(to->got.n, 0);
			hl_buf_clear(&bytes);
			pair_clear(&p);
		}
}

/* -- records after the handshake --------------------------------------------------------------- */

#define RECORDS 6

static void send_records(struct pair *p, struct hl_buf r[RECORDS])
{
	pair_ready(p);
	for (int i = 0; i < RECORDS; i++) {
		CU_ASSERT_EQUAL(end_send(&p->dials, (uint8_t)i, 20 + (size_t)i), HL_OK);
		r[i] = end_take(&p->dials);
	}
}

static void clear_records(struct pair *p, struct hl_buf r[RECORDS])
{
	for (int i = 0; i < RECORDS; i++)
		hl_buf_clear(&r[i]);
	pair_clear(p);
}

/* Deliver them in this order (-1 ends it); whether `frames` came and then the channel died. */
static bool dies_after(const int *order, int frames)
{
	struct hl_buf r[RECORDS];
	struct pair p;
	bool as_said;

	send_records(&p, r);
	for (; *order >= 0; order++)
		end_feed(&p.answers, hl_buf_view(&r[*order]));
	as_said = end_refused(&p.answers) && end_frames(&p.answers) == frames;
	clear_records(&p, r);
	return as_said;
}

static void records_out_of_turn_kill_the_channel(void)
{
	CU_ASSERT(!dies_after((const int[]){ 0, 1, 2, 3, 4, 5, -1 }, RECORDS));
	CU_ASSERT(dies_after((const int[]){ 1, 2, -1 }, 0));             /* dropped */
	CU_ASSERT(dies_after((const int[]){ 0, 1, 3, -1 }, 2));
	CU_ASSERT(dies_after((const int[]){ 0, 1, 2, 3, 5, 4, -1 }, 4)); /* swapped */
	CU_ASSERT(dies_after((const int[]){ 1, 0, -1 }, 0));
	CU_ASSERT(dies_after((const int[]){ 0, 0, -1 }, 1));             /* doubled */
	CU_ASSERT(dies_after((const int[]){ 0, 1, 2, 2, -1 }, 3));
	CU_ASSERT(dies_after((const int[]){ 0, 1, 2, 3, 4, 5, 0, -1 }, RECORDS)); /* replayed */
}

static void every_flip_in_a_record_kills_the_channel(void)
{
	size_t n = 1;

	for (size_t at = 0; at < n; at++) {
		struct hl_buf r[RECORDS];
		struct pair p;

		send_records(&p, r);
		n = r[1].n;
		r[1].base[at] ^= (uint8_t)(1u << at % 8);
		end_feed(&p.answers, hl_buf_view(&r[0]));
		for (int i = 1; i < RECORDS; i++)
			end_feed(&p.answers, hl_buf_view(&r[i]));
		/* The high byte of the length: it still waits for the rest of a longer record. */
		CU_ASSERT(end_refused(&p.answers) || (at == 3 && p.answers.err == HL_OK));
		CU_ASSERT_EQUAL(end_frames(&p.answers), 1);
		clear_records(&p, r);
	}
}

static void nothing_is_released_once_a_record_failed(void)
{
	struct hl_buf r[RECORDS];
	struct hl_frame f;
	struct pair p;

	send_records(&p, r);
	hl_buf_move(&p.answers.port.in, &r[0]);
	r[1].base[9] ^= 1;
	end_feed(&p.answers, hl_buf_view(&r[1]));
	CU_ASSERT(end_refused(&p.answers));
	CU_ASSERT_EQUAL(p.answers.got.n, 0);
	CU_ASSERT_EQUAL(hl_channel_next(p.answers.c, &f), HL_E_CHANNEL);
	CU_ASSERT(p.answers.port.out.n > 0); /* the alert */
	hl_buf_move(&p.dials.port.in, &p.answers.port.out);
	end_pump(&p.dials);
	CU_ASSERT(end_refused(&p.dials));
	clear_records(&p, r);
}

/* -- reflection and replay --------------------------------------------------------------------- */

/* RFC 9257 4.1, "Selfie": what a node says is brought back to it. */
static void own_messages_are_refused(void)
{
	struct hl_buf bytes;
	struct pair p;

	for (int f = 0; f < FLIGHTS; f++) { /* straight back */
		struct end *from;

		bytes = flight(&p, f);
		from = f % 2 ? &p.answers : &p.dials;
		end_feed(from, hl_buf_view(&bytes));
		CU_ASSERT(end_refused(from));
		hl_buf_clear(&bytes);
		pair_clear(&p);
	}
	pair_ready(&p);
	CU_ASSERT_EQUAL(end_send(&p.dials, 1, 10), HL_OK);
	bytes = end_take(&p.dials);
	end_feed(&p.dials, hl_buf_view(&bytes));
	CU_ASSERT(end_refused(&p.dials));
	CU_ASSERT_EQUAL(p.dials.got.n, 0);
	hl_buf_clear(&bytes);
	pair_clear(&p);
}

/* To where the same node answers: same secret, same name, but the other role. */
static void a_node_cannot_be_made_to_talk_to_itself(void)
{
	struct setting set = setting();
	struct pair p;

	set.initiator[1] = set.responder[0];
	set.responder[1] = set.initiator[0];
	pair_open(&p, &set);
	pair_run(&p);
	CU_ASSERT_EQUAL(p.lookups, 1);
	CU_ASSERT(end_refused(&p.dials) && end_refused(&p.answers));
	pair_clear(&p);
}

/* The hello of a recorded connection is as good as it was; its Finished and data are not. */
static void a_recorded_connection_does_not_complete_again(void)
{
	struct setting set = setting();
	struct hl_buf said[2];
	struct pair p;

	said[0] = flight(&p, 0);
	end_feed(&p.answers, hl_buf_view(&said[0]));
	hl_buf_move(&p.dials.port.in, &p.answers.port.out);
	end_pump(&p.dials);
	CU_ASSERT_EQUAL(end_send(&p.dials, 'r', 10), HL_OK);
	said[1] = end_take(&p.dials);
	end_feed(&p.answers, hl_buf_view(&said[1]));
	CU_ASSERT_EQUAL(end_frames(&p.answers), 1);
	pair_clear(&p);

	pair_open(&p, &set);
	end_feed(&p.answers, hl_buf_view(&said[0]));
	CU_ASSERT_EQUAL(p.answers.err, HL_OK);
	end_feed(&p.answers, hl_buf_view(&said[1]));
	CU_ASSERT(end_refused(&p.answers));
	CU_ASSERT_EQUAL(p.answers.got.n, 0);
	for (int i = 0; i < 2; i++)
		hl_buf_clear(&said[i]);
	pair_clear(&p);
}

/* -- floods ------------------------------------------------------------------------------------ */

static void update_keys(struct foreign *f, struct end *e, int times, int type)
{
	for (int i = 0; i < times; i++) {
		CU_ASSERT_EQUAL(SSL_key_update(f->ssl, type), 1);
		CU_ASSERT_EQUAL(SSL_do_handshake(f->ssl), 1);
	}
	(void)foreign_run(f, e);
}

static void say_something(struct foreign *f, struct end *e)
{
	struct hl_sign body = { .key = 1 };
	struct hl_buf frame = hl_buf(1000);

	hl_msg_put(&frame, &hl_msg_sign, 5, &body);
	CU_ASSERT_EQUAL(SSL_write(f->ssl, frame.base, (int)frame.n), (int)frame.n);
	(void)foreign_run(f, e);
	hl_buf_clear(&frame);
}

static void a_flood_of_key_updates_is_cut(void)
{
	static const int types[] = { SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED };
	struct setting set = setting();

	for (size_t i = 0; i < HL_COUNT(types); i++) {
		struct foreign f;
		struct pair p;

		pair_open(&p, &set);
		foreign_init(&f, &set, false);
		foreign_start(&f);
		CU_ASSERT(foreign_run(&f, &p.answers));
		for (int k = 0; k < 3; k++) { /* as long as something is said in between */
			update_keys(&f, &p.answers, 32, types[i]);
			say_something(&f, &p.answers);
		}
		CU_ASSERT_EQUAL(end_frames(&p.answers), 3);
		update_keys(&f, &p.answers, 32, types[i]);
		CU_ASSERT_EQUAL(p.answers.err, HL_OK);
		update_keys(&f, &p.answers, 500, types[i]);
		CU_ASSERT(end_refused(&p.answers));
		CU_ASSERT(p.answers.port.in.n > 400 * 20); /* and none after the 33rd was looked at */
		foreign_clear(&f);
		pair_clear(&p);
	}
}

static CU_TestInfo tests[] = {
	{ "every cut of the handshake leaves it waiting",
		every_cut_of_the_handshake_leaves_it_waiting },
	{ "every flip in the handshake ends it", every_flip_in_the_handshake_ends_it },
	{ "bytes in the clear are no data", bytes_in_the_clear_are_no_data },
	{ "records out of turn kill the channel", records_out_of_turn_kill_the_channel },
	{ "every flip in a record kills the channel", every_flip_in_a_record_kills_the_channel },
	{ "nothing is released once a record failed", nothing_is_released_once_a_record_failed },
	{ "own messages are refused", own_messages_are_refused },
	{ "a node cannot be made to talk to itself", a_node_cannot_be_made_to_talk_to_itself },
	{ "a recorded connection does not complete again",
		a_recorded_connection_does_not_complete_again },
	{ "a flood of KeyUpdates is cut", a_flood_of_key_updates_is_cut },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("channel bytes", tests)
