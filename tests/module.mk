# Unit tests mirror the source: tests/unit/test_NAME.c tests NAME.c.
check_LTLIBRARIES += libhltest.la
libhltest_la_SOURCES = tests/support/test.c tests/support/test.h
libhltest_la_LIBADD = $(CUNIT_LIBS)

UNIT_TESTS =
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
LDADD = libhltest.la libhl.la $(CUNIT_LIBS)
LOG_COMPILER = $(HL_RUN)
UNIT_TESTS += tests/unit/test_os_dns
tests_unit_test_os_dns_LDADD = libhlclient.la $(LDADD)
UNIT_TESTS += tests/unit/test_conf
tests_unit_test_conf_LDADD = libhlclient.la $(LDADD)
UNIT_TESTS += tests/unit/test_secrets
tests_unit_test_secrets_LDADD = libhlclient.la $(LDADD)
UNIT_TESTS += tests/unit/test_edit
tests_unit_test_edit_LDADD = libhlclient.la $(LDADD)
