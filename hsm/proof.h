/* proof.h - requests that rest on a PIN, or set one: what they have in common.
 *
 *	wait for the turn > hash on the PIN lane > count, and do what the PIN was shown for > commit > answer
 *
 * A wrong PIN is an effect, too: its count is committed before it is told. */
#pragma once

#include "hsm/rooms.h"

struct hsm_proof;

struct hsm_proof_kind {
	const struct hl_msg *reply;
	/* Fill in what the request says: whose PIN, which, and what comes of it. The views are of the task's copy. */
	hl_err (*read)(struct hsm_proof *r, const struct hl_frame *f);
	/* Whether this channel may ask for it of this partition; NULL: whoever shows the PIN may. */
	hl_err (*may)(struct hsm_proof *r, const struct hsm_partition *p);
	/* What a right PIN does to the partition; NULL: it lets in, each time it is shown. */
	hl_err (*apply)(struct hsm_proof *r, struct hsm_partition *p);
	void (*answer)(struct hsm_proof *r, struct hsm_conn *c);
	const char *deed; /* of the line in the log */
	bool of_password; /* behind which that of this role is meant */
};

struct hsm_proof {
	struct hsm_turn turn; /* first */
	const struct hsm_proof_kind *kind;
	enum hsm_role role;
	uint64_t key; /* it is for one use of this one; 0: for all that this role may do */
	struct hl_bytes token_bytes, pin, fresh, label; /* in the task's request */
	bool again;  /* it had its effect before, so the PIN was not looked at now */
	bool sets;   /* `fresh` is to be kept */
	bool proves; /* `pin` is compared with the one that is kept, whose salt is: */
	uint8_t salt[32], hash[HSM_PIN_HASH];
	size_t salt_n;
	uint32_t iterations;
	struct hsm_hashed hashed; /* `fresh` */
	hl_err hash_err;
	struct hsm_token token;
	unsigned tries;
	hl_err outcome; /* told after the commit */
	struct hsm_login login; /* where that is HL_OK */
	uint32_t retry_after_ms;
};

/** Handle a request of this kind: HL_E_DEFER, or HL_E_NOMEM. HL_E_UNSUPPORTED is told where it is of the lab profile (it
 * has `apply`, or is a security officer's) and the partition is not; the codes of PINs; those of its kind. */
HL_CHECKED hl_err hsm_proof_run(struct hsm_conn *c, const struct hl_frame *f, const struct hsm_proof_kind *kind);
