# Unit tests mirror the source: tests/unit/test_NAME.c tests NAME.c.
check_LTLIBRARIES += libhltest.la
libhltest_la_SOURCES = tests/support/test.c tests/support/test.h
libhltest_la_LIBADD = $(CUNIT_LIBS)

UNIT_TESTS =
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
LDADD = libhltest.la libhl.la $(CUNIT_LIBS)
LOG_COMPILER = $(HL_RUN)

# Channels: two ends in one process, and OpenSSL alone as a foreign peer.
UNIT_TESTS += tests/unit/test_psk
UNIT_TESTS += tests/unit/test_channel
UNIT_TESTS += tests/unit/test_channel_bytes
UNIT_TESTS += tests/unit/test_channel_strangers
channels = tests/support/channels.c tests/support/channels.h
tests_unit_test_psk_SOURCES = tests/unit/test_psk.c $(channels)
tests_unit_test_psk_LDADD = $(LDADD) $(SSL_LIBS) $(CRYPTO_LIBS)
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c $(channels)
tests_unit_test_channel_LDADD = $(LDADD) $(SSL_LIBS) $(CRYPTO_LIBS)
tests_unit_test_channel_bytes_SOURCES = tests/unit/test_channel_bytes.c $(channels)
tests_unit_test_channel_bytes_LDADD = $(LDADD) $(SSL_LIBS) $(CRYPTO_LIBS)
tests_unit_test_channel_strangers_SOURCES = tests/unit/test_channel_strangers.c $(channels)
tests_unit_test_channel_strangers_LDADD = $(LDADD) $(SSL_LIBS) $(CRYPTO_LIBS)
