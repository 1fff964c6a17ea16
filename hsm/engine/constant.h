/* constant.h - comparing and choosing in steps that do not depend on what is compared.
 *
 * A truth is a mask: all ones or all zeros. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What keeps the compiler from seeing that a mask has two values only, and from branching on it. */
static inline size_t hsm_ct_hide(size_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

static inline size_t hsm_ct_mask(size_t top)
{
	return hsm_ct_hide((size_t)0 - (top >> (8 * sizeof top - 1)));
}

static inline size_t hsm_ct_is_zero(size_t a)
{
	return hsm_ct_mask(~a & (a - 1));
}

static inline size_t hsm_ct_equal(size_t a, size_t b)
{
	return hsm_ct_is_zero(a ^ b);
}

/* a < b */
static inline size_t hsm_ct_less(size_t a, size_t b)
{
	return hsm_ct_mask(a ^ ((a ^ b) | ((a - b) ^ b)));
}

static inline size_t hsm_ct_select(size_t mask, size_t yes, size_t no)
{
	return (hsm_ct_hide(mask) & yes) | (hsm_ct_hide(~mask) & no);
}
