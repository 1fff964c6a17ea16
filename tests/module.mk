# Unit tests mirror the source: tests/unit/test_NAME.c tests NAME.c.
check_LTLIBRARIES += libhltest.la
libhltest_la_SOURCES = tests/support/test.c tests/support/test.h
libhltest_la_LIBADD = $(CUNIT_LIBS)

UNIT_TESTS =
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
LDADD = libhltest.la libhl.la $(CUNIT_LIBS)
LOG_COMPILER = $(HL_RUN)

UNIT_TESTS += tests/unit/test_range
tests_unit_test_range_LDADD = libdir.la $(LDADD)
UNIT_TESTS += tests/unit/test_dir_store
tests_unit_test_dir_store_LDADD = libhlsim.la libdir.la $(LDADD) $(SQLITE_LIBS)
UNIT_TESTS += tests/unit/test_dns
tests_unit_test_dns_LDADD = libdir.la $(LDADD) $(LDNS_LIBS)
UNIT_TESTS += tests/unit/test_credential
