# Unit tests mirror the source: tests/unit/test_NAME.c tests NAME.c. tests/sim has the cores in one process and
# virtual time, tests/interop foreign programs and libraries as judges, tests/run real processes.
check_LTLIBRARIES += libhltest.la
libhltest_la_SOURCES = \
	tests/support/answerer.c tests/support/answerer.h \
	tests/support/channels.c tests/support/channels.h \
	tests/support/draw.h \
	tests/support/folder.c tests/support/folder.h \
	tests/support/sample.c tests/support/sample.h \
	tests/support/speaker.c tests/support/speaker.h \
	tests/support/test.c tests/support/test.h \
	tests/support/vectors.c tests/support/vectors.h \
	tests/support/wire.c tests/support/wire.h
libhltest_la_LIBADD = $(CUNIT_LIBS)

LOG_COMPILER = $(HL_RUN)
LDADD = libhltest.la libhl.la $(CUNIT_LIBS)
OS_LIBS = libhlos.la $(LDADD)
DIR_LIBS = libdir.la $(LDADD) $(SQLITE_LIBS) $(LDNS_LIBS)
HSM_LIBS = libhsm.la libhsmcore.la $(LDADD)
CLIENT_LIBS = libhlclient.la $(LDADD)
CLIENT_EV_LIBS = libhlclientev.la libhlclient.la libhlos.la $(LDADD)
SIM_LIBS = libhlsim.la libproxy.la libdir.la libhsm.la libhsmcore.la libhlclient.la $(LDADD)

# -- lib ----------------------------------------------------------------------------------------
UNIT_TESTS = \
	tests/unit/test_channel \
	tests/unit/test_channel_bytes \
	tests/unit/test_channel_strangers \
	tests/unit/test_config \
	tests/unit/test_credential \
	tests/unit/test_daemon \
	tests/unit/test_files \
	tests/unit/test_jobs \
	tests/unit/test_member \
	tests/unit/test_psk \
	tests/unit/test_scram \
	tests/unit/test_scram_text \
	tests/unit/test_shell \
	tests/unit/test_ticket \
	tests/unit/test_trace
tests_unit_test_daemon_LDADD = $(OS_LIBS)
tests_unit_test_jobs_LDADD = $(OS_LIBS)
tests_unit_test_member_LDADD = $(OS_LIBS)
# The shell around a toy core.
stage = tests/support/stage.c tests/support/stage.h tests/support/toy.c tests/support/toy.h
an_end = tests/support/end.c tests/support/end.h
tests_unit_test_shell_SOURCES = tests/unit/test_shell.c $(stage) $(an_end)
tests_unit_test_shell_LDADD = $(OS_LIBS)
UNIT_TESTS += tests/unit/test_listen tests/unit/test_shell_dial tests/unit/test_shell_relay
tests_unit_test_listen_SOURCES = tests/unit/test_listen.c $(stage) $(an_end)
tests_unit_test_listen_LDADD = $(OS_LIBS)
tests_unit_test_shell_dial_SOURCES = tests/unit/test_shell_dial.c $(stage)
tests_unit_test_shell_dial_LDADD = $(OS_LIBS)
tests_unit_test_shell_relay_SOURCES = tests/unit/test_shell_relay.c $(stage) $(an_end)
tests_unit_test_shell_relay_LDADD = $(OS_LIBS)
tests_unit_test_trace_LDADD = $(LDADD) $(JANSSON_LIBS)
UNIT_TESTS += tests/unit/test_bytes tests/unit/test_core tests/unit/test_err tests/unit/test_frame tests/unit/test_map
UNIT_TESTS += tests/unit/test_lockout tests/unit/test_msg tests/unit/test_msg_bounds
tests_unit_test_msg_LDADD = $(LDADD) $(JANSSON_LIBS)

# -- client -------------------------------------------------------------------------------------
UNIT_TESTS += tests/unit/test_conf tests/unit/test_edit tests/unit/test_os_dns tests/unit/test_secrets
UNIT_TESTS += tests/unit/test_account tests/unit/test_os_blocking
UNIT_TESTS += tests/unit/test_pace
tests_unit_test_pace_LDADD = $(CLIENT_LIBS)
UNIT_TESTS += tests/unit/test_uri
tests_unit_test_uri_LDADD = $(CLIENT_LIBS)
UNIT_TESTS += tests/unit/test_os_ev
UNIT_TESTS += tests/unit/test_os_spin
tests_unit_test_os_spin_LDADD = $(CLIENT_LIBS)
tests_unit_test_os_blocking_LDADD = $(CLIENT_LIBS)
tests_unit_test_account_LDADD = $(CLIENT_LIBS)
tests_unit_test_conf_LDADD = $(CLIENT_LIBS)
tests_unit_test_edit_LDADD = $(CLIENT_LIBS)
tests_unit_test_os_dns_LDADD = $(CLIENT_LIBS)
tests_unit_test_os_ev_LDADD = $(CLIENT_EV_LIBS)
tests_unit_test_secrets_LDADD = $(CLIENT_LIBS)

UNIT_TESTS += tests/unit/test_cryptoki tests/unit/test_p11
P11_LIBS = libhlp11.la $(CLIENT_LIBS) -lpthread
tests_unit_test_cryptoki_LDADD = $(P11_LIBS)
tests_unit_test_p11_LDADD = $(P11_LIBS)

# -- directory ----------------------------------------------------------------------------------
UNIT_TESTS += tests/unit/test_dir_store tests/unit/test_dns tests/unit/test_range
UNIT_TESTS += tests/unit/test_mailbox
tests_unit_test_mailbox_LDADD = libdir.la $(OS_LIBS) $(SQLITE_LIBS) $(LDNS_LIBS)
dir_store = tests/support/dir_store.c tests/support/dir_store.h
tests_unit_test_dir_store_SOURCES = tests/unit/test_dir_store.c $(dir_store)
tests_unit_test_dir_store_LDADD = libhlsim.la $(DIR_LIBS)
UNIT_TESTS += tests/unit/test_dir_store_file
tests_unit_test_dir_store_file_SOURCES = tests/unit/test_dir_store_file.c $(dir_store)
tests_unit_test_dir_store_file_LDADD = libhlsim.la $(DIR_LIBS)
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
UNIT_TESTS += tests/unit/test_pss
tests_unit_test_pss_SOURCES = tests/unit/test_pss.c $(objects)
tests_unit_test_pss_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_eddsa
tests_unit_test_eddsa_SOURCES = tests/unit/test_eddsa.c $(objects)
tests_unit_test_eddsa_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_gcm
tests_unit_test_gcm_SOURCES = tests/unit/test_gcm.c $(objects)
tests_unit_test_gcm_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_line
tests_unit_test_line_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_master_store
tests_unit_test_master_store_LDADD = $(HSM_LIBS)
EXTRA_DIST += tests/vectors/rsa-pss.txt tests/vectors/rfc8032.txt tests/vectors/gcm-spec.txt
UNIT_TESTS += tests/unit/test_guard_store
tests_unit_test_guard_store_SOURCES = tests/unit/test_guard_store.c $(a_store)
tests_unit_test_guard_store_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_check_store
tests_unit_test_check_store_SOURCES = tests/unit/test_check_store.c $(a_store)
tests_unit_test_check_store_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_crash_store
tests_unit_test_crash_store_SOURCES = tests/unit/test_crash_store.c $(a_store)
tests_unit_test_crash_store_LDADD = $(HSM_LIBS)
a_store = tests/support/store.c tests/support/store.h
objects = tests/support/objects.c tests/support/objects.h
# Families of mechanisms, each with its vectors.
imports = tests/support/imports.c tests/support/imports.h $(objects)
UNIT_TESTS += tests/unit/test_block
tests_unit_test_block_SOURCES = tests/unit/test_block.c $(imports)
tests_unit_test_block_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_pairs
tests_unit_test_pairs_SOURCES = tests/unit/test_pairs.c $(imports)
tests_unit_test_pairs_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_derive
tests_unit_test_derive_SOURCES = tests/unit/test_derive.c $(imports)
tests_unit_test_derive_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_wrap
tests_unit_test_wrap_SOURCES = tests/unit/test_wrap.c $(imports)
tests_unit_test_wrap_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_rules
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c $(imports)
tests_unit_test_rules_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_create
tests_unit_test_create_SOURCES = tests/unit/test_create.c $(imports)
tests_unit_test_create_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_mac
tests_unit_test_mac_SOURCES = tests/unit/test_mac.c $(imports)
tests_unit_test_mac_LDADD = $(HSM_LIBS)
EXTRA_DIST += \
	tests/vectors/agreements.txt \
	tests/vectors/chacha20-poly1305.txt \
	tests/vectors/ciphers.txt \
	tests/vectors/dh.txt \
	tests/vectors/dsa.txt \
	tests/vectors/ecdsa.txt \
	tests/vectors/ed448.txt \
	tests/vectors/kdfs.txt \
	tests/vectors/macs.txt \
	tests/vectors/pbkdf2.txt \
	tests/vectors/rsa-decrypt.txt \
	tests/vectors/rsa-sign.txt \
	tests/vectors/wraps.txt
tests_unit_test_device_store_LDADD = $(HSM_LIBS)
tests_unit_test_key_SOURCES = tests/unit/test_key.c $(objects)
tests_unit_test_key_LDADD = $(HSM_LIBS)
UNIT_TESTS += tests/unit/test_key_sign
tests_unit_test_key_sign_SOURCES = tests/unit/test_key_sign.c $(objects)
tests_unit_test_key_sign_LDADD = $(HSM_LIBS)
tests_unit_test_object_SOURCES = tests/unit/test_object.c $(objects)
tests_unit_test_object_LDADD = $(HSM_LIBS)
tests_unit_test_page_LDADD = $(HSM_LIBS)
tests_unit_test_page_store_LDADD = $(HSM_LIBS)
tests_unit_test_seal_LDADD = $(HSM_LIBS)
tests_unit_test_sqlite_SOURCES = tests/unit/test_sqlite.c $(a_store)
tests_unit_test_sqlite_LDADD = $(HSM_LIBS)
tests_unit_test_store_SOURCES = tests/unit/test_store.c $(a_store)
tests_unit_test_store_LDADD = libhlsim.la $(HSM_LIBS)
tests_unit_test_vectors_SOURCES = tests/unit/test_vectors.c $(objects)
tests_unit_test_vectors_LDADD = $(HSM_LIBS)
EXTRA_DIST += tests/vectors/rfc6979.txt tests/vectors/rfc7515-a2.txt

# -- cli ----------------------------------------------------------------------------------------
CLI_LIBS = libhlcli.la libhlclient.la libhlos.la $(LDADD) $(JANSSON_LIBS) $(CRYPTO_LIBS)
UNIT_TESTS += tests/unit/test_trace_draw tests/unit/test_verbs tests/unit/test_world
UNIT_TESTS += tests/unit/test_explain
UNIT_TESTS += tests/unit/test_conf_text
UNIT_TESTS += tests/unit/test_key_file
tests_unit_test_key_file_LDADD = $(CLI_LIBS)
tests_unit_test_conf_text_LDADD = $(CLI_LIBS)
tests_unit_test_explain_LDADD = $(CLI_LIBS)
tests_unit_test_trace_draw_LDADD = $(CLI_LIBS)
tests_unit_test_verbs_LDADD = $(CLI_LIBS)
tests_unit_test_world_LDADD = $(CLI_LIBS)

# The document's own bytes, judged by OpenSSL: nothing of ours is linked.
UNIT_TESTS += tests/unit/test_recorded
tests_unit_test_recorded_SOURCES = tests/unit/test_recorded.c tests/support/recorded.c tests/support/recorded.h
tests_unit_test_recorded_LDADD = libhltest.la $(CUNIT_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

# -- documents ------------------------------------------------------------------------------------
DOC_TESTS = tests/unit/test_man_pages tests/unit/test_protocol_doc tests/unit/test_readme
dist_check_SCRIPTS = $(DOC_TESTS)
TESTS += $(DOC_TESTS)

# -- the four cores in one process ----------------------------------------------------------------
SIM_TESTS = tests/sim/test_cuts tests/sim/test_effects tests/sim/test_eight_steps tests/sim/test_fallback \
	tests/sim/test_operations tests/sim/test_refusals
story = tests/sim/story.c tests/sim/story.h
tests_sim_test_cuts_SOURCES = tests/sim/test_cuts.c tests/support/heap.c tests/support/heap.h
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c tests/support/heap.c tests/support/heap.h
tests_sim_test_cuts_LDADD = $(SIM_LIBS)
tests_sim_test_eight_steps_SOURCES = tests/sim/test_eight_steps.c $(story)
tests_sim_test_eight_steps_LDADD = $(SIM_LIBS)
effect = tests/sim/effect.c tests/sim/effect.h $(story)
spoil = tests/sim/spoil.c tests/sim/spoil.h $(effect)
tests_sim_test_effects_SOURCES = tests/sim/test_effects.c $(effect)
tests_sim_test_effects_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_commits tests/sim/test_retries
tests_sim_test_commits_SOURCES = tests/sim/test_commits.c $(spoil)
tests_sim_test_commits_LDADD = $(SIM_LIBS)
tests_sim_test_retries_SOURCES = tests/sim/test_retries.c $(spoil)
tests_sim_test_retries_LDADD = $(SIM_LIBS)
tests_sim_test_fallback_SOURCES = tests/sim/test_fallback.c $(story)
tests_sim_test_fallback_LDADD = $(SIM_LIBS)
tests_sim_test_operations_SOURCES = tests/sim/test_operations.c $(story)
tests_sim_test_operations_LDADD = $(SIM_LIBS)
tests_sim_test_refusals_SOURCES = tests/sim/test_refusals.c $(story)
tests_sim_test_refusals_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_lanes
tests_sim_test_lanes_SOURCES = tests/sim/test_lanes.c $(story)
tests_sim_test_lanes_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_log
tests_sim_test_log_SOURCES = tests/sim/test_log.c $(story)
tests_sim_test_log_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_single
tests_sim_test_single_SOURCES = tests/sim/test_single.c $(story)
tests_sim_test_single_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_logins
tests_sim_test_logins_SOURCES = tests/sim/test_logins.c $(story)
tests_sim_test_logins_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_lab
tests_sim_test_lab_SOURCES = tests/sim/test_lab.c $(story)
tests_sim_test_lab_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_session_objects
tests_sim_test_session_objects_SOURCES = tests/sim/test_session_objects.c $(story)
tests_sim_test_session_objects_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_lost
tests_sim_test_lost_SOURCES = tests/sim/test_lost.c $(story)
tests_sim_test_lost_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_ciphers
tests_sim_test_ciphers_SOURCES = tests/sim/test_ciphers.c $(story)
tests_sim_test_ciphers_LDADD = $(SIM_LIBS)
knock = tests/sim/knock.c tests/sim/knock.h
SIM_TESTS += tests/sim/test_silence
tests_sim_test_silence_SOURCES = tests/sim/test_silence.c $(knock) $(story)
tests_sim_test_silence_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_turns
tests_sim_test_turns_SOURCES = tests/sim/test_turns.c $(knock) $(story)
tests_sim_test_turns_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_tickets tests/sim/test_versions
tests_sim_test_tickets_SOURCES = tests/sim/test_tickets.c $(knock) $(story)
tests_sim_test_tickets_LDADD = $(SIM_LIBS)
tests_sim_test_versions_SOURCES = tests/sim/test_versions.c $(knock)
tests_sim_test_versions_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_binding
tests_sim_test_binding_SOURCES = tests/sim/test_binding.c $(knock) $(story)
tests_sim_test_binding_LDADD = $(SIM_LIBS)
# It counts how often we ask for an HMAC.
SIM_TESTS += tests/sim/test_bounds
tests_sim_test_bounds_SOURCES = tests/sim/test_bounds.c $(story)
tests_sim_test_bounds_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_directory
tests_sim_test_directory_SOURCES = tests/sim/test_directory.c $(story)
tests_sim_test_directory_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_trouble
tests_sim_test_trouble_SOURCES = tests/sim/test_trouble.c $(story) tests/support/objects.c tests/support/objects.h
tests_sim_test_trouble_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_lockout
tests_sim_test_lockout_SOURCES = tests/sim/test_lockout.c $(story)
tests_sim_test_lockout_LDADD = $(SIM_LIBS)
tests_sim_test_lockout_LDFLAGS = -Wl,--wrap=HMAC
SIM_TESTS += tests/sim/test_cluster
tests_sim_test_cluster_SOURCES = tests/sim/test_cluster.c $(story)
tests_sim_test_cluster_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_objects tests/sim/test_streams
tests_sim_test_objects_SOURCES = tests/sim/test_objects.c $(story) $(objects)
tests_sim_test_objects_LDADD = $(SIM_LIBS)
tests_sim_test_streams_SOURCES = tests/sim/test_streams.c $(story) $(objects)
tests_sim_test_streams_LDADD = $(SIM_LIBS)
SIM_TESTS += tests/sim/test_sessions
tests_sim_test_sessions_SOURCES = tests/sim/test_sessions.c $(story)
tests_sim_test_sessions_LDADD = $(SIM_LIBS)
check_PROGRAMS += $(SIM_TESTS)
TESTS += $(SIM_TESTS)

# -- real processes ---------------------------------------------------------------------------------
check_LTLIBRARIES += libhllive.la
libhllive_la_SOURCES = \
	tests/support/canary.c tests/support/canary.h \
	tests/support/command.c tests/support/command.h \
	tests/support/descriptors.c tests/support/descriptors.h \
	tests/support/fake_hsm.c tests/support/fake_hsm.h \
	tests/support/hand.c tests/support/hand.h \
	tests/support/key.c tests/support/key.h \
	tests/support/ledger.c tests/support/ledger.h \
	tests/support/lines.c tests/support/lines.h \
	tests/support/live.c tests/support/live.h tests/support/live_impl.h \
	tests/support/live_admin.c \
	tests/support/live_client.c \
	tests/support/live_config.c \
	tests/support/relay.c tests/support/relay.h \
	tests/support/relayed.c tests/support/relayed.h \
	tests/support/sockets.c tests/support/sockets.h \
	tests/support/storm.c tests/support/storm.h \
	tests/support/tapped.c tests/support/tapped.h
libhllive_la_LIBADD = $(JANSSON_LIBS)
LIVE_LIBS = libhllive.la libhlclientev.la libhlclient.la libhlos.la $(LDADD)

RUN_TESTS = \
	tests/run/test_bad_input \
	tests/run/test_canary \
	tests/run/test_crossed \
	tests/run/test_failover \
	tests/run/test_hostile \
	tests/run/test_lanes \
	tests/run/test_live \
	tests/run/test_memory_image \
	tests/run/test_refusals
# These live on speed, or follow processes by pidfd, which Valgrind does not know: they stay outside it.
BARE_TESTS = tests/run/test_bench tests/run/test_load tests/run/test_storm tests/run/test_threads tests/run/test_workers
check_PROGRAMS += $(RUN_TESTS) $(BARE_TESTS)
TESTS += $(RUN_TESTS) $(BARE_TESTS)
tests_run_test_bad_input_LDADD = $(LIVE_LIBS)
tests_run_test_bench_LDADD = $(LIVE_LIBS) $(JANSSON_LIBS)
tests_run_test_canary_LDADD = $(LIVE_LIBS)
tests_run_test_crossed_LDADD = $(LIVE_LIBS)
live_world = tests/support/live_world.c tests/support/live_world.h
tests_run_test_failover_SOURCES = tests/run/test_failover.c $(live_world)
tests_run_test_failover_LDADD = $(LIVE_LIBS)
tests_run_test_hostile_LDADD = $(LIVE_LIBS)
tests_run_test_lanes_SOURCES = tests/run/test_lanes.c $(live_world)
tests_run_test_lanes_LDADD = $(LIVE_LIBS) -lpthread
tests_run_test_live_LDADD = $(LIVE_LIBS)
tests_run_test_load_LDADD = $(LIVE_LIBS) $(JANSSON_LIBS)
tests_run_test_storm_SOURCES = tests/run/test_storm.c $(live_world)
tests_run_test_storm_LDADD = $(LIVE_LIBS) $(CRYPTO_LIBS) -lpthread
tests_run_test_threads_SOURCES = tests/run/test_threads.c $(live_world)
tests_run_test_threads_LDADD = $(LIVE_LIBS) -lpthread
tests_run_test_workers_LDADD = $(LIVE_LIBS)
tests_run_test_memory_image_LDADD = $(LIVE_LIBS)
tests_run_test_refusals_SOURCES = tests/run/test_refusals.c tests/support/p11.c tests/support/p11.h
tests_run_test_refusals_LDADD = $(LIVE_LIBS)

check_PROGRAMS += tests/run/test_log
TESTS += tests/run/test_log
tests_run_test_log_LDADD = $(LIVE_LIBS) -lpthread
check_PROGRAMS += tests/run/test_store
TESTS += tests/run/test_store
tests_run_test_store_LDADD = $(LIVE_LIBS) $(SQLITE_LIBS)

# The PKCS#11 provider, loaded as applications load it.
p11 = tests/support/p11.c tests/support/p11.h
p11_world = $(p11) tests/support/p11_world.c tests/support/p11_world.h
p11_key = $(p11_world) tests/support/p11_key.c tests/support/p11_key.h
P11_TESTS = tests/run/test_pkcs11_process
tests_run_test_pkcs11_process_SOURCES = tests/run/test_pkcs11_process.c $(p11)
tests_run_test_pkcs11_process_LDADD = $(LIVE_LIBS) -lpthread
P11_TESTS += tests/run/test_pkcs11_lab
tests_run_test_pkcs11_lab_SOURCES = tests/run/test_pkcs11_lab.c $(p11)
tests_run_test_pkcs11_lab_LDADD = $(LIVE_LIBS)
P11_TESTS += tests/run/test_pkcs11_args
tests_run_test_pkcs11_args_SOURCES = tests/run/test_pkcs11_args.c $(p11_world)
tests_run_test_pkcs11_args_LDADD = $(LIVE_LIBS)
P11_TESTS += tests/run/test_pkcs11_ciphers
tests_run_test_pkcs11_ciphers_SOURCES = tests/run/test_pkcs11_ciphers.c $(p11_key)
tests_run_test_pkcs11_ciphers_LDADD = $(LIVE_LIBS) $(CRYPTO_LIBS)
P11_TESTS += tests/run/test_pkcs11_library
tests_run_test_pkcs11_library_SOURCES = tests/run/test_pkcs11_library.c $(p11_world)
tests_run_test_pkcs11_library_LDADD = $(LIVE_LIBS) -lpthread
P11_TESTS += tests/run/test_pkcs11_messages
tests_run_test_pkcs11_messages_SOURCES = tests/run/test_pkcs11_messages.c $(p11_world)
tests_run_test_pkcs11_messages_LDADD = $(LIVE_LIBS)
P11_TESTS += tests/run/test_pkcs11_objects
tests_run_test_pkcs11_objects_SOURCES = tests/run/test_pkcs11_objects.c $(p11_world)
tests_run_test_pkcs11_objects_LDADD = $(LIVE_LIBS) $(CRYPTO_LIBS)
P11_TESTS += tests/run/test_pkcs11_operations
tests_run_test_pkcs11_operations_SOURCES = tests/run/test_pkcs11_operations.c $(p11_world)
tests_run_test_pkcs11_operations_LDADD = $(LIVE_LIBS) $(CRYPTO_LIBS)
P11_TESTS += tests/run/test_pkcs11_sessions
tests_run_test_pkcs11_sessions_SOURCES = tests/run/test_pkcs11_sessions.c $(p11_world)
tests_run_test_pkcs11_sessions_LDADD = $(LIVE_LIBS)
P11_TESTS += tests/run/test_pkcs11_signs
tests_run_test_pkcs11_signs_SOURCES = tests/run/test_pkcs11_signs.c $(p11_key)
tests_run_test_pkcs11_signs_LDADD = $(LIVE_LIBS) $(CRYPTO_LIBS)
# Families of vectors.
p11_case = $(p11_key) tests/support/p11_case.c tests/support/p11_case.h tests/support/p11_case_impl.h \
	tests/support/p11_case_key.c tests/support/p11_case_parameter.c
P11_TESTS += tests/run/test_pkcs11_vectors
tests_run_test_pkcs11_vectors_SOURCES = tests/run/test_pkcs11_vectors.c $(p11_case)
P11_TESTS += tests/run/test_pkcs11_padding
tests_run_test_pkcs11_padding_SOURCES = tests/run/test_pkcs11_padding.c $(p11_key)
tests_run_test_pkcs11_padding_LDADD = $(LIVE_LIBS) $(CRYPTO_LIBS)
tests_run_test_pkcs11_vectors_LDADD = $(LIVE_LIBS) libhsmcore.la $(LDADD) $(CRYPTO_LIBS)
EXTRA_DIST += \
	tests/vectors/cases-aes.txt \
	tests/vectors/cases-ecdh.txt \
	tests/vectors/cases-ecdsa.txt \
	tests/vectors/cases-eddsa.txt \
	tests/vectors/cases-hmac.txt \
	tests/vectors/cases-kdf.txt \
	tests/vectors/cases-rsa.txt \
	tests/vectors/cases-wrap.txt
P11_TESTS += tests/run/test_pkcs11_codes
tests_run_test_pkcs11_codes_SOURCES = tests/run/test_pkcs11_codes.c $(p11)
tests_run_test_pkcs11_codes_LDADD = libhlp11.la $(LIVE_LIBS) $(SQLITE_LIBS) -lpthread
P11_TESTS += tests/run/test_pkcs11_states
tests_run_test_pkcs11_states_SOURCES = tests/run/test_pkcs11_states.c $(p11_world)
tests_run_test_pkcs11_states_LDADD = $(LIVE_LIBS) $(CRYPTO_LIBS)
P11_TESTS += tests/run/test_pkcs11_rules
tests_run_test_pkcs11_rules_SOURCES = tests/run/test_pkcs11_rules.c $(p11_world)
tests_run_test_pkcs11_rules_LDADD = $(LIVE_LIBS)
P11_TESTS += tests/run/test_pkcs11_stored
tests_run_test_pkcs11_stored_SOURCES = tests/run/test_pkcs11_stored.c $(p11_world)
tests_run_test_pkcs11_stored_LDADD = $(LIVE_LIBS)
P11_TESTS += tests/run/test_pkcs11_imports
tests_run_test_pkcs11_imports_SOURCES = tests/run/test_pkcs11_imports.c $(p11_world)
tests_run_test_pkcs11_imports_LDADD = $(LIVE_LIBS) $(CRYPTO_LIBS)
P11_TESTS += tests/run/test_pkcs11_failover tests/run/test_pkcs11_hosts tests/run/test_pkcs11_storm
tests_run_test_pkcs11_hosts_SOURCES = tests/run/test_pkcs11_hosts.c $(p11)
tests_run_test_pkcs11_hosts_LDADD = $(LIVE_LIBS)
tests_run_test_pkcs11_failover_SOURCES = tests/run/test_pkcs11_failover.c $(p11)
tests_run_test_pkcs11_failover_LDADD = $(LIVE_LIBS)
tests_run_test_pkcs11_storm_SOURCES = tests/run/test_pkcs11_storm.c $(p11)
tests_run_test_pkcs11_storm_LDADD = $(LIVE_LIBS) $(CRYPTO_LIBS) -lpthread
check_PROGRAMS += $(P11_TESTS)
TESTS += $(P11_TESTS)

CLI_TESTS = tests/run/test_cli tests/run/test_examples
CLI_TESTS += tests/run/test_lab
CLI_TESTS += tests/run/test_completion
CLI_TESTS += tests/run/test_newcomer
CLI_TESTS += tests/run/test_key_import
CLI_TESTS += tests/run/test_ppin
dist_check_SCRIPTS += $(CLI_TESTS)
TESTS += $(CLI_TESTS)
EXTRA_DIST += tests/run/cli.sh

# -- what the cores may call ------------------------------------------------------------------------
CORE_OBJECTS = $(libhl_la_OBJECTS) $(libhlclient_la_OBJECTS) $(libproxy_la_OBJECTS) $(libdir_la_OBJECTS) \
	$(libhsmcore_la_OBJECTS)
tests/core-objects: Makefile $(CORE_OBJECTS)
	$(AM_V_GEN)$(MKDIR_P) tests && printf '%s\n' $(CORE_OBJECTS) > $@
check_DATA = tests/core-objects
CLEANFILES += tests/core-objects
TESTS += tests/check-symbols tests/check-symbols-refuses

# -- which attack meets which test -------------------------------------------------------------------
TESTS += tests/check-security-rows tests/check-security-rows-refuses
# ... and that each behaviour of a PKCS#11 module has.
TESTS += tests/check-pkcs11-behaviours
EXTRA_DIST += tests/pkcs11-behaviours.txt tests/check-pkcs11-behaviours
EXTRA_DIST += tests/security-rows.txt tests/check-security-rows tests/check-security-rows-refuses
EXTRA_DIST += tests/allowed-symbols tests/check-symbols tests/check-symbols-refuses

# -- foreign judges -------------------------------------------------------------------------------
INTEROP_TESTS =
if HAVE_GSASL
INTEROP_TESTS += tests/interop/test_gsasl tests/interop/test_gsasl_gateway
tests_interop_test_gsasl_CPPFLAGS = $(AM_CPPFLAGS) $(GSASL_CFLAGS)
tests_interop_test_gsasl_LDADD = $(LDADD) $(GSASL_LIBS)
tests_interop_test_gsasl_gateway_CPPFLAGS = $(AM_CPPFLAGS) $(GSASL_CFLAGS)
tests_interop_test_gsasl_gateway_LDADD = $(SIM_LIBS) $(GSASL_LIBS)
endif
# One file of it is compiled with p11-kit's header.
if HAVE_P11KIT
INTEROP_TESTS += tests/interop/test_p11kit
check_LTLIBRARIES += libhlp11kit.la
libhlp11kit_la_SOURCES = tests/interop/p11kit_theirs.c tests/interop/p11kit_numbers.h
libhlp11kit_la_CPPFLAGS = $(AM_CPPFLAGS) $(P11KIT_CFLAGS)
tests_interop_test_p11kit_SOURCES = tests/interop/test_p11kit.c $(p11)
tests_interop_test_p11kit_LDADD = libhlp11kit.la $(LIVE_LIBS) $(P11KIT_LIBS) -lpthread
endif
check_PROGRAMS += $(INTEROP_TESTS)
TESTS += $(INTEROP_TESTS)
dist_check_SCRIPTS += tests/interop/test_install tests/interop/test_consumers
TESTS += tests/interop/test_install tests/interop/test_consumers

# Programs that know PKCS#11 and nothing of us: a table of checks each, in a world of its own.
CONSUMER_TESTS = tests/interop/test_gnutls tests/interop/test_java tests/interop/test_nss tests/interop/test_opensc tests/interop/test_openssl \
	tests/interop/test_p11kit_server tests/interop/test_pkcs11_dump tests/interop/test_ssh tests/interop/test_strongswan
check_PROGRAMS += tests/interop/tls_peers
tests_interop_tls_peers_SOURCES = tests/interop/tls_peers.c
tests_interop_tls_peers_CPPFLAGS = -I$(top_srcdir) -include config.h # engines are deprecated
tests_interop_tls_peers_LDADD = $(SSL_LIBS) $(CRYPTO_LIBS) -lpthread
dist_check_SCRIPTS += $(CONSUMER_TESTS)
TESTS += $(CONSUMER_TESTS)
EXTRA_DIST += tests/interop/consumers.sh tests/interop/TokenTour.java

# `./run check --full` breaks the code by this list.
EXTRA_DIST += tests/mutants/mutants tests/mutants/run.sh

include tests/fuzz/module.mk
include tests/bench/module.mk
include tests/load/module.mk

# -- Valgrind -------------------------------------------------------------------------------------
# The scripts stay outside: Valgrind knows no pidfd, by which the front command ends daemons.
# Valgrind follows OpenSSL's GHASH with AVX wrongly and takes its tags for uninitialised; without the bit of AVX, not.
VALGRIND_CPU = OPENSSL_ia32cap=~0x1000000000000000
VALGRIND_TESTS = $(UNIT_TESTS) $(SIM_TESTS) $(INTEROP_TESTS) $(RUN_TESTS)
.PHONY: check-valgrind
check-valgrind: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(VALGRIND_TESTS)' HL_RUN='env HL_SLOW=1 $(VALGRIND_CPU) $(LIBTOOL) \
		--mode=execute valgrind --quiet --vgdb=no --leak-check=full --errors-for-leak-kinds=definite \
		--show-leak-kinds=definite --suppressions=$(abs_top_srcdir)/tests/valgrind.supp \
		--trace-children=yes --trace-children-skip=/bin/*,/usr/bin/* --error-exitcode=42'
EXTRA_DIST += tests/valgrind.supp
