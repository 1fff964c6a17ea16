/* fuzz_grant.c - what a directory and the HSMs may answer to a proxy.
 *
 *	input = u8 (odd: no HSM can be dialled) | the frame of the directory's answer
 *	      | what the HSMs say to their tickets, one frame each
 *
 * A client is let through by a grant only, with its server signature, to an HSM that it names. */
#include "lib/wire/messages.h"
#include "tests/fuzz/gate.h"
#include "tests/support/wire.h"

static void client_asks(struct gate *g)
{
	struct hl_buf said = hl_buf(HL_FRAME_GATEWAY);

	gate_hello(&said);
	gate_proof(&said);
	HL_FUZZ_MUST(said.err == HL_OK);
	gate_say(g, hl_buf_view(&said), 0);
	hl_buf_clear(&said);
}

/* The ticket that the HSM of this name should be shown, and whether the grant has one. */
static bool named(const struct hl_dir_grant *grant, struct hl_bytes hsm, struct hl_bytes shown)
{
	struct hl_bytes rest = grant->tickets.raw;
	struct hl_grant_ticket t;

	while (hl_list_next(&hl_msg_grant_ticket, &rest, &t))
		if (hl_bytes_eq(t.hsm, hsm) && hl_bytes_eq(t.ticket, shown))
			return true;
	return false;
}

static void check_passed(
	struct gate *g, const struct hl_frame *verdict, const struct hl_dir_grant *grant)
{
	struct hl_auth_result result;
	struct hl_hsm_open open;
	struct hl_frame f;

	HL_FUZZ_MUST(hl_msg_get(&hl_msg_auth_result, verdict, &result) == HL_OK);
	HL_FUZZ_MUST(hl_bytes_eq(result.scram, grant->scram));
	HL_FUZZ_MUST(hl_frame_peek(hl_buf_view(&g->shown), HL_FRAME_GATEWAY, &f) == HL_OK);
	HL_FUZZ_MUST(hl_msg_get(&hl_msg_hsm_open, &f, &open) == HL_OK);
	HL_FUZZ_MUST(named(grant, result.hsm, open.ticket));
}

/* How many HSMs say no before one says something else. */
static size_t refusals(struct hl_bytes says)
{
	struct hl_refused no;
	struct hl_frame f;
	size_t n = 0;

	while (hl_frame_peek(says, HL_FRAME_GATEWAY, &f) == HL_OK &&
		hl_msg_get(&hl_msg_refused, &f, &no) == HL_OK) {
		says = hl_bytes(says.p + f.whole.n, says.n - f.whole.n);
		n++;
	}
	return n;
}

/* Each HSM is tried that may still open, and none twice. */
static void check_tried(struct gate *g, const struct hl_dir_grant *grant, struct hl_bytes says)
{
	size_t least = g->hsm_err == HL_OK ? refusals(says) + 1 : grant->tickets.count;

	HL_FUZZ_MUST(g->dialled <= grant->tickets.count);
	if (g->dialled > 0)
		HL_FUZZ_MUST(g->dialled >= least || g->dialled == grant->tickets.count);
}

static void check_refused(const struct hl_frame *verdict, const struct hl_frame *answer)
{
	struct hl_dir_refused why;
	struct hl_refused no;

	HL_FUZZ_MUST(hl_msg_get(&hl_msg_refused, verdict, &no) == HL_OK);
	if (hl_msg_get(&hl_msg_dir_refused, answer, &why) == HL_OK) {
		HL_FUZZ_MUST(no.code == (uint16_t)-hl_err_of_wire(why.code));
		HL_FUZZ_MUST(no.retry_after_ms == why.retry_after_ms);
	}
}

static void check(struct gate *g, const struct hl_frame *answer, struct hl_bytes says)
{
	struct hl_dir_grant grant = { 0 };
	struct hl_frame f;
	bool granted = hl_msg_get(&hl_msg_dir_grant, answer, &grant) == HL_OK;

	HL_FUZZ_MUST(granted || (g->dialled == 0 && !g->relayed));
	check_tried(g, &grant, says);
	HL_FUZZ_MUST(gate_heard(g, &f) && f.type == HL_T_auth_request);
	if (g->relayed) {
		HL_FUZZ_MUST(gate_heard(g, &f));
		check_passed(g, &f, &grant);
	} else if (gate_heard(g, &f)) { /* "closed" is shown by closing */
		check_refused(&f, answer);
	}
	HL_FUZZ_MUST(!gate_heard(g, &f));
}

static void decode(const struct hl_frame *f)
{
	static const struct hl_msg *const answers[] = { &hl_msg_dir_grant, &hl_msg_dir_refused };
	hl_err err;

	for (size_t i = 0; i < HL_COUNT(answers); i++)
		HL_FUZZ_MUST(wire_exact(answers[i], f->whole, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct hl_bytes says;
	struct hl_frame f;
	struct gate *g;

	if (n == 0 || hl_frame_peek(hl_bytes(data + 1, n - 1), HL_FRAME_MAX, &f) != HL_OK)
		return 0;
	decode(&f);
	says = hl_bytes(data + 1 + f.whole.n, n - 1 - f.whole.n);
	g = gate_begin();
	g->hsm_err = data[0] % 2 ? HL_E_REFUSED : HL_OK;
	g->hsm_says = says;
	client_asks(g);
	gate_answer_frame(g, &f);
	gate_end(g);
	check(g, &f, says);
	return 0;
}

/* 0 to 3: grants of 0 to 3 tickets, the last HSM opens; 4: the same as 3, none can be dialled;
 * 5: a refusal. */
size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	struct hl_grant_ticket t[3] = {
		{ hl_text("hsm1"), hl_text("127.0.0.31:2500"), hl_text("ticket of the first") },
		{ hl_text("hsm2"), hl_text("127.0.0.32:2500"), hl_text("ticket of the second") },
		{ hl_text("hsm3"), hl_text("[::1]:2500"), hl_text("ticket of the third") },
	};
	struct hl_dir_grant grant = { .grant = hl_text("grant-0123456789"),
		.valid_ms = 30000,
		.scram = hl_text("v=AAAA"),
		.tickets = { .items = t, .count = i < 3 ? i : 3 } };
	struct hl_dir_refused refused = {
		.code = (uint16_t)-HL_E_EPOCH, .retry_after_ms = 7, .epoch = hl_text("epoch-of-12b")
	};
	struct hl_hsm_opened opened = { .hsm = hl_text("hsm1") };
	struct hl_refused no = { .code = (uint16_t)-HL_E_STALE, .step = 6 };
	struct hl_buf b = hl_buf(max);

	if (i > 5)
		return 0;
	hl_buf_u8(&b, i == 4);
	if (i < 5)
		hl_msg_put(&b, &hl_msg_dir_grant, 1, &grant);
	else
		hl_msg_put(&b, &hl_msg_dir_refused, 1, &refused);
	for (size_t k = 1; k < grant.tickets.count; k++)
		hl_msg_put(&b, &hl_msg_refused, 0, &no);
	hl_msg_put(&b, &hl_msg_hsm_opened, 0, &opened);
	return hl_fuzz_give(&b, out, max);
}
