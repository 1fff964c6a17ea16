/* mechanism.c - what this HSM can do, for providers that list it. */
#include <stdlib.h>

#include "hsm/rooms.h"

/* clang-format off */
static const struct {
	unsigned ours; /* all of these */
	uint32_t ckf;
} flags[] = {
	{ HSM_GENERATES | HSM_PAIR, HL_CKF_GENERATE_KEY_PAIR },
	{ HSM_SIGNS,                HL_CKF_SIGN },
	{ HSM_VERIFIES,             HL_CKF_VERIFY },
	{ HSM_ENCRYPTS,             HL_CKF_ENCRYPT },
	{ HSM_DECRYPTS,             HL_CKF_DECRYPT },
	{ HSM_WRAPS,                HL_CKF_WRAP },
	{ HSM_UNWRAPS,              HL_CKF_UNWRAP },
	{ HSM_DERIVES,              HL_CKF_DERIVE },
	{ HSM_DIGESTS,              HL_CKF_DIGEST },
};
/* clang-format on */

/* PKCS #11 v3.0, 2.3: which curves are meant, by how they are named and written. */
static uint32_t curve_flags(const struct hsm_mechanism *m)
{
	if (m->key_type == HL_CKK_EC)
		return HL_CKF_EC_F_P | HL_CKF_EC_NAMEDCURVE | HL_CKF_EC_UNCOMPRESS;
	return m->key_type == HL_CKK_EC_EDWARDS ? HL_CKF_EC_NAMEDCURVE : 0;
}

/* What this partition refuses anyway (K-06) it does not offer. */
static unsigned offered(const struct hsm_mechanism *m, const struct hsm_rules *rules)
{
	unsigned all = m->flags;

	if (!rules->legacy_wrap && all & HSM_LEGACY_WRAP)
		all &= ~(unsigned)HSM_WRAPS;
	if (!rules->legacy_wrap && all & HSM_LEGACY_UNWRAP)
		all &= ~(unsigned)HSM_UNWRAPS;
	return all;
}

static uint32_t flags_of(const struct hsm_mechanism *m, const struct hsm_rules *rules)
{
	uint32_t ckf = curve_flags(m);
	unsigned all = offered(m, rules);

	for (size_t i = 0; i < HL_COUNT(flags); i++)
		if ((all & flags[i].ours) == flags[i].ours)
			ckf |= flags[i].ckf;
	return (m->flags & (HSM_GENERATES | HSM_PAIR)) == HSM_GENERATES ? ckf | HL_CKF_GENERATE : ckf;
}

hl_err hsm_op_mechanisms(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	size_t n;
	const struct hsm_mechanism *m = hsm_mechanisms(&n);
	struct hl_mechanism *items = calloc(n, sizeof *items);
	struct hl_mechanisms_answer answer = { .mechanisms = { .items = items, .count = n } };
	struct hsm_rules rules;
	hl_err err;

	(void)body, (void)detail;
	if (!items)
		return HL_E_NOMEM;
	err = hsm_rules_load(c, &rules);
	if (err != HL_OK) {
		free(items);
		return err;
	}
	for (size_t i = 0; i < n; i++)
		items[i] = (struct hl_mechanism){
			.number = m[i].number,
			.min = m[i].min,
			.max = m[i].max,
			.flags = flags_of(&m[i], &rules),
		};
	hsm_reply(c, &hl_msg_mechanisms_answer, f->id, &answer);
	free(items);
	return HL_OK;
}
