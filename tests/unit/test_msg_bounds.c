/* Every message, from its table: each way to leave the rules is refused.
 *
 * The wrong frames are written by the codec itself, from a table that was bent: other bounds,
 * flags, kinds, order, tags. The right table then has to refuse them. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/test.h"
#include "tests/support/wire.h"

#define FIELDS 32

/* A table that may be bent, one field at a time, and a message for it. */
struct bent {
	const struct hl_msg *right;
	struct hl_msg m;
	struct hl_field field[FIELDS];
	void *body, *got;
	struct hl_buf out; /* the last frame; `got` has views into it */
	uint64_t r;
};

static void bend(struct bent *b, const struct hl_msg *m)
{
	*b = (struct bent){ .right = m, .m = *m, .r = 1 };
	CU_ASSERT_FATAL(m->fields + 1 < FIELDS);
	memcpy(b->field, m->field, m->fields * sizeof *m->field);
	b->m.field = b->field;
	b->body = sample_make(m, &b->r);
	b->got = sample_room(m);
}

static void let_go(struct bent *b)
{
	sample_free(b->right, b->body);
	free(b->got);
	hl_buf_clear(&b->out);
}

static void must(bool holds, const struct bent *b, const char *what, size_t at)
{
	if (!holds)
		fprintf(stderr, "%s: %s, at %zu\n", b->right->name, what, at);
	CU_ASSERT(holds);
}

/* What the right table makes of the frame that the bent one wrote; in `got` where it was read. */
static hl_err outcome(struct bent *b)
{
	hl_err err, again;

	hl_buf_clear(&b->out);
	b->out = wire_encode(&b->m, b->body);
	CU_ASSERT_EQUAL(b->out.err, HL_OK);
	err = wire_decode(b->right, hl_buf_view(&b->out), b->got);
	CU_ASSERT(wire_exact(b->right, hl_buf_view(&b->out), &again) && again == err);
	return err;
}

/* Run `check` once for each field of each message. */
static void each_field(void (*check)(struct bent *b, size_t i))
{
	size_t n;
	const struct hl_msg *const *all = hl_msg_all(&n);

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < all[i]->fields; k++) {
			struct bent b;

			bend(&b, all[i]);
			check(&b, k);
			let_go(&b);
		}
	}
}

static bool is_number(const struct hl_field *f)
{
	return f->kind <= HL_U64;
}

/* -- bounds ------------------------------------------------------------------------------------ */

static void check_at(struct bent *b, size_t i, uint64_t measure)
{
	struct hl_buf out;

	sample_set(&b->field[i], b->body, measure, &b->r);
	out = wire_encode(b->right, b->body);
	must(out.err == HL_OK, b, "it is sent", i);
	must(wire_decode(b->right, hl_buf_view(&out), b->got) == HL_OK, b, "it is read", i);
	must(sample_same(b->right, b->body, b->got), b, "it says the same", i);
	hl_buf_clear(&out);
}

static void check_edges(struct bent *b, size_t i)
{
	check_at(b, i, b->right->field[i].min);
	check_at(b, i, b->right->field[i].max);
}

static void what_is_just_inside_its_bounds_passes(void)
{
	each_field(check_edges);
}

/* The sender is told, and a receiver that gets it all the same refuses it. */
static void check_beyond(struct bent *b, size_t i, uint64_t measure)
{
	struct hl_buf out;

	sample_set(&b->field[i], b->body, measure, &b->r);
	out = wire_encode(b->right, b->body);
	must(out.err == HL_E_RANGE, b, "sending it is marked", i);
	hl_buf_clear(&out);
	b->field[i].flags = 0;
	b->field[i].min = 0;
	b->field[i].max = UINT64_MAX;
	must(outcome(b) == HL_E_RANGE, b, "reading it is refused", i);
}

static void check_below(struct bent *b, size_t i)
{
	if (b->right->field[i].min > 0)
		check_beyond(b, i, b->right->field[i].min - 1);
}

static void check_above(struct bent *b, size_t i)
{
	if (b->right->field[i].max < sample_most(&b->right->field[i]))
		check_beyond(b, i, b->right->field[i].max + 1);
}

static void what_is_just_outside_its_bounds_is_refused(void)
{
	each_field(check_below);
	each_field(check_above);
}

/* There would be two spellings of one content. */
static void check_empty(struct bent *b, size_t i)
{
	if (!(b->right->field[i].flags & HL_OPT))
		return;
	sample_set(&b->field[i], b->body, 0, &b->r);
	b->field[i].flags = 0;
	must(outcome(b) == HL_E_RANGE, b, "present and empty", i);
}

static void what_says_nothing_must_be_left_out(void)
{
	each_field(check_empty);
}

/* Let field i be written as these bytes instead. */
static void replace(struct bent *b, size_t i, struct hl_bytes bytes)
{
	struct hl_field *f = &b->field[i];

	*f = (struct hl_field){ .tag = f->tag,
		.kind = HL_BYTES,
		.name = f->name,
		.offset = sample_extra(b->right),
		.max = UINT64_MAX };
	memcpy((uint8_t *)b->body + f->offset, &bytes, sizeof bytes);
}

static void check_width(struct bent *b, size_t i)
{
	static const size_t width[] = { [HL_U8] = 1, [HL_U16] = 2, [HL_U32] = 4, [HL_U64] = 8 };
	const struct hl_field *f = &b->right->field[i];
	uint8_t wide[9] = { 0 };
	uint64_t v = sample_measure(f, b->body);

	if (!is_number(f))
		return;
	for (size_t k = 0; k < width[f->kind]; k++)
		wide[width[f->kind] - k] = (uint8_t)(v >> 8 * k);
	replace(b, i, hl_bytes(wide + 1, width[f->kind]));
	must(outcome(b) == (f->max ? HL_OK : HL_E_RANGE), b, "its own width", i);
	replace(b, i, hl_bytes(wide, width[f->kind] + 1));
	must(outcome(b) == HL_E_RANGE, b, "a byte more", i);
	replace(b, i, hl_bytes(wide + 2, width[f->kind] - 1));
	must(outcome(b) == HL_E_RANGE, b, "a byte less", i);
	replace(b, i, (struct hl_bytes){ 0 });
	must(outcome(b) == HL_E_RANGE, b, "no bytes", i);
}

static void a_number_has_its_own_width(void)
{
	each_field(check_width);
}

/* -- presence and order ------------------------------------------------------------------------ */

static void check_missing(struct bent *b, size_t i)
{
	bool optional = b->right->field[i].flags & HL_OPT;
	hl_err err;

	memmove(&b->field[i], &b->field[i + 1], (b->m.fields - i - 1) * sizeof *b->field);
	b->m.fields--;
	err = outcome(b);
	if (optional)
		must(err == HL_OK, b, "it may be missing", i);
	else
		must(err == HL_E_SHORT || err == HL_E_FIELD, b, "it must not be missing", i);
}

static void what_is_mandatory_must_be_there(void)
{
	each_field(check_missing);
}

static void insert(struct bent *b, size_t at, const struct hl_field *f)
{
	struct hl_field copy = *f;

	memmove(&b->field[at + 1], &b->field[at], (b->m.fields - at) * sizeof *b->field);
	b->field[at] = copy;
	b->m.fields++;
}

static bool can_be_there(const struct hl_field *f)
{
	return f->max > 0; /* a reserved field cannot */
}

static void check_doubled(struct bent *b, size_t i)
{
	if (!can_be_there(&b->right->field[i]))
		return;
	insert(b, i, &b->field[i]);
	must(outcome(b) == HL_E_ORDER, b, "doubled", i);
}

static void no_field_stands_twice(void)
{
	each_field(check_doubled);
}

/* A field behind its successors. Where it is mandatory, its absence may be noticed first. */
static void check_descending(struct bent *b, size_t i)
{
	const struct hl_field f = b->field[i];
	hl_err err;

	if (i + 1 == b->m.fields)
		return;
	b->field[i] = b->field[i + 1];
	b->field[i + 1] = f;
	err = outcome(b);
	must(err == HL_E_ORDER || (err == HL_E_FIELD && !(f.flags & HL_OPT)), b, "descending", i);
}

static void tags_ascend(void)
{
	each_field(check_descending);
}

/* -- unknown fields ---------------------------------------------------------------------------- */

static const uint8_t later[] = "of a later version";

/* Put an unknown field where its tag belongs. */
static hl_err with_unknown(struct bent *b, uint16_t tag)
{
	struct hl_field f = {
		.tag = tag, .kind = HL_BYTES, .offset = sample_extra(b->right), .max = 64
	};
	size_t at = 0;
	struct hl_bytes value = hl_bytes(later, sizeof later);
	hl_err err;

	while (at < b->m.fields && b->field[at].tag < tag)
		at++;
	insert(b, at, &f);
	memcpy((uint8_t *)b->body + f.offset, &value, sizeof value);
	err = outcome(b);
	memmove(&b->field[at], &b->field[at + 1], (b->m.fields - at - 1) * sizeof *b->field);
	b->m.fields--;
	return err;
}

static void unknown_fields_are_refused_below_0x8000_and_skipped_from_there(void)
{
	size_t n;
	const struct hl_msg *const *all = hl_msg_all(&n);

	for (size_t i = 0; i < n; i++) {
		static const uint16_t refused[] = { 0, 100, 0x7fff },
				      skipped[] = { 0x8000, 0x8001, 0xffff };
		struct bent b;

		bend(&b, all[i]);
		for (size_t k = 0; k < HL_COUNT(refused); k++)
			must(with_unknown(&b, refused[k]) == HL_E_FIELD, &b, "refused", refused[k]);
		for (size_t k = 0; k < HL_COUNT(skipped); k++) {
			must(with_unknown(&b, skipped[k]) == HL_OK, &b, "skipped", skipped[k]);
			must(sample_same(all[i], b.body, b.got), &b, "it says the same",
				skipped[k]);
		}
		let_go(&b);
	}
}

/* Skipping does not lead past what is mandatory, nor past the order. */
static void skipped_fields_keep_to_the_order(void)
{
	size_t n;
	const struct hl_msg *const *all = hl_msg_all(&n);

	for (size_t i = 0; i < n; i++) {
		struct hl_field f = { .tag = HL_TAG_SKIP, .kind = HL_U8 };
		struct bent b;

		bend(&b, all[i]);
		insert(&b, b.m.fields, &f);
		b.field[b.m.fields - 1].max = UINT8_MAX;
		insert(&b, b.m.fields, &b.field[b.m.fields - 1]);
		must(outcome(&b) == HL_E_ORDER, &b, "a skipped field twice", i);
		b.m.fields--;
		if (b.m.fields > 1) {
			bool optional = b.field[b.m.fields - 2].flags & HL_OPT;

			b.field[b.m.fields - 2] = b.field[b.m.fields - 1];
			b.m.fields--;
			must(outcome(&b) == (optional ? HL_OK : HL_E_FIELD), &b,
				"instead of the last", i);
		}
		let_go(&b);
	}
}

/* -- text -------------------------------------------------------------------------------------- */

#define TEXT(s) \
	{ \
		(const uint8_t *)(s), sizeof(s) - 1 \
	}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF; and no control characters. */
static const struct hl_bytes no_text[] = { TEXT("\0"), TEXT("\x01"), TEXT("\n"), TEXT("\t"),
	TEXT("\x1b[2J"), TEXT("\x1f"), TEXT("\x7f"), TEXT("\x80"), TEXT("\xbf"), TEXT("\xff"),
	TEXT("\xfe"), TEXT("\xc2\x80"), TEXT("\xc2\x9f"), TEXT("\xc0\xaf"), TEXT("\xc1\xbf"),
	TEXT("\xc3"), TEXT("\xc3("), TEXT("\xe2\x82"), TEXT("\xe2\x28\xa1"), TEXT("\xe0\x80\xaf"),
	TEXT("\xe0\x9f\xbf"), TEXT("\xed\xa0\x80"), TEXT("\xed\xbf\xbf"), TEXT("\xf0\x9f\x94"),
	TEXT("\xf0\x8f\xbf\xbf"), TEXT("\xf0\x80\x80\xaf"), TEXT("\xf4\x90\x80\x80"),
	TEXT("\xf5\x80\x80\x80"), TEXT("\xf8\x88\x80\x80\x80") };
static const struct hl_bytes good_text[] = { TEXT(" "), TEXT("~"), TEXT("\xc2\xa0"),
	TEXT("\xdf\xbf"), TEXT("\xe0\xa0\x80"), TEXT("\xed\x9f\xbf"), TEXT("\xee\x80\x80"),
	TEXT("\xef\xbf\xbd"), TEXT("\xf0\x90\x80\x80"), TEXT("\xf4\x8f\xbf\xbf") };

/* The piece at the end or, with `front`, at the beginning of a text of right length. */
static void say(struct bent *b, size_t i, struct hl_bytes piece, bool front)
{
	const struct hl_field *f = &b->right->field[i];
	struct hl_bytes *b_at = (void *)((uint8_t *)b->body + f->offset);
	size_t n = f->min > piece.n ? (size_t)f->min : piece.n;
	uint8_t *p;

	CU_ASSERT_FATAL(n <= f->max);
	sample_set(f, b->body, n, &b->r);
	p = (uint8_t *)(uintptr_t)b_at->p;
	memset(p, 'a', n);
	memcpy(front ? p : p + n - piece.n, piece.p, piece.n);
}

static void check_text(struct bent *b, size_t i)
{
	if (b->right->field[i].kind != HL_TEXT)
		return;
	b->field[i].kind = HL_BYTES; /* which lets everything pass */
	for (size_t k = 0; k < 2 * HL_COUNT(no_text); k++) {
		struct hl_buf out;

		say(b, i, no_text[k / 2], k % 2);
		out = wire_encode(b->right, b->body);
		must(out.err == HL_E_RANGE, b, "sending no text is marked", k);
		hl_buf_clear(&out);
		must(outcome(b) == HL_E_RANGE, b, "no text is refused", k);
	}
	for (size_t k = 0; k < 2 * HL_COUNT(good_text); k++) {
		say(b, i, good_text[k / 2], k % 2);
		must(outcome(b) == HL_OK, b, "text passes", k);
		must(sample_same(b->right, b->body, b->got), b, "unchanged", k);
	}
}

static void text_is_utf8_without_control_characters(void)
{
	each_field(check_text);
}

/* -- lists ------------------------------------------------------------------------------------- */

/* Let list i be written as this count and these bytes of items. */
static hl_err list_outcome(
	struct bent *b, size_t i, uint32_t count, struct hl_bytes items, size_t cut)
{
	struct hl_buf value = hl_buf(HL_BUF_MAX);
	hl_err err;

	hl_buf_u32(&value, count);
	hl_buf_put(&value, items);
	hl_buf_cut(&value, value.n - cut);
	replace(b, i, hl_buf_view(&value));
	err = outcome(b);
	hl_buf_clear(&value);
	return err;
}

static void check_list(struct bent *b, size_t i)
{
	const struct hl_field *f = &b->right->field[i];
	struct hl_buf one = hl_buf(HL_BUF_MAX);
	struct hl_list *list = (void *)((uint8_t *)b->body + f->offset);
	struct hl_bytes item, none = { 0 };

	if (f->kind != HL_LIST)
		return;
	hl_buf_u32(&one, 0);
	hl_body_put(&one, f->item, list->items);
	hl_buf_set_u32(&one, 0, (uint32_t)(one.n - 4));
	item = hl_buf_view(&one);
	must(list_outcome(b, i, 1, item, 0) == HL_OK, b, "one item", i);
	/* what says nothing is left out where that is allowed */
	must(list_outcome(b, i, 0, none, 0) == (f->flags & HL_OPT ? HL_E_RANGE : HL_OK), b, "no item", i);
	must(list_outcome(b, i, 2, item, 0) == HL_E_SHORT, b, "an item less than said", i);
	must(list_outcome(b, i, 0, item, 0) == HL_E_TRAIL, b, "an item more than said", i);
	must(list_outcome(b, i, UINT32_MAX, item, 0) == HL_E_RANGE, b, "a huge count", i);
	for (size_t cut = 1; cut < item.n + 4; cut++)
		must(list_outcome(b, i, 1, item, cut) != HL_OK, b, "a cut list", cut);
	hl_buf_set_u32(&one, 0, UINT32_MAX);
	must(list_outcome(b, i, 1, hl_buf_view(&one), 0) == HL_E_SHORT, b, "a huge item", i);
	hl_buf_clear(&one);
}

static void a_list_holds_as_many_items_as_it_says(void)
{
	each_field(check_list);
}

/* -- depth ------------------------------------------------------------------------------------- */

struct nest {
	struct hl_list inner;
};
static const struct hl_msg nest;
static const struct hl_field nest_fields[] = {
	{ .tag = 1, .kind = HL_LIST, .flags = HL_OPT, .name = "inner", .max = 1, .item = &nest },
};
static const struct hl_msg nest = {
	.type = 1, .name = "nest", .size = sizeof(struct nest), .field = nest_fields, .fields = 1
};

#define LEVELS 100

static hl_err nested(size_t levels)
{
	struct nest n[LEVELS] = { 0 }, got;
	struct hl_buf out;
	hl_err err;

	for (size_t i = 0; i + 1 < levels; i++)
		n[i].inner = (struct hl_list){ .items = &n[i + 1], .count = 1 };
	out = wire_encode(&nest, n);
	CU_ASSERT_EQUAL(out.err, HL_OK);
	err = wire_decode(&nest, hl_buf_view(&out), &got);
	hl_buf_clear(&out);
	return err;
}

static void four_levels_pass_and_five_do_not(void)
{
	for (size_t levels = 1; levels <= LEVELS; levels++)
		CU_ASSERT_EQUAL(nested(levels), levels <= HL_DEPTH_MAX ? HL_OK : HL_E_DEPTH);
}

/* Any item of any message fits into the decoder's room for one. */
static void every_item_fits_into_its_room(void)
{
	size_t n;
	const struct hl_msg *const *all = hl_msg_all(&n);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < all[i]->fields; k++)
			if (all[i]->field[k].kind == HL_LIST)
				CU_ASSERT(all[i]->field[k].item->size <= 512);
}

static CU_TestInfo tests[] = {
	{ "what is just inside its bounds passes", what_is_just_inside_its_bounds_passes },
	{ "what is just outside its bounds is refused",
		what_is_just_outside_its_bounds_is_refused },
	{ "what says nothing must be left out", what_says_nothing_must_be_left_out },
	{ "a number has its own width", a_number_has_its_own_width },
	{ "what is mandatory must be there", what_is_mandatory_must_be_there },
	{ "no field stands twice", no_field_stands_twice },
	{ "tags ascend", tags_ascend },
	{ "unknown fields are refused below 0x8000 and skipped from there",
		unknown_fields_are_refused_below_0x8000_and_skipped_from_there },
	{ "skipped fields keep to the order", skipped_fields_keep_to_the_order },
	{ "text is UTF-8 without control characters", text_is_utf8_without_control_characters },
	{ "a list holds as many items as it says", a_list_holds_as_many_items_as_it_says },
	{ "four levels pass and five do not", four_levels_pass_and_five_do_not },
	{ "every item fits into its room", every_item_fits_into_its_room },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("msg_bounds", tests)
