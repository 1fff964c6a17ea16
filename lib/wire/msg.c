#include "lib/wire/msg.h"

/* -- encode ---------------------------------------------------------------------------------- */

static size_t width(enum hl_kind kind)
{
	static const size_t widths[] = { [HL_U8] = 1, [HL_U16] = 2, [HL_U32] = 4, [HL_U64] = 8 };

	return kind <= HL_U64 ? widths[kind] : 0;
}

static uint64_t number(const struct hl_field *f, const void *at)
{
	switch (f->kind) {
	case HL_U8:
		return *(const uint8_t *)at;
	case HL_U16:
		return *(const uint16_t *)at;
	case HL_U32:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static void set_number(const struct hl_field *f, void *at, uint64_t v)
{
	switch (f->kind) {
	case HL_U8:
		*(uint8_t *)at = (uint8_t)v;
		break;
	case HL_U16:
		*(uint16_t *)at = (uint16_t)v;
		break;
	case HL_U32:
		*(uint32_t *)at = (uint32_t)v;
		break;
	default:
		*(uint64_t *)at = v;
	}
}

static void put_number(struct hl_buf *out, size_t bytes, uint64_t v)
{
	for (size_t i = 0; i < bytes; i++)
		hl_buf_u8(out, (uint8_t)(v >> 8 * (bytes - 1 - i)));
}

static void put_list(struct hl_buf *out, const struct hl_field *f, const struct hl_list *list)
{
	const uint8_t *item = list->items;

	hl_buf_u32(out, (uint32_t)list->count);
	if (!item) { /* decoded before: pass it on */
		hl_buf_put(out, list->raw);
		return;
	}
	for (size_t i = 0; i < list->count; i++, item += f->item->size) {
		size_t begun = out->n;

		hl_buf_u32(out, 0);
		hl_body_put(out, f->item, item);
		hl_buf_set_u32(out, begun, (uint32_t)(out->n - begun - 4));
	}
}

/* What a field's bounds speak of: its value, its length, its number of items. */
static uint64_t measure(const struct hl_field *f, const void *at)
{
	switch (f->kind) {
	case HL_LIST:
		return ((const struct hl_list *)at)->count;
	case HL_BYTES:
	case HL_TEXT:
		return ((const struct hl_bytes *)at)->n;
	default:
		return number(f, at);
	}
}

/* UTF-8 without control characters: it may be printed, and a C string may hold it. */
static bool is_text(struct hl_bytes b)
{
	for (size_t i = 0; i < b.n;) {
		uint8_t c = b.p[i++];
		unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
		uint32_t point = more == 3 ? c & 7u : more == 2 ? c & 15u : more == 1 ? c & 31u : c;
		static const uint32_t least[] = { 0x20, 0x80, 0x800, 0x10000 };

		if ((c >= 0x80 && c < 0xc0) || c > 0xf4 || i + more > b.n)
			return false;
		for (unsigned k = 0; k < more; k++) {
			if ((b.p[i] & 0xc0) != 0x80)
				return false;
			point = point << 6 | (b.p[i++] & 0x3fu);
		}
		if (point < least[more] || (point >= 0x7f && point < 0xa0) || point > 0x10ffff ||
			(point >= 0xd800 && point < 0xe000))
			return false;
	}
	return true;
}

static bool in_bounds(const struct hl_field *f, const void *at)
{
	uint64_t m = measure(f, at);

	if (m < f->min || m > f->max)
		return false;
	return f->kind != HL_TEXT || is_text(*(const struct hl_bytes *)at);
}

static void put_field(struct hl_buf *out, const struct hl_field *f, const void *at)
{
	size_t begun;

	if ((f->flags & HL_OPT) && measure(f, at) == 0)
		return;
	if (!in_bounds(f, at)) {
		out->err = out->err == HL_OK ? HL_E_RANGE : out->err;
		return;
	}
	hl_buf_u16(out, f->tag);
	begun = out->n;
	hl_buf_u32(out, 0);
	if (f->kind == HL_LIST)
		put_list(out, f, at);
	else if (f->kind == HL_BYTES || f->kind == HL_TEXT)
		hl_buf_put(out, *(const struct hl_bytes *)at);
	else
		put_number(out, width(f->kind), number(f, at));
	hl_buf_set_u32(out, begun, (uint32_t)(out->n - begun - 4));
}

void hl_body_put(struct hl_buf *out, const struct hl_msg *m, const void *body)
{
	for (size_t i = 0; i < m->fields; i++)
		put_field(out, &m->field[i], (const uint8_t *)body + m->field[i].offset);
}

void hl_msg_put(struct hl_buf *out, const struct hl_msg *m, uint32_t id, const void *body)
{
	size_t begun = hl_frame_begin(out, m->type, id);

	hl_body_put(out, m, body);
	hl_frame_end(out, begun);
}

/* -- decode ---------------------------------------------------------------------------------- */

static hl_err get_body(const struct hl_msg *m, struct hl_bytes fields, void *body, int depth);

/* u32 count, then for each item u32 length and its fields. Every item is checked here, once. */
static hl_err get_list(const struct hl_field *f, struct hl_bytes value, struct hl_list *list, int depth)
{
	struct hl_rd r = hl_rd(value);
	uint32_t count = hl_rd_u32(&r);
	uint64_t item[64]; /* aligned room for any item's struct */

	if (depth >= HL_DEPTH_MAX)
		return HL_E_DEPTH;
	if (f->item->size > sizeof item)
		return HL_E_BUG;
	if (count > f->max)
		return HL_E_RANGE;
	list->raw = hl_bytes(r.p, r.left);
	list->count = count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t length = hl_rd_u32(&r);
		struct hl_bytes one = hl_rd_bytes(&r, length);

		if (r.err != HL_OK)
			return r.err;
		HL_TRY(get_body(f->item, one, item, depth + 1));
	}
	return hl_rd_end(&r);
}

static hl_err get_value(const struct hl_field *f, struct hl_bytes value, void *at, int depth)
{
	if (f->kind == HL_LIST) {
		HL_TRY(get_list(f, value, at, depth));
	} else if (f->kind == HL_BYTES || f->kind == HL_TEXT) {
		*(struct hl_bytes *)at = value;
	} else {
		uint64_t v = 0;

		if (value.n != width(f->kind))
			return HL_E_RANGE;
		for (size_t i = 0; i < value.n; i++)
			v = v << 8 | value.p[i];
		set_number(f, at, v);
	}
	if (!in_bounds(f, at))
		return HL_E_RANGE;
	/* One spelling for each content: an optional field that says nothing is left out. */
	return (f->flags & HL_OPT) && measure(f, at) == 0 ? HL_E_RANGE : HL_OK;
}

static hl_err get_body(const struct hl_msg *m, struct hl_bytes fields, void *body, int depth)
{
	struct hl_rd r = hl_rd(fields);
	size_t next = 0;
	int32_t last = -1;

	memset(body, 0, m->size);
	while (r.left > 0) {
		uint16_t tag = hl_rd_u16(&r);
		uint32_t length = hl_rd_u32(&r);
		struct hl_bytes value = hl_rd_bytes(&r, length);

		if (r.err != HL_OK)
			return r.err;
		if (tag <= last)
			return HL_E_ORDER;
		last = tag;
		while (next < m->fields && m->field[next].tag < tag)
			if (!(m->field[next++].flags & HL_OPT))
				return HL_E_FIELD;
		if (next == m->fields || m->field[next].tag != tag) {
			if (tag < HL_TAG_SKIP)
				return HL_E_FIELD;
			continue;
		}
		HL_TRY(get_value(&m->field[next], value, (uint8_t *)body + m->field[next].offset, depth));
		next++;
	}
	while (next < m->fields)
		if (!(m->field[next++].flags & HL_OPT))
			return HL_E_SHORT;
	return HL_OK;
}

hl_err hl_body_get(const struct hl_msg *m, struct hl_bytes fields, void *body)
{
	return get_body(m, fields, body, 1);
}

hl_err hl_msg_get(const struct hl_msg *m, const struct hl_frame *f, void *body)
{
	if (f->type != m->type)
		return HL_E_TYPE;
	return get_body(m, f->body, body, 1);
}

bool hl_list_next(const struct hl_msg *item_msg, struct hl_bytes *at, void *item)
{
	struct hl_rd r = hl_rd(*at);
	uint32_t length = hl_rd_u32(&r);
	struct hl_bytes one = hl_rd_bytes(&r, length);

	if (r.err != HL_OK || get_body(item_msg, one, item, 1) != HL_OK)
		return false;
	*at = hl_bytes(r.p, r.left);
	return true;
}

/* -- trace ----------------------------------------------------------------------------------- */

void hl_json_text(struct hl_buf *out, struct hl_bytes text)
{
	hl_buf_u8(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '"' || c == '\\')
			hl_buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			hl_buf_printf(out, "\\u%04x", c);
		else
			hl_buf_u8(out, c);
	}
	hl_buf_u8(out, '"');
}

#define SHOWN_BYTES 32

static void json_value(struct hl_buf *out, const struct hl_field *f, const void *at)
{
	const struct hl_bytes *b = at;
	char hex[2 * SHOWN_BYTES + 1];

	switch (f->kind) {
	case HL_TEXT:
		hl_json_text(out, *b);
		break;
	case HL_BYTES:
		hl_hex(hl_bytes(b->p, b->n < SHOWN_BYTES ? b->n : SHOWN_BYTES), hex);
		hl_buf_printf(out, "\"%s%s\"", hex, b->n > SHOWN_BYTES ? "..." : "");
		break;
	case HL_LIST:
		hl_buf_printf(out, "%zu", ((const struct hl_list *)at)->count);
		break;
	default:
		hl_buf_printf(out, "%llu", (unsigned long long)number(f, at));
	}
}

void hl_msg_json(struct hl_buf *out, const struct hl_msg *m, const void *body)
{
	const char *comma = "";

	for (size_t i = 0; i < m->fields; i++) {
		const struct hl_field *f = &m->field[i];
		const void *at = (const uint8_t *)body + f->offset;

		if ((f->flags & HL_SECRET) || ((f->flags & HL_OPT) && measure(f, at) == 0))
			continue;
		hl_buf_printf(out, "%s\"%s\":", comma, f->name);
		json_value(out, f, at);
		comma = ",";
	}
}
