/* fuzz_hello.c - bytes from anybody who dials a proxy.
 *
 *	input = u8 what the directory and the HSM do (two bits), how many bytes come at once (six;
 *	        0: all) | the bytes
 *
 * Whatever they are, the client gets whole frames, in their order, the last one with a verdict;
 * the directory is asked with the exact bytes of steps 1 to 3; and nothing is left in the end. */
#include "lib/wire/messages.h"
#include "tests/fuzz/gate.h"

enum { SILENCE, REFUSAL, GRANT, GRANT_WITHOUT_HSM };

/* Are they the frame of step 1, of step 2 as the client heard it, and of step 3? */
static void check_query(struct gate *g, struct hl_bytes said)
{
	struct hl_dir_query q;
	struct hl_frame f;

	HL_FUZZ_MUST(hl_frame_peek(hl_buf_view(&g->query), HL_FRAME_MAX, &f) == HL_OK);
	HL_FUZZ_MUST(hl_msg_get(&hl_msg_dir_query, &f, &q) == HL_OK);
	HL_FUZZ_MUST(q.hello.n + q.answer.n <= said.n);
	HL_FUZZ_MUST(hl_bytes_eq(q.hello, hl_bytes(said.p, q.hello.n)));
	HL_FUZZ_MUST(hl_bytes_eq(q.answer, hl_bytes(said.p + q.hello.n, q.answer.n)));
	HL_FUZZ_MUST(hl_bytes_eq(q.request, hl_buf_view(&g->heard)));
	HL_FUZZ_MUST(hl_bytes_eq(q.peer, hl_text("127.0.0.1:0")));
}

static void grant(struct gate *g)
{
	struct hl_grant_ticket ticket = { .hsm = hl_text("hsm1"),
		.address = hl_text("127.0.0.31:2500"),
		.ticket = hl_text("ticket") };
	struct hl_dir_grant yes = { .grant = hl_text("grant-0123456789"),
		.valid_ms = 30000,
		.scram = hl_text("v=AAAA"),
		.tickets = { .items = &ticket, .count = 1 } };
	struct hl_hsm_opened opened = { .hsm = hl_text("hsm1") };
	struct hl_buf says = hl_buf(256);

	hl_msg_put(&says, &hl_msg_hsm_opened, 0, &opened);
	g->hsm_says = hl_buf_view(&says);
	gate_answer(g, &hl_msg_dir_grant, &yes);
	g->hsm_says = hl_text("");
	hl_buf_clear(&says);
}

static void directory(struct gate *g, unsigned does)
{
	struct hl_dir_refused no = { .code = (uint16_t)-HL_E_SERVICE_AUTH };

	if (does == SILENCE)
		return;
	g->hsm_err = does == GRANT ? HL_OK : HL_E_REFUSED;
	if (does == REFUSAL)
		gate_answer(g, &hl_msg_dir_refused, &no);
	else
		grant(g);
}

/* auth.request, and then auth.result or a refusal; or the refusal alone. */
static void check_heard(struct gate *g)
{
	struct hl_auth_request request;
	struct hl_auth_result result;
	struct hl_refused no;
	struct hl_frame f;
	bool more = gate_heard(g, &f);

	HL_FUZZ_MUST(more);
	if (f.type == HL_T_auth_request) {
		HL_FUZZ_MUST(hl_msg_get(&hl_msg_auth_request, &f, &request) == HL_OK);
		HL_FUZZ_MUST(gate_heard(g, &f));
	}
	if (g->relayed) {
		HL_FUZZ_MUST(hl_msg_get(&hl_msg_auth_result, &f, &result) == HL_OK);
	} else {
		HL_FUZZ_MUST(hl_msg_get(&hl_msg_refused, &f, &no) == HL_OK);
		HL_FUZZ_MUST(hl_err_of_wire(no.code) != HL_E_BUG);
	}
	HL_FUZZ_MUST(!gate_heard(g, &f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct hl_bytes said = n ? hl_bytes(data + 1, n - 1) : (struct hl_bytes){ 0 };
	unsigned does = n ? data[0] & 3 : SILENCE;
	struct gate *g = gate_begin();

	gate_say(g, said, n ? data[0] >> 2 : 0);
	if (g->asked) {
		check_query(g, said);
		directory(g, does);
		HL_FUZZ_MUST(g->relayed == (does == GRANT));
	}
	gate_end(g);
	check_heard(g);
	return 0;
}

/* Each of the directory's ways, after a hello alone and after the proof too. */
size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	struct hl_buf b = hl_buf(max);

	if (i >= 8)
		return 0;
	hl_buf_u8(&b, (uint8_t)(i % 4 | (i % 3) * 7 << 2));
	gate_hello(&b);
	if (i < 6)
		gate_proof(&b);
	return hl_fuzz_give(&b, out, max);
}
