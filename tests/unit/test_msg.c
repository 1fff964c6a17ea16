/* Every message, from its table: what is sent is read, and nothing else is. */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "tests/support/draw.h"
#include "tests/support/test.h"
#include "tests/support/wire.h"

#define SAMPLES 6 /* of each message, where a test takes one byte at a time: 1 */

typedef void check_fn(const struct hl_msg *m, const void *body, struct hl_bytes frame);

/* Run `check` on samples of every message. */
static void each(unsigned samples, check_fn *check)
{
	size_t n;
	const struct hl_msg *const *all = hl_msg_all(&n);

	for (size_t i = 0; i < n; i++) {
		for (uint64_t seed = 1; seed <= samples; seed++) {
			uint64_t r = seed;
			void *body = sample_make(all[i], &r);
			struct hl_buf frame = wire_encode(all[i], body);

			CU_ASSERT_EQUAL(frame.err, HL_OK);
			check(all[i], body, hl_buf_view(&frame));
			hl_buf_clear(&frame);
			sample_free(all[i], body);
		}
	}
}

/* One assertion that can say where. */
static void must(bool holds, const struct hl_msg *m, const char *what, size_t at)
{
	if (!holds)
		fprintf(stderr, "%s: %s, at %zu\n", m->name, what, at);
	CU_ASSERT(holds);
}

/* -- the tables -------------------------------------------------------------------------------- */

static void check_field(const struct hl_msg *m, size_t i)
{
	const struct hl_field *f = &m->field[i];
	static const size_t size[] = { 1, 2, 4, 8, sizeof(struct hl_bytes), sizeof(struct hl_bytes),
		sizeof(struct hl_list) };

	must(f->tag > (i ? m->field[i - 1].tag : 0) && f->tag < HL_TAG_SKIP, m, "tags ascend", i);
	must(f->min <= f->max && f->max <= sample_most(f), m, "bounds are possible", i);
	must(f->kind < HL_COUNT(size) && f->offset + size[f->kind] <= m->size, m, "it is inside",
		i);
	must(!(f->flags & HL_OPT) || f->min == 0, m, "what may be absent may be empty", i);
	must(f->name[0] && f->text[0], m, "it is named and explained", i);
	for (size_t k = 0; k < i; k++)
		must(strcmp(f->name, m->field[k].name) != 0, m, "names differ", i);
	if (f->kind == HL_LIST)
		must(f->item && f->item->type == 0 && f->item->fields > 0, m, "items are known", i);
}

static void the_tables_hold_together(void)
{
	size_t n;
	const struct hl_msg *const *all = hl_msg_all(&n);

	CU_ASSERT(n > 50);
	for (size_t i = 0; i < n; i++) {
		const struct hl_msg *m = all[i];

		must(m->name[0] && m->way[0] && m->text[0] && m->size > 0, m, "it is explained", i);
		for (size_t k = 0; k < m->fields; k++)
			check_field(m, k);
		for (size_t k = 0; k < i; k++) {
			must(strcmp(m->name, all[k]->name) != 0, m, "names differ", k);
			must(m->type == 0 || m->type != all[k]->type, m, "types differ", k);
		}
		must(hl_msg_of_type(m->type) == (m->type ? m : NULL), m, "it is found by type", i);
	}
	CU_ASSERT_PTR_NULL(hl_msg_of_type(0));
	CU_ASSERT_PTR_NULL(hl_msg_of_type(0xffff));
}

/* -- there and back ---------------------------------------------------------------------------- */

static void check_read(const struct hl_msg *m, const void *body, struct hl_bytes frame)
{
	void *got = malloc(m->size); /* not a byte more: a sanitizer sees what writes behind it */
	hl_err err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	memset(got, 0xa5, m->size);
	must(wire_decode(m, frame, got) == HL_OK, m, "it is read", 0);
	must(sample_same(m, body, got), m, "it says the same", 0);
	must(wire_exact(m, frame, &err) && err == HL_OK, m, "it is written the same", 0);
	free(got);
}

static void what_is_sent_is_read(void)
{
	each(SAMPLES, check_read);
}

/* Without any field that may be absent: they read as zero or empty. */
static void check_absent(const struct hl_msg *m, const void *body, struct hl_bytes frame)
{
	uint64_t r = 99;
	void *bare = sample_make(m, &r);
	struct hl_buf out;

	(void)body, (void)frame;
	for (size_t i = 0; i < m->fields; i++)
		if (m->field[i].flags & HL_OPT || m->field[i].kind == HL_LIST)
			sample_set(&m->field[i], bare, 0, &r);
	out = wire_encode(m, bare);
	must(out.err == HL_OK, m, "it is sent", 0);
	check_read(m, bare, hl_buf_view(&out));
	hl_buf_clear(&out);
	sample_free(m, bare);
}

static void what_may_be_absent_reads_as_nothing(void)
{
	each(1, check_absent);
}

static void check_type(const struct hl_msg *m, const void *body, struct hl_bytes frame)
{
	void *got = sample_room(m);
	struct hl_frame f;

	(void)body;
	CU_ASSERT_EQUAL(hl_frame_peek(frame, HL_FRAME_MAX, &f), HL_OK);
	f.type ^= 0x4000;
	must(hl_msg_get(m, &f, got) == HL_E_TYPE, m, "another type is refused", 0);
	free(got);
}

static void a_message_of_another_type_is_refused(void)
{
	each(1, check_type);
}

/* -- from hostile hands ------------------------------------------------------------------------ */

/* In memory of the exact size, so that a sanitizer or Valgrind sees a byte read past the end. */
static bool exact_copy(const struct hl_msg *m, struct hl_bytes bytes, hl_err *err)
{
	uint8_t *copy = malloc(bytes.n ? bytes.n : 1);
	bool exact;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	if (bytes.n > 0)
		memcpy(copy, bytes.p, bytes.n);
	exact = wire_exact(m, hl_bytes(copy, bytes.n), err);
	free(copy);
	return exact;
}

/* A frame that is cut waits for its rest. One that says it is shorter is refused, but where only
 * fields are missing that may be absent. */
static void check_cuts(const struct hl_msg *m, const void *body, struct hl_bytes frame)
{
	struct hl_buf shorter = hl_buf(HL_BUF_MAX);
	hl_err err;

	(void)body;
	for (size_t cut = 0; cut < frame.n; cut++)
		must(exact_copy(m, hl_bytes(frame.p, cut), &err) && err == HL_E_SHORT, m, "a cut",
			cut);
	for (size_t cut = HL_FRAME_HEAD; cut < frame.n; cut++) {
		hl_buf_reset(&shorter);
		hl_buf_put(&shorter, hl_bytes(frame.p, cut));
		hl_buf_set_u32(&shorter, 0, (uint32_t)(cut - 4));
		must(exact_copy(m, hl_buf_view(&shorter), &err), m, "a shorter frame", cut);
	}
	hl_buf_clear(&shorter);
}

static void every_cut_is_refused(void)
{
	each(1, check_cuts);
}

static void check_flips(const struct hl_msg *m, const void *body, struct hl_bytes frame)
{
	uint8_t *copy = malloc(frame.n);
	size_t refused = 0;
	hl_err err;

	(void)body;
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, frame.p, frame.n);
	for (size_t i = 0; i < frame.n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			copy[i] ^= (uint8_t)(1u << bit);
			must(wire_exact(m, hl_bytes(copy, frame.n), &err), m, "a flip", i);
			refused += err != HL_OK;
			copy[i] ^= (uint8_t)(1u << bit);
		}
	}
	must(refused >= 6 * 8, m, "a flip in the length and the type is refused", refused);
	free(copy);
}

static void every_flip_is_refused_or_says_exactly_what_it_says(void)
{
	each(1, check_flips);
}

static void check_noise(const struct hl_msg *m, const void *body, struct hl_bytes frame)
{
	struct hl_buf noise = hl_buf(HL_BUF_MAX);
	uint64_t r = frame.n;
	hl_err err;

	(void)body;
	for (size_t round = 0; round < 300; round++) {
		size_t n = draw_below(&r, 80);

		hl_buf_reset(&noise);
		hl_buf_u32(&noise, (uint32_t)(n + HL_FRAME_HEAD - 4));
		hl_buf_u16(&noise, m->type);
		hl_buf_u32(&noise, 1);
		for (size_t i = 0; i < n; i++) /* small numbers look like tags and lengths */
			hl_buf_u8(&noise,
				(uint8_t)(draw_below(&r, 3) ? draw_below(&r, 4) : draw(&r)));
		must(exact_copy(m, hl_buf_view(&noise), &err), m, "noise", round);
	}
	hl_buf_clear(&noise);
}

static void noise_is_refused_or_says_exactly_what_it_says(void)
{
	each(1, check_noise);
}

/* -- traces ------------------------------------------------------------------------------------ */

static bool holds(const struct hl_buf *json, struct hl_bytes part)
{
	struct hl_bytes all = hl_buf_view(json);

	for (size_t i = 0; i + part.n <= all.n; i++)
		if (memcmp(all.p + i, part.p, part.n) == 0)
			return true;
	return false;
}

/* Neither as it is nor in hex nor escaped; a value of few bytes may well stand there by chance. */
static void check_hidden(const struct hl_msg *m, const struct hl_field *f, const void *body,
	const struct hl_buf *json)
{
	const struct hl_bytes *b = (const void *)((const uint8_t *)body + f->offset);
	struct hl_bytes start = hl_bytes(b->p, b->n < 16 ? b->n : 16);
	struct hl_buf escaped = hl_buf(1024);
	char hex[33];

	if (b->n < 6)
		return;
	hl_hex(start, hex);
	hl_json_text(&escaped, start);
	hl_buf_cut(&escaped, escaped.n - 1); /* without its quotes */
	hl_buf_eat(&escaped, 1);
	must(!holds(json, hl_text(hex)), m, "a secret in hex", f->tag);
	must(!holds(json, start) && !holds(json, hl_buf_view(&escaped)), m, "a secret", f->tag);
	hl_buf_clear(&escaped);
}

static void check_json(const struct hl_msg *m, const void *body, struct hl_bytes frame)
{
	struct hl_buf out = hl_buf(HL_BUF_MAX);
	json_t *json;

	(void)frame;
	hl_buf_text(&out, "{");
	hl_msg_json(&out, m, body);
	hl_buf_text(&out, "}");
	/* As real numbers, because jansson's whole ones end at 2^63. */
	json = json_loadb((const char *)hl_buf_view(&out).p, out.n,
		JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
	must(json != NULL, m, "it is JSON", 0);
	for (size_t i = 0; i < m->fields; i++) {
		const struct hl_field *f = &m->field[i];
		bool secret = f->flags & HL_SECRET,
		     absent = f->flags & HL_OPT && !sample_measure(f, body);

		must((json_object_get(json, f->name) != NULL) == (!secret && !absent), m, f->name,
			0);
		if (secret)
			check_hidden(m, f, body, &out);
	}
	json_decref(json);
	hl_buf_clear(&out);
}

static void secrets_never_reach_a_trace(void)
{
	each(SAMPLES, check_json);
}

/* Secrets were not hidden by giving them a kind that check_hidden() does not know. */
static void secrets_are_bytes_or_text(void)
{
	size_t n, secrets = 0;
	const struct hl_msg *const *all = hl_msg_all(&n);

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < all[i]->fields; k++) {
			const struct hl_field *f = &all[i]->field[k];

			if (!(f->flags & HL_SECRET))
				continue;
			must(f->kind == HL_BYTES || f->kind == HL_TEXT, all[i], "bytes or text", k);
			secrets++;
		}
	}
	CU_ASSERT(secrets > 15);
}

static void any_bytes_are_a_json_string(void)
{
	struct hl_buf out = hl_buf(4096);
	uint8_t all[256];
	json_t *json;

	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (uint8_t)i;
	hl_json_text(&out, hl_bytes(all, sizeof all));
	json = json_loadb(
		(const char *)hl_buf_view(&out).p, out.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	CU_ASSERT(json_is_string(json));
	CU_ASSERT_EQUAL(json_string_length(json), 128 + 2 * 128); /* Latin-1 as UTF-8 */
	for (size_t i = 0; i < out.n; i++)
		CU_ASSERT(hl_buf_view(&out).p[i] >= 0x20 && hl_buf_view(&out).p[i] < 0x7f);
	json_decref(json);
	hl_buf_clear(&out);
}

static CU_TestInfo tests[] = {
	{ "the tables hold together", the_tables_hold_together },
	{ "what is sent is read", what_is_sent_is_read },
	{ "what may be absent reads as nothing", what_may_be_absent_reads_as_nothing },
	{ "a message of another type is refused", a_message_of_another_type_is_refused },
	{ "every cut is refused", every_cut_is_refused },
	{ "every flip is refused or says exactly what it says",
		every_flip_is_refused_or_says_exactly_what_it_says },
	{ "noise is refused or says exactly what it says",
		noise_is_refused_or_says_exactly_what_it_says },
	{ "secrets never reach a trace", secrets_never_reach_a_trace },
	{ "secrets are bytes or text", secrets_are_bytes_or_text },
	{ "any bytes are a JSON string", any_bytes_are_a_json_string },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("msg", tests)
