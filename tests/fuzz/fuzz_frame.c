/* fuzz_frame.c - bytes from any peer, taken apart frame by frame and message by message.
 *
 * A frame of type 0 stands for the messages that never travel alone: its request id says which. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/wire.h"

static const struct hl_msg *table(const struct hl_frame *f)
{
	size_t n;
	const struct hl_msg *const *all = hl_msg_all(&n);

	if (f->type != 0)
		return hl_msg_of_type(f->type);
	return all[f->id % n]->type == 0 ? all[f->id % n] : NULL;
}

/* All items were checked with the list, so a walk meets each of them. */
static void walk(const struct hl_msg *m, const struct hl_list *list)
{
	struct hl_bytes rest = list->raw;
	void *item = sample_room(m);
	size_t n = 0;

	while (hl_list_next(m, &rest, item))
		n++;
	HL_FUZZ_MUST(n == list->count && rest.n == 0);
	free(item);
}

/* A trace line stays one line, whatever a peer has sent. */
static void trace(const struct hl_msg *m, const void *body)
{
	struct hl_buf json = hl_buf(HL_BUF_MAX);

	hl_msg_json(&json, m, body);
	HL_FUZZ_MUST(json.err == HL_OK);
	for (size_t i = 0; i < json.n; i++)
		HL_FUZZ_MUST(hl_buf_view(&json).p[i] >= 0x20 && hl_buf_view(&json).p[i] < 0x7f);
	hl_buf_clear(&json);
}

static void understood(const struct hl_msg *m, const void *body)
{
	for (size_t i = 0; i < m->fields; i++)
		if (m->field[i].kind == HL_LIST)
			walk(m->field[i].item,
				(const void *)((const uint8_t *)body + m->field[i].offset));
	trace(m, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct hl_bytes rest = hl_bytes(data, n);
	struct hl_frame f;

	while (hl_frame_peek(rest, HL_FRAME_MAX, &f) == HL_OK) {
		const struct hl_msg *m = table(&f);
		void *body = m ? sample_room(m) : NULL;
		hl_err err;

		HL_FUZZ_MUST(f.whole.p == rest.p && f.whole.n >= HL_FRAME_HEAD);
		HL_FUZZ_MUST(f.whole.n <= rest.n);
		if (m) {
			HL_FUZZ_MUST(wire_exact(m, f.whole, &err));
			HL_FUZZ_MUST(hl_msg_get(m, &f, body) == err);
			if (err == HL_OK)
				understood(m, body);
		}
		free(body);
		rest = hl_bytes(rest.p + f.whole.n, rest.n - f.whole.n);
	}
	return 0;
}

size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	size_t n;
	const struct hl_msg *const *all = hl_msg_all(&n);
	struct hl_buf b = hl_buf(max);
	uint64_t state = i;
	void *body;

	if (i >= n)
		return 0;
	body = sample_make(all[i], &state);
	hl_msg_put(&b, all[i], i, body);
	sample_free(all[i], body);
	return hl_fuzz_give(&b, out, max);
}
