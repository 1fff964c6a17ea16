# Unit tests mirror the source: tests/unit/test_NAME.c tests NAME.c.
check_LTLIBRARIES += libhltest.la
libhltest_la_SOURCES = tests/support/test.c tests/support/test.h
libhltest_la_LIBADD = $(CUNIT_LIBS)

UNIT_TESTS =
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
LDADD = libhltest.la libhl.la $(CUNIT_LIBS)
LOG_COMPILER = $(HL_RUN)

EXTRA_DIST += tests/vectors/rfc6979.txt tests/vectors/rfc7515-a2.txt

UNIT_TESTS += tests/unit/test_object
tests_unit_test_object_SOURCES = tests/unit/test_object.c tests/support/objects.c tests/support/objects.h
tests_unit_test_object_LDADD = libhsm.la $(LDADD)
UNIT_TESTS += tests/unit/test_key
tests_unit_test_key_SOURCES = tests/unit/test_key.c tests/support/objects.c tests/support/objects.h
tests_unit_test_key_LDADD = libhsm.la $(LDADD) $(CRYPTO_LIBS)
UNIT_TESTS += tests/unit/test_vectors
tests_unit_test_vectors_SOURCES = tests/unit/test_vectors.c tests/support/objects.c tests/support/objects.h
tests_unit_test_vectors_LDADD = libhsm.la $(LDADD) $(CRYPTO_LIBS)
