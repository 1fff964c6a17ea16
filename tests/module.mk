# Unit tests mirror the source: tests/unit/test_NAME.c tests NAME.c.
check_LTLIBRARIES += libhltest.la
libhltest_la_SOURCES = tests/support/test.c tests/support/test.h
libhltest_la_LIBADD = $(CUNIT_LIBS)

UNIT_TESTS =
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
LDADD = libhltest.la libhl.la $(CUNIT_LIBS)
LOG_COMPILER = $(HL_RUN)

UNIT_TESTS += tests/unit/test_shell
tests_unit_test_shell_LDADD = libhlos.la $(LDADD)
UNIT_TESTS += tests/unit/test_jobs
tests_unit_test_jobs_LDADD = libhlos.la $(LDADD)
UNIT_TESTS += tests/unit/test_config
UNIT_TESTS += tests/unit/test_files
UNIT_TESTS += tests/unit/test_trace
tests_unit_test_trace_LDADD = $(LDADD) $(JANSSON_LIBS)
UNIT_TESTS += tests/unit/test_daemon
tests_unit_test_daemon_LDADD = libhlos.la $(LDADD)
