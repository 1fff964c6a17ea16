#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <CUnit/Basic.h>

/* 0 where everything held; 1 otherwise, also where a test could not be registered or none ran. */
int hl_test_main(const char *name, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = { { name, NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
	unsigned ran, failed;

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) {
		fprintf(stderr, "%s: %s\n", name, CU_get_error_msg());
		return 1;
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	ran = CU_get_number_of_tests_run();
	failed = CU_get_number_of_failures() + CU_get_number_of_tests_failed();
	CU_cleanup_registry();
	return ran == 0 || failed > 0;
}

bool hl_test_is_slow(void)
{
	return getenv("HL_SLOW") != NULL;
}

size_t hl_test_stride(void)
{
	return hl_test_is_slow() ? 23 : 1;
}

void hl_test_leave_child(bool held)
{
	const char *program = held ? "/bin/true" : "/bin/false";

	execl(program, program, (char *)NULL);
	_exit(1);
}
