# The figures of `./run bench`; not installed, and never run by `make check` but with small counts.
noinst_PROGRAMS += hsmlet-bench
hsmlet_bench_SOURCES = tests/bench/bench.c tests/bench/bench.h tests/bench/connect.c tests/bench/memory.c \
	tests/bench/number.c tests/bench/number.h \
	tests/bench/p11.c tests/bench/p11_side.c tests/bench/p11_side.h tests/bench/sign.c tests/bench/speed.c
hsmlet_bench_LDADD = libhlclient.la libhl.la -lpthread

# Whether time tells of a padding, in one process with the HSM's engine.
noinst_PROGRAMS += hsmlet-timing
hsmlet_timing_SOURCES = tests/bench/timing.c tests/bench/number.c tests/bench/number.h tests/support/draw.h \
	tests/support/objects.c tests/support/objects.h
hsmlet_timing_LDADD = libhsmcore.la libhl.la $(CRYPTO_LIBS) -lm
# How fast a PKCS#11 module is; it has nothing of the provider in it but the header.
noinst_PROGRAMS += hsmlet-bench-p11
hsmlet_bench_p11_SOURCES = tests/bench/p11_player.c tests/bench/p11_player.h tests/bench/p11_measure.c \
	tests/bench/p11_work.c
hsmlet_bench_p11_LDADD = libhl.la -ldl -lpthread
