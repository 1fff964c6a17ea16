#include "hsm/chain.h"

static const uint8_t none[HSM_MAC];

hl_err hsm_chain_read(struct hl_bytes open, struct hsm_entry *out)
{
	struct hl_rd r = hl_rd(open);
	struct hsm_entry e;

	e.before = hl_rd_bytes(&r, HSM_MAC);
	e.link = hl_rd_bytes(&r, HSM_MAC);
	HL_TRY(r.err);
	if (r.left > HSM_ENTRY_MAX)
		return HL_E_RANGE;
	e.text = hl_bytes(r.p, r.left);
	*out = e;
	return HL_OK;
}

static hl_err link_of(const struct hsm_macs *macs, const struct hsm_row *row, struct hl_bytes before,
	struct hl_bytes text, uint8_t out[HSM_MAC])
{
	HL_AUTO(hl_buf_clear) struct hl_buf linked = hl_buf(HSM_MAC + HSM_ENTRY_MAX);
	struct hsm_row without = { .table = HSM_LOG, .partition = row->partition, .id = row->id, .version = 1 };

	hl_buf_put(&linked, before);
	hl_buf_put(&linked, text);
	HL_TRY(linked.err);
	without.open = hl_buf_view(&linked);
	return macs->link(macs->at, &without, out);
}

hl_err hsm_chain_row(
	const struct hsm_put *put, const struct hsm_row *last, struct hl_buf *memory, struct hsm_row *out)
{
	struct hsm_row row = { .table = HSM_LOG, .partition = put->row.partition, .id = 1, .version = 1 };
	struct hsm_entry e = { .link = hl_bytes(none, sizeof none) };
	uint8_t link[HSM_MAC];
	size_t at = memory->n;

	if (last && (hsm_chain_read(last->open, &e) != HL_OK || last->id >= INT64_MAX))
		return HL_E_STORE;
	row.id += last ? last->id : 0;
	HL_TRY(link_of(put->macs, &row, e.link, put->row.open, link));
	hl_buf_put(memory, e.link);
	hl_buf_put(memory, hl_bytes(link, sizeof link));
	hl_buf_put(memory, put->row.open);
	HL_TRY(memory->err);
	row.open = hl_bytes(hl_buf_view(memory).p + at, memory->n - at);
	*out = row;
	return HL_OK;
}

bool hsm_chain_follows(const struct hsm_row *before, const struct hsm_row *row)
{
	struct hsm_entry a = { .link = hl_bytes(none, sizeof none) }, b;

	if (before && hsm_chain_read(before->open, &a) != HL_OK)
		return false;
	if (hsm_chain_read(row->open, &b) != HL_OK || row->id != (before ? before->id : 0) + 1)
		return false;
	return hl_bytes_eq(a.link, b.before);
}

hl_err hsm_chain_check(
	const struct hsm_macs *macs, const struct hsm_row *before, const struct hsm_row *row, struct hsm_entry *out)
{
	uint8_t right[HSM_MAC];
	struct hsm_entry e;

	if (hsm_chain_read(row->open, &e) != HL_OK)
		return HL_E_STORE_SUM;
	if ((before || row->id == 1) && !hsm_chain_follows(before, row))
		return HL_E_STORE_SUM;
	HL_TRY(link_of(macs, row, e.before, e.text, right));
	if (!hl_bytes_eq(e.link, hl_bytes(right, sizeof right)))
		return HL_E_STORE_SUM;
	*out = e;
	return HL_OK;
}
