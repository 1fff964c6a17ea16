/* p11_side.h - whom the provider stands beside: each is a process of hsmlet-bench-p11 with its own module.
 *
 *	OURS     our provider  > proxy > HSM of the world
 *	SOFT     SoftHSMv2 in the process
 *	SERVED   p11-kit-client.so > socket > `p11-kit server` > SoftHSMv2 */
#pragma once

#include "tests/bench/bench.h"

enum side { OURS, SOFT, SERVED, SIDES };

struct sides;

/** The peers are made ready in a folder of their own. One that is not installed, or does not begin, is absent. HL_E_NOMEM,
 * HL_E_CREATE. */
HL_CHECKED hl_err sides_new(const struct bench_options *o, struct sides **out);
/** End all that was started, by its process id, and remove the folder. NULL is allowed. */
void sides_free(struct sides *s);

/** Start the players of a round; how long each took to be logged in, ms. What fails at a peer makes it absent from
 * then on; HL_E_BUG: ours did. */
HL_CHECKED hl_err sides_start(struct sides *s, double ready_ms[SIDES]);
void sides_stop(struct sides *s);

struct side_answer {
	double per_second, p50_us, p99_us; /* 0: it was refused */
};
/** Have one side work: "sign-p256:4". HL_E_NOT_FOUND: it is absent. HL_E_BUG: ours said no, which stderr has told. */
HL_CHECKED hl_err side_ask(struct sides *s, enum side side, const char *work, struct side_answer *out);

/** Its name in tables and in JSON: "p11-kit", "p11_kit". */
const char *side_name(enum side side);
const char *side_key(enum side side);
/** Why it is absent; NULL: it is not. */
const char *side_absent(const struct sides *s, enum side side);
