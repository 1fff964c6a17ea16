#include "lib/base/step.h"

static const struct hl_step_row rows[] = {
#define X(id, n, name, from, to, what) [n] = { name, from, to, what },
	HL_STEPS(X)
#undef X
};

const struct hl_step_row *hl_step_row(unsigned step)
{
	return &rows[step < HL_STEP_COUNT ? step : HL_STEP_OPEN];
}
