# A fuzz target is tests/fuzz/fuzz_NAME.c. It is linked twice: with replay.c as a test of every build,
# and with libFuzzer where configured with --enable-fuzzers.
FUZZ_REPLAY = tests/fuzz/replay.c tests/fuzz/fuzz.h
LIBFUZZER = $(AM_LDFLAGS) -fsanitize=fuzzer

REPLAY_TESTS =
check_PROGRAMS += $(REPLAY_TESTS)
TESTS += $(REPLAY_TESTS)

REPLAY_TESTS += tests/fuzz/replay_scram
tests_fuzz_replay_scram_SOURCES = tests/fuzz/fuzz_scram.c $(FUZZ_REPLAY)
tests_fuzz_replay_scram_LDADD = libhl.la

REPLAY_TESTS += tests/fuzz/replay_ticket
tests_fuzz_replay_ticket_SOURCES = tests/fuzz/fuzz_ticket.c $(FUZZ_REPLAY)
tests_fuzz_replay_ticket_LDADD = libhl.la

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_scram
tests_fuzz_fuzz_scram_SOURCES = tests/fuzz/fuzz_scram.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_scram_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_scram_LDADD = libhl.la

noinst_PROGRAMS += tests/fuzz/fuzz_ticket
tests_fuzz_fuzz_ticket_SOURCES = tests/fuzz/fuzz_ticket.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_ticket_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_ticket_LDADD = libhl.la
endif
