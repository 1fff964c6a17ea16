/* log.c - the log of the partition, page by page, each entry checked before it is told. */
#include "hsm/chain.h"
#include "hsm/rooms.h"

/* What one request looks at, some 1 ms; the client asks again for what is behind it, and others come in between. */
#define LOOK_ROWS 256
#define LOOK_BYTES (192u << 10)

struct reading {
	struct hsm *hsm;
	const struct hl_log_fetch *request;
	struct hl_log_line line[HL_LOG_LINES_MAX];
	size_t n, rows;
	struct hl_buf text;  /* behind the lines */
	struct hl_buf before; /* behind the row that was looked at last, */
	struct hsm_row last; /* which is this one; id 0: none was */
	bool more;
	hl_err err;
};

static void reading_clear(struct reading *r)
{
	hl_buf_clear(&r->text);
	hl_buf_clear(&r->before);
}

/* Its neighbour, where the scan has just come from it, must be linked to it. */
static hl_err check(struct reading *r, const struct hsm_row *row, struct hsm_entry *out)
{
	const struct hsm_row *last = r->last.id ? &r->last : NULL;

	if (r->request->reverse && last && !hsm_chain_follows(row, last))
		return HL_E_STORE_SUM;
	return hsm_chain_check(&r->hsm->macs, r->request->reverse ? NULL : last, row, out);
}

/* Views into a buffer that grows move with it, so a line has its place in it first. */
static void keep(struct reading *r, const struct hsm_row *row, const struct hl_log_row *entry)
{
	r->line[r->n++] = (struct hl_log_line){
		.number = row->id, .at_ms = entry->at_ms, .code = entry->code, .line = { NULL, entry->line.n }
	};
	hl_buf_put(&r->text, entry->line);
}

static hl_err consider(struct reading *r, const struct hsm_row *row)
{
	struct hl_log_row entry;
	struct hsm_entry e;

	HL_TRY(check(r, row, &e));
	HL_TRY(hl_body_get(&hl_msg_log_row, e.text, &entry));
	if (entry.at_ms >= r->request->since_ms && row->id != r->request->from)
		keep(r, row, &entry);
	hl_buf_cut(&r->before, 0);
	HL_TRY(hsm_row_copy(row, &r->before, &r->last));
	return r->text.err;
}

static bool look(void *at, const struct hsm_row *row)
{
	struct reading *r = at;

	r->more = r->rows == LOOK_ROWS || r->n == r->request->limit || r->text.n >= LOOK_BYTES;
	if (r->more)
		return false;
	r->err = consider(r, row);
	r->rows += row->id != r->request->from;
	return r->err == HL_OK;
}

/* The line that the last page ended with is looked at too: what follows must be linked to it, where it is still there. */
static hl_err scan(struct reading *r, uint64_t partition)
{
	const struct hsm_store *store = &r->hsm->conf.store;
	uint64_t from = r->request->from;

	if (r->request->reverse)
		return store->ops->scan_back(
			store->at, HSM_LOG, partition, from && from < UINT64_MAX ? from + 1 : UINT64_MAX, look, r);
	return store->ops->scan(store->at, HSM_LOG, partition, from ? from - 1 : 0, look, r);
}

static hl_err read_some(struct reading *r, uint64_t partition)
{
	hl_err err = scan(r, partition);
	const uint8_t *text = hl_buf_view(&r->text).p;

	HL_TRY(err);
	HL_TRY(r->err);
	for (size_t i = 0; i < r->n; i++) {
		r->line[i].line.p = text;
		text += r->line[i].line.n;
	}
	return HL_OK;
}

hl_err hsm_op_log_fetch(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	HL_AUTO(reading_clear) struct reading r = { .hsm = c->hsm, .request = body, .text = hl_buf(HL_FRAME_MAX),
		.before = hl_buf(HSM_PART_MAX) };
	struct hl_log_lines answer = { 0 };
	hl_err err = read_some(&r, c->partition_id);

	if (err == HL_E_STORE_SUM)
		*detail = "an entry of the log";
	HL_TRY(err);
	answer.lines = (struct hl_list){ .items = r.line, .count = r.n };
	answer.more = r.more;
	answer.last = r.more ? r.last.id : 0;
	hsm_reply(c, &hl_msg_log_lines, f->id, &answer);
	return HL_OK;
}
