#include "lib/wire/messages.h"

/* The tables grow out of the rows of messages.h. */
/* clang-format off */
#define FIELD_F(S, tag_, kind_, member, least, most, flags_, text_) \
	{ .tag = (tag_), .kind = HL_##kind_, .flags = (flags_), .name = #member, \
		.offset = offsetof(S, member), .min = (least), .max = (most), .text = (text_) },
#define FIELD_L(S, tag_, member, item_, most, flags_, text_) \
	{ .tag = (tag_), .kind = HL_LIST, .flags = (flags_), .name = #member, \
		.offset = offsetof(S, member), .max = (most), .item = &hl_msg_##item_, .text = (text_) },
#define M(id, type_, name_, way_, rows, text_) \
	static const struct hl_field fields_##id[] = { rows(FIELD_F, FIELD_L, struct hl_##id) }; \
	const struct hl_msg hl_msg_##id = { .type = (type_), .name = (name_), .way = (way_), \
		.text = (text_), .size = sizeof(struct hl_##id), .field = fields_##id, \
		.fields = HL_COUNT(fields_##id) };
HL_MESSAGES(M)
#undef M

static const struct hl_msg *const all[] = {
#define M(id, type, name, way, rows, text) &hl_msg_##id,
	HL_MESSAGES(M)
#undef M
};
/* clang-format on */

const struct hl_msg *hl_msg_of_type(uint16_t type)
{
	for (size_t i = 0; type != 0 && i < HL_COUNT(all); i++)
		if (all[i]->type == type)
			return all[i];
	return NULL;
}

const struct hl_msg *const *hl_msg_all(size_t *n)
{
	*n = HL_COUNT(all);
	return all;
}
