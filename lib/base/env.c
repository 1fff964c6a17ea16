#include "lib/base/env.h"

void hl_trace_step(const struct hl_env *env, enum hl_step step, enum hl_way way,
	const uint8_t *conn, const struct hl_msg *msg, const void *body, hl_err err)
{
	hl_trace(env,
		&(struct hl_trace){
			.step = (int)step, .way = way, .conn = conn, .msg = msg, .body = body, .err = err });
}

void hl_trace_life(const struct hl_env *env, const char *what, hl_err err, const char *note)
{
	hl_trace(env,
		&(struct hl_trace){ .step = -1, .way = HL_DID, .what = what, .err = err, .note = note });
}

hl_err hl_fault_err(const struct hl_env *env, enum hl_point p, uint64_t entity)
{
	struct hl_fault f = { 0 };

	if (!hl_fault(env, p, entity, &f))
		return HL_OK;
	switch (f.action) {
	case HL_FAULT_ERROR:
		return hl_err_of_wire((uint32_t)f.arg);
	case HL_FAULT_CUT:
		return HL_E_CLOSED;
	default:
		return HL_OK;
	}
}
