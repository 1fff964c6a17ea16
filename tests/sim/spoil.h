/* spoil.h - commits that fail, or that others overtake, at the member that the client of effect.h is connected to. */
#pragma once

#include "tests/sim/effect.h"

/* The store of a member, with commits that end as the test says. */
struct spoilt {
	struct hsm_store under;
	void (*run)(struct hl_job *j); /* the store's own */
	void (*before)(void);          /* what somebody else commits first, `times` times */
	hl_err result;                 /* instead of a commit, `times` times */
	unsigned times, commits;
};
extern struct spoilt spoilt;

/** The next `times` commits fail like this; or `before` (where it is not NULL) happens before each of them. */
void spoil(unsigned times, hl_err result, void (*before)(void));
