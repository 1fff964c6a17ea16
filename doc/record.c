#include "doc/record.h"

#include <stdio.h>

#include "lib/os/files.h"

static const char *const word[] = { [RECORD_TEXT] = "text", [RECORD_BYTES] = "bytes", [RECORD_FRAME] = "frame",
	[RECORD_INNER] = "inner", [RECORD_TLS] = "record" };

hl_err record_add(struct record *r, const struct record_item *like, struct hl_bytes value)
{
	struct record_item *item = &r->item[r->items];

	if (r->items == RECORD_ITEMS || value.n > sizeof item->value)
		return HL_E_FULL;
	*item = *like;
	memcpy(item->value, value.p, value.n);
	item->n = value.n;
	r->items++;
	return HL_OK;
}

static bool is_message(enum record_kind kind)
{
	return kind == RECORD_FRAME || kind == RECORD_INNER || kind == RECORD_TLS;
}

void record_write(const struct record *r, struct hl_buf *out)
{
	char hex[2 * RECORD_BYTES_MAX + 1];

	for (size_t i = 0; i < r->items; i++) {
		const struct record_item *item = &r->item[i];

		hl_buf_printf(out, "%s ", word[item->kind]);
		if (is_message(item->kind))
			hl_buf_printf(out, "%u %s %s %s ", item->step, item->name, item->from, item->to);
		else
			hl_buf_printf(out, "%s ", item->name);
		hl_hex(hl_bytes(item->value, item->n), hex);
		if (item->kind == RECORD_TEXT)
			hl_buf_put(out, hl_bytes(item->value, item->n));
		else
			hl_buf_text(out, hex);
		hl_buf_text(out, "\n");
	}
}

/* -- reading ------------------------------------------------------------------------------------------------- */

static bool is_kind(const char *text, enum record_kind *kind)
{
	for (size_t i = 0; i < HL_COUNT(word); i++)
		if (strcmp(text, word[i]) == 0) {
			*kind = (enum record_kind)i;
			return true;
		}
	return false;
}

/* One line, without its end. */
static hl_err read_line(struct record *r, const char *line)
{
	struct record_item item = { .step = 0 };
	uint8_t value[RECORD_BYTES_MAX];
	char kind[RECORD_NAME];
	size_t n = 0;
	int at = 0;

	if (sscanf(line, "%39s %n", kind, &at) != 1 || !is_kind(kind, &item.kind))
		return HL_E_CONFIG;
	line += at;
	at = 0;
	if (is_message(item.kind))
		sscanf(line, "%u %39s %39s %39s %n", &item.step, item.name, item.from, item.to, &at);
	else
		sscanf(line, "%39s %n", item.name, &at);
	line += at;
	if (at == 0 || !*line)
		return HL_E_CONFIG;
	if (item.kind == RECORD_TEXT)
		return record_add(r, &item, hl_text(line));
	HL_TRY(hl_unhex(line, strlen(line), value, sizeof value, &n));
	return record_add(r, &item, hl_bytes(value, n));
}

static hl_err read_lines(struct record *r, const char *file, struct hl_bytes text)
{
	char line[2 * RECORD_BYTES_MAX + 4 * RECORD_NAME];

	for (unsigned number = 1; text.n > 0; number++) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		hl_err err = hl_bytes_str(hl_bytes(text.p, n), line, sizeof line);

		if (err == HL_OK && line[0] && line[0] != '#')
			err = read_line(r, line);
		if (err != HL_OK) {
			fprintf(stderr, "%s:%u: this line is none of a recorded connection\n", file, number);
			return HL_E_CONFIG;
		}
		n += end != NULL;
		text = hl_bytes(text.p + n, text.n - n);
	}
	return HL_OK;
}

hl_err record_read(struct record *r, const char *file)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);

	*r = (struct record){ .items = 0 };
	HL_TRY(hl_file_read(file, HL_BUF_MAX, &text));
	return read_lines(r, file, hl_buf_view(&text));
}

const struct record_item *record_find(const struct record *r, enum record_kind kind, const char *name)
{
	for (size_t i = 0; i < r->items; i++)
		if (r->item[i].kind == kind && strcmp(r->item[i].name, name) == 0)
			return &r->item[i];
	return NULL;
}

struct hl_bytes record_value(const struct record *r, enum record_kind kind, const char *name)
{
	const struct record_item *item = record_find(r, kind, name);

	return item ? hl_bytes(item->value, item->n) : hl_bytes(NULL, 0);
}
