#include "tests/support/test.h"
static CU_TestInfo tests[] = { CU_TEST_INFO_NULL };
HL_TEST_MAIN("channel attacks", tests)
