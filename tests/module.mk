# Unit tests mirror the source: tests/unit/test_NAME.c tests NAME.c. tests/sim has the cores in one process and
# virtual time, tests/interop foreign programs and libraries as judges, tests/run real processes.
check_LTLIBRARIES += libhltest.la
libhltest_la_SOURCES = \
	tests/support/channels.c tests/support/channels.h \
	tests/support/draw.h \
	tests/support/folder.c tests/support/folder.h \
	tests/support/sample.c tests/support/sample.h \
	tests/support/test.c tests/support/test.h \
	tests/support/wire.c tests/support/wire.h
libhltest_la_LIBADD = $(CUNIT_LIBS)

LOG_COMPILER = $(HL_RUN)
LDADD = libhltest.la libhl.la $(CUNIT_LIBS)
DIR_LIBS = libdir.la $(LDADD) $(SQLITE_LIBS) $(LDNS_LIBS)
HSM_LIBS = libhsm.la libhsmcore.la $(LDADD)
CLIENT_LIBS = libhlclient.la $(LDADD)
SIM_LIBS = libhlsim.la libproxy.la libdir.la libhsm.la libhsmcore.la libhlclient.la $(LDADD)

# -- lib ----------------------------------------------------------------------------------------
UNIT_TESTS = \
	tests/unit/test_channel \
	tests/unit/test_channel_bytes \
	tests/unit/test_channel_strangers \
	tests/unit/test_credential \
	tests/unit/test_psk \
	tests/unit/test_scram \
	tests/unit/test_scram_text \
	tests/unit/test_ticket
UNIT_TESTS += tests/unit/test_bytes tests/unit/test_core tests/unit/test_err tests/unit/test_frame tests/unit/test_map
UNIT_TESTS += tests/unit/test_msg tests/unit/test_msg_bounds
tests_unit_test_msg_LDADD = $(LDADD) $(JANSSON_LIBS)

# -- client -------------------------------------------------------------------------------------
UNIT_TESTS += tests/unit/test_conf tests/unit/test_edit tests/unit/test_os_dns tests/unit/test_secrets
tests_unit_test_conf_LDADD = $(CLIENT_LIBS)
tests_unit_test_edit_LDADD = $(CLIENT_LIBS)
tests_unit_test_os_dns_LDADD = $(CLIENT_LIBS)
tests_unit_test_secrets_LDADD = $(CLIENT_LIBS)

# -- directory ----------------------------------------------------------------------------------
UNIT_TESTS += tests/unit/test_dir_store tests/unit/test_dns tests/unit/test_range
tests_unit_test_dir_store_LDADD = libhlsim.la $(DIR_LIBS)
tests_unit_test_dns_LDADD = $(DIR_LIBS)
tests_unit_test_range_LDADD = $(DIR_LIBS)

# -- hsm ----------------------------------------------------------------------------------------
UNIT_TESTS += \
	tests/unit/test_device_store \
	tests/unit/test_key \
	tests/unit/test_object \
	tests/unit/test_page \
	tests/unit/test_page_store \
	tests/unit/test_seal \
	tests/unit/test_sqlite \
	tests/unit/test_store \
	tests/unit/test_vectors
objects = tests/support/objects.c tests/support/objects.h
tests_unit_test_device_store_LDADD = $(HSM_LIBS)
tests_unit_test_key_SOURCES = tests/unit/test_key.c $(objects)
tests_unit_test_key_LDADD = $(HSM_LIBS)
tests_unit_test_object_SOURCES = tests/unit/test_object.c $(objects)
tests_unit_test_object_LDADD = $(HSM_LIBS)
tests_unit_test_page_LDADD = $(HSM_LIBS)
tests_unit_test_page_store_LDADD = $(HSM_LIBS)
tests_unit_test_seal_LDADD = libhlsim.la $(HSM_LIBS)
tests_unit_test_sqlite_LDADD = $(HSM_LIBS)
tests_unit_test_store_LDADD = libhlsim.la $(HSM_LIBS)
tests_unit_test_vectors_SOURCES = tests/unit/test_vectors.c $(objects)
tests_unit_test_vectors_LDADD = $(HSM_LIBS)
EXTRA_DIST += tests/vectors/rfc6979.txt tests/vectors/rfc7515-a2.txt

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

# -- the four cores in one process ----------------------------------------------------------------
SIM_TESTS = tests/sim/test_eight_steps
check_PROGRAMS += $(SIM_TESTS)
TESTS += $(SIM_TESTS)
tests_sim_test_eight_steps_LDADD = $(SIM_LIBS)

# -- what the cores may call ------------------------------------------------------------------------
CORE_OBJECTS = $(libhl_la_OBJECTS) $(libhlclient_la_OBJECTS) $(libproxy_la_OBJECTS) $(libdir_la_OBJECTS) \
	$(libhsmcore_la_OBJECTS)
tests/core-objects: Makefile $(CORE_OBJECTS)
	$(AM_V_GEN)$(MKDIR_P) tests && printf '%s\n' $(CORE_OBJECTS) > $@
check_DATA = tests/core-objects
CLEANFILES += tests/core-objects
TESTS += tests/check-symbols tests/check-symbols-refuses
EXTRA_DIST += tests/allowed-symbols tests/check-symbols tests/check-symbols-refuses

# -- foreign judges -------------------------------------------------------------------------------
INTEROP_TESTS =
check_PROGRAMS += $(INTEROP_TESTS)
TESTS += $(INTEROP_TESTS)
if HAVE_GSASL
INTEROP_TESTS += tests/interop/test_gsasl
tests_interop_test_gsasl_CPPFLAGS = $(AM_CPPFLAGS) $(GSASL_CFLAGS)
tests_interop_test_gsasl_LDADD = $(LDADD) $(GSASL_LIBS)
endif

# -- under Valgrind -------------------------------------------------------------------------------
# A build of its own, without sanitizers. An error or a leak fails the test that has it; its log tells more.
VALGRIND = valgrind --quiet --leak-check=full --error-exitcode=42 \
	--suppressions=$(abs_top_srcdir)/tests/valgrind.supp
EXTRA_DIST += tests/valgrind.supp
VALGRIND_TESTS = $(UNIT_TESTS) $(SIM_TESTS) $(INTEROP_TESTS)
check-valgrind: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(VALGRIND_TESTS)' \
		HL_RUN='env HL_SLOW=1 $(LIBTOOL) --silent --mode=execute $(VALGRIND)'
.PHONY: check-valgrind

include tests/fuzz/module.mk
