#include "lib/base/err.h"

static const struct hl_err_row rows[] = {
#define X(name, code, exit, again, text, cause, next) { name, #name, exit, again, text, cause, next },
	HL_ERRORS(X)
#undef X
};

const struct hl_err_row *hl_err_rows(unsigned *n)
{
	*n = HL_COUNT(rows);
	return rows;
}

const struct hl_err_row *hl_err_row(hl_err code)
{
	const struct hl_err_row *bug = rows;

	for (unsigned i = 0; i < HL_COUNT(rows); i++) {
		if (rows[i].code == code)
			return &rows[i];
		if (rows[i].code == HL_E_BUG)
			bug = &rows[i];
	}
	return bug;
}

const char *hl_err_text(hl_err code)
{
	return hl_err_row(code)->text;
}

hl_err hl_err_of_wire(uint32_t wire)
{
	for (unsigned i = 0; i < HL_COUNT(rows); i++)
		if (wire == (uint32_t)-rows[i].code)
			return rows[i].code;
	return HL_E_BUG;
}
