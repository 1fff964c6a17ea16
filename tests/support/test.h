/* test.h - a CUnit program in one line: HL_TEST_MAIN("name", tests). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <CUnit/CUnit.h>

int hl_test_main(const char *name, CU_TestInfo *tests);

#define HL_TEST_MAIN(name, tests) \
	int main(void) \
	{ \
		return hl_test_main(name, tests); \
	}

/* True where each instruction costs tens, as under Valgrind (HL_SLOW is set): bounds are longer there. */
bool hl_test_is_slow(void);

/* The step of a sweep over every byte or seed: 1, so that none is left out. Where it is slow a prime, since the same
 * paths were all walked in the fast builds. */
size_t hl_test_stride(void);

/* End a child of fork() with 0 where `held`, else 1. Another program ends in its place: a leak check in the child
 * would count what other threads of the parent had in their hands. */
_Noreturn void hl_test_leave_child(bool held);
