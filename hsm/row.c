#include "hsm/chain.h"

hl_err hsm_row_copy(const struct hsm_row *row, struct hl_buf *memory, struct hsm_row *out)
{
	size_t at = memory->n;
	struct hl_bytes all;

	hl_buf_put(memory, row->open);
	hl_buf_put(memory, row->sealed);
	if (memory->err != HL_OK) {
		hl_buf_cut(memory, at);
		return memory->err;
	}
	all = hl_buf_view(memory);
	*out = *row;
	out->open = hl_bytes(all.p ? all.p + at : NULL, row->open.n);
	out->sealed = hl_bytes(all.p ? all.p + at + row->open.n : NULL, row->sealed.n);
	return HL_OK;
}

bool hsm_put_ok(const struct hsm_put *put)
{
	const struct hsm_row *r = &put->row;

	if ((unsigned)r->table >= HSM_TABLES || r->partition > INT64_MAX)
		return false;
	if (put->clear)
		return true;
	if (put->bound)
		return put->most < INT64_MAX;
	if (put->append || r->table == HSM_LOG)
		return put->append && r->table == HSM_LOG && put->macs && put->most > 0 && put->most < INT64_MAX &&
			r->open.n <= HSM_ENTRY_MAX && r->sealed.n == 0;
	return r->id > 0 &&
		r->id <= INT64_MAX && r->version > 0 && r->version <= INT64_MAX &&
		r->open.n <= HSM_PART_MAX && r->sealed.n <= HSM_PART_MAX;
}
