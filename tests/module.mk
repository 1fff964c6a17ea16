# Unit tests mirror the source: tests/unit/test_NAME.c tests NAME.c.
check_LTLIBRARIES += libhltest.la
libhltest_la_SOURCES = tests/support/test.c tests/support/test.h
libhltest_la_SOURCES += tests/support/folder.c tests/support/folder.h
libhltest_la_LIBADD = $(CUNIT_LIBS)

UNIT_TESTS =
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
LDADD = libhltest.la libhl.la $(CUNIT_LIBS)
LOG_COMPILER = $(HL_RUN)

UNIT_TESTS += tests/unit/test_scram
UNIT_TESTS += tests/unit/test_scram_text
UNIT_TESTS += tests/unit/test_ticket

# Interop tests ask foreign programs and libraries as judges; each is built where its judge is there.
if HAVE_GSASL
check_PROGRAMS += tests/interop/test_gsasl
TESTS += tests/interop/test_gsasl
tests_interop_test_gsasl_CPPFLAGS = $(AM_CPPFLAGS) $(GSASL_CFLAGS)
tests_interop_test_gsasl_LDADD = $(LDADD) $(GSASL_LIBS)
endif

include tests/fuzz/module.mk
UNIT_TESTS += tests/unit/test_store
tests_unit_test_store_LDADD = libhlsim.la libhsm.la $(LDADD)
UNIT_TESTS += tests/unit/test_sqlite
tests_unit_test_sqlite_LDADD = libhsm.la $(LDADD)
UNIT_TESTS += tests/unit/test_seal
tests_unit_test_seal_LDADD = libhlsim.la libhsm.la $(LDADD)
UNIT_TESTS += tests/unit/test_page
tests_unit_test_page_LDADD = libhsm.la $(LDADD)
UNIT_TESTS += tests/unit/test_page_store
tests_unit_test_page_store_LDADD = libhsm.la $(LDADD)
UNIT_TESTS += tests/unit/test_device_store
tests_unit_test_device_store_LDADD = libhsm.la $(LDADD)
# Channels: two ends in one process, and OpenSSL alone as a foreign peer.
UNIT_TESTS += tests/unit/test_psk
UNIT_TESTS += tests/unit/test_channel
UNIT_TESTS += tests/unit/test_channel_attacks
channels = tests/support/channels.c tests/support/channels.h
tests_unit_test_psk_SOURCES = tests/unit/test_psk.c $(channels)
tests_unit_test_psk_LDADD = $(LDADD) $(SSL_LIBS) $(CRYPTO_LIBS)
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c $(channels)
tests_unit_test_channel_LDADD = $(LDADD) $(SSL_LIBS) $(CRYPTO_LIBS)
tests_unit_test_channel_attacks_SOURCES = tests/unit/test_channel_attacks.c $(channels)
tests_unit_test_channel_attacks_LDADD = $(LDADD) $(SSL_LIBS) $(CRYPTO_LIBS)
UNIT_TESTS += tests/unit/test_range
tests_unit_test_range_LDADD = libdir.la $(LDADD)
UNIT_TESTS += tests/unit/test_dir_store
tests_unit_test_dir_store_LDADD = libhlsim.la libdir.la $(LDADD) $(SQLITE_LIBS)
UNIT_TESTS += tests/unit/test_dns
tests_unit_test_dns_LDADD = libdir.la $(LDADD) $(LDNS_LIBS)
UNIT_TESTS += tests/unit/test_credential
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
UNIT_TESTS += tests/unit/test_os_dns
tests_unit_test_os_dns_LDADD = libhlclient.la $(LDADD)
UNIT_TESTS += tests/unit/test_conf
tests_unit_test_conf_LDADD = libhlclient.la $(LDADD)
UNIT_TESTS += tests/unit/test_secrets
tests_unit_test_secrets_LDADD = libhlclient.la $(LDADD)
UNIT_TESTS += tests/unit/test_edit
tests_unit_test_edit_LDADD = libhlclient.la $(LDADD)

# The four cores in one process, in virtual time.
SIM_LIBS = libhlsim.la libproxy.la libdir.la libhsm.la libhsmcore.la libhlclient.la $(LDADD)
SIM_TESTS = tests/sim/test_eight_steps
check_PROGRAMS += $(SIM_TESTS)
TESTS += $(SIM_TESTS)
tests_sim_test_eight_steps_LDADD = $(SIM_LIBS)
