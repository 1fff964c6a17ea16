# A fuzz target is tests/fuzz/fuzz_NAME.c: two words here. Without --enable-fuzzers it runs its samples and
# mutations of them (replay.c), as a test; with it, it is a libFuzzer program and no test, since it never ends.
FUZZ_TARGETS = \
	tests/fuzz/fuzz_channel \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_credential \
	tests/fuzz/fuzz_dns \
	tests/fuzz/fuzz_frame \
	tests/fuzz/fuzz_grant \
	tests/fuzz/fuzz_hello \
	tests/fuzz/fuzz_key_file \
	tests/fuzz/fuzz_scram \
	tests/fuzz/fuzz_secrets \
	tests/fuzz/fuzz_ticket

if FUZZERS
noinst_PROGRAMS += $(FUZZ_TARGETS)
noinst_LTLIBRARIES += libhlsamples.la
libhlsamples_la_SOURCES = tests/fuzz/samples.c tests/fuzz/fuzz.h
FUZZ_MAIN = $(LIBFUZZER) libhlsamples.la
else
check_LTLIBRARIES += libhlreplay.la
libhlreplay_la_SOURCES = tests/fuzz/replay.c tests/fuzz/fuzz.h
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
FUZZ_MAIN = libhlreplay.la
endif

FUZZ_LIBS = $(FUZZ_MAIN) libhltest.la libhl.la
gate = tests/fuzz/gate.c tests/fuzz/gate.h
tests_fuzz_fuzz_channel_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_conf_LDADD = libhlclient.la $(FUZZ_LIBS)
tests_fuzz_fuzz_credential_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_dns_LDADD = libdir.la $(FUZZ_LIBS) $(LDNS_LIBS)
tests_fuzz_fuzz_frame_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_grant_SOURCES = tests/fuzz/fuzz_grant.c $(gate)
tests_fuzz_fuzz_grant_LDADD = libproxy.la $(FUZZ_LIBS)
tests_fuzz_fuzz_hello_SOURCES = tests/fuzz/fuzz_hello.c $(gate)
tests_fuzz_fuzz_hello_LDADD = libproxy.la $(FUZZ_LIBS)
tests_fuzz_fuzz_key_file_LDADD = libhlcli.la libhlclient.la libhlos.la $(FUZZ_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS)
tests_fuzz_fuzz_scram_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_secrets_LDADD = libhlclient.la $(FUZZ_LIBS)
tests_fuzz_fuzz_ticket_LDADD = $(FUZZ_LIBS)
