/* pins.c - the PINs of a partition, its user's and, in the lab profile, its security officer's: how they are kept, and how
 * wrong ones count. */
#include "hsm/pin.h"
#include "hsm/rooms.h"

struct hsm_pin hsm_pin_of(const struct hsm_partition *p, enum hsm_role role)
{
	const struct hl_partition_row *r = &p->row;

	if (role == HSM_ROLE_OFFICER)
		return (struct hsm_pin){
			.salt = r->officer_salt, .hash = p->secret.officer_hash, .iterations = r->officer_iterations,
			.failures = r->officer_failures, .window_ms = r->officer_window_ms,
			.locked_ms = r->officer_locked_ms, .generation = r->officer_generation,
		};
	return (struct hsm_pin){
		.salt = r->pin_salt, .hash = p->secret.pin_hash, .iterations = r->pin_iterations,
		.failures = r->pin_failures, .window_ms = r->pin_window_ms,
		.locked_ms = r->pin_locked_ms, .generation = r->pin_generation,
	};
}

void hsm_pin_put(struct hsm_partition *p, enum hsm_role role, const struct hsm_pin *pin)
{
	struct hl_partition_row *r = &p->row;

	if (role == HSM_ROLE_OFFICER) {
		r->officer_salt = pin->salt;
		r->officer_iterations = pin->iterations;
		r->officer_failures = pin->failures;
		r->officer_window_ms = pin->window_ms;
		r->officer_locked_ms = pin->locked_ms;
		r->officer_generation = pin->generation;
		p->secret.officer_hash = pin->hash;
		return;
	}
	r->pin_set = pin->hash.n > 0;
	r->pin_salt = pin->salt;
	r->pin_iterations = pin->iterations;
	r->pin_failures = pin->failures;
	r->pin_window_ms = pin->window_ms;
	r->pin_locked_ms = pin->locked_ms;
	r->pin_generation = pin->generation;
	p->secret.pin_hash = pin->hash;
}

void hsm_pin_replace(struct hsm_partition *p, enum hsm_role role, const struct hsm_hashed *by)
{
	struct hsm_pin pin = { .generation = hsm_pin_of(p, role).generation + 1 };

	if (by) {
		pin.salt = hl_bytes(by->salt, sizeof by->salt);
		pin.hash = hl_bytes(by->hash, sizeof by->hash);
		pin.iterations = HSM_PIN_ITERATIONS;
	}
	hsm_pin_put(p, role, &pin);
}

bool hsm_pin_locked(const struct hsm_pin *pin, int64_t now_ms, uint32_t *retry_after_ms)
{
	int64_t left_ms = (int64_t)pin->locked_ms - now_ms; /* long, where the clock was put back meanwhile */

	if (left_ms <= 0)
		return false;
	*retry_after_ms = left_ms < HL_RETRY_MAX_MS ? (uint32_t)left_ms : HL_RETRY_MAX_MS;
	return true;
}

/* Failures of a window that has ended count no more. */
static bool window_ended(const struct hsm_pin *pin, int64_t now_ms)
{
	return now_ms - (int64_t)pin->window_ms >= HSM_LOGIN_WINDOW_MS;
}

void hsm_pin_failed(struct hsm_pin *pin, int64_t now_ms)
{
	if (window_ended(pin, now_ms)) {
		pin->window_ms = (uint64_t)now_ms;
		pin->failures = 0;
	}
	pin->failures++;
	if (pin->failures >= HSM_LOGIN_FAILURES) {
		pin->locked_ms = (uint64_t)now_ms + HSM_LOGIN_LOCK_MS;
		pin->failures = 0;
	}
}

struct hsm_pin_state hsm_pin_state(const struct hsm_pin *pin, int64_t now_ms)
{
	uint32_t failures = window_ended(pin, now_ms) ? 0 : pin->failures, retry_after_ms;
	bool locked = hsm_pin_locked(pin, now_ms, &retry_after_ms);
	bool none_left = pin->hash.n == 0 || locked || failures >= HSM_LOGIN_FAILURES;

	return (struct hsm_pin_state){
		.left = none_left ? 0 : HSM_LOGIN_FAILURES - failures,
		.failed = failures > 0 || locked,
	};
}

hl_err hsm_pin_length(struct hl_bytes pin)
{
	return pin.n < HSM_PIN_MIN || pin.n > HSM_PIN_TEXT ? HL_E_PIN_LENGTH : HL_OK;
}
