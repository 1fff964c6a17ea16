/* test.h - a CUnit program in one line: HL_TEST_MAIN("name", tests). */
#pragma once

#include <CUnit/CUnit.h>

int hl_test_main(const char *name, CU_TestInfo *tests);

#define HL_TEST_MAIN(name, tests) \
	int main(void) \
	{ \
		return hl_test_main(name, tests); \
	}
