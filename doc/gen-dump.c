#include "doc/gen-dump.h"

#include <stdio.h>

#define ROW 16

static void put_row(struct dump *d, struct hl_bytes bytes, const char *note)
{
	hl_buf_printf(d->out, "%04zx ", d->at);
	for (size_t i = 0; i < bytes.n; i++)
		hl_buf_printf(d->out, " %02x", bytes.p[i]);
	if (note)
		hl_buf_printf(d->out, "%*s  %s", (int)(3 * (ROW - bytes.n)), "", note);
	hl_buf_text(d->out, "\n");
	d->at += bytes.n;
}

struct dump dump_begin(struct hl_buf *out, const char *name)
{
	hl_buf_printf(out, "```bytes %s\n", name);
	return (struct dump){ .out = out };
}

void dump_end(struct dump *d)
{
	hl_buf_text(d->out, "```\n");
}

static struct hl_bytes row_of(struct hl_bytes *left)
{
	struct hl_bytes row = hl_bytes(left->p, left->n < ROW ? left->n : ROW);

	*left = hl_bytes(left->p + row.n, left->n - row.n);
	return row;
}

void dump_bytes(struct dump *d, struct hl_bytes bytes, const char *note)
{
	for (; bytes.n > 0; note = NULL)
		put_row(d, row_of(&bytes), note);
}

void dump_text(struct dump *d, struct hl_bytes text)
{
	char quoted[ROW + 3];

	while (text.n > 0) {
		struct hl_bytes row = row_of(&text);

		snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)row.n, (const char *)row.p);
		put_row(d, row, quoted);
	}
}

/* -- messages ------------------------------------------------------------------------------------------------ */

static void put_number(struct dump *d, struct hl_bytes value)
{
	unsigned long long number = 0;
	char text[24];

	for (size_t i = 0; i < value.n; i++)
		number = number << 8 | value.p[i];
	snprintf(text, sizeof text, "%llu", number);
	dump_bytes(d, value, text);
}

static void put_list(struct dump *d, const struct hl_msg *item, struct hl_bytes value)
{
	struct hl_rd r = hl_rd(value);
	uint32_t count = hl_rd_u32(&r);
	char text[48];

	snprintf(text, sizeof text, "items %u", count);
	put_row(d, hl_bytes(value.p, 4), text);
	for (; count > 0; count--) {
		const uint8_t *at = r.p;
		uint32_t n = hl_rd_u32(&r);

		snprintf(text, sizeof text, "an item of %u bytes", n);
		put_row(d, hl_bytes(at, 4), text);
		dump_fields(d, item, hl_rd_bytes(&r, n));
	}
}

static void put_value(struct dump *d, const struct hl_field *f, struct hl_bytes value)
{
	if (f->kind == HL_LIST)
		put_list(d, f->item, value);
	else if (f->kind == HL_TEXT)
		dump_text(d, value);
	else if (f->kind == HL_BYTES)
		dump_bytes(d, value, NULL);
	else
		put_number(d, value);
}

static const struct hl_field *field_of(const struct hl_msg *m, uint16_t tag)
{
	for (size_t i = 0; i < m->fields; i++)
		if (m->field[i].tag == tag)
			return &m->field[i];
	return NULL;
}

void dump_fields(struct dump *d, const struct hl_msg *m, struct hl_bytes fields)
{
	struct hl_rd r = hl_rd(fields);

	while (r.left > 0 && r.err == HL_OK) {
		const uint8_t *at = r.p;
		uint16_t tag = hl_rd_u16(&r);
		uint32_t n = hl_rd_u32(&r);
		const struct hl_field *f = field_of(m, tag);
		char text[96];

		if (!f || n > r.left) {
			d->out->err = HL_E_FIELD;
			return;
		}
		snprintf(text, sizeof text, "tag %u, %u byte%s: %s", tag, n, n == 1 ? "" : "s", f->name);
		put_row(d, hl_bytes(at, HL_FIELD_HEAD), text);
		put_value(d, f, hl_rd_bytes(&r, n));
	}
}

void dump_frame(struct dump *d, struct hl_bytes frame)
{
	const struct hl_msg *m;
	struct hl_frame f;
	char text[96];

	if (hl_frame_peek(frame, HL_FRAME_MAX, &f) != HL_OK || !(m = hl_msg_of_type(f.type))) {
		d->out->err = HL_E_TYPE;
		return;
	}
	snprintf(text, sizeof text, "length %zu", frame.n - 4);
	put_row(d, hl_bytes(frame.p, 4), text);
	snprintf(text, sizeof text, "type %s", m->name);
	put_row(d, hl_bytes(frame.p + 4, 2), text);
	snprintf(text, sizeof text, "request id %u", f.id);
	put_row(d, hl_bytes(frame.p + 6, 4), text);
	dump_fields(d, m, f.body);
}

/* -- TLS ----------------------------------------------------------------------------------------------------- */

void dump_record(struct dump *d, struct hl_bytes record)
{
	bool clear = record.n > 5 && record.p[0] == 22;
	char text[32];

	if (record.n <= 5) {
		d->out->err = HL_E_SHORT;
		return;
	}
	put_row(d, hl_bytes(record.p, 1), clear ? "handshake" : record.p[0] == 20 ? "change_cipher_spec" : "application_data");
	put_row(d, hl_bytes(record.p + 1, 2), "legacy version");
	snprintf(text, sizeof text, "length %zu", record.n - 5);
	put_row(d, hl_bytes(record.p + 3, 2), text);
	dump_bytes(d, hl_bytes(record.p + 5, record.n - 5), !clear ? "protected" : record.p[5] == 1 ? "ClientHello" : "ServerHello");
}
