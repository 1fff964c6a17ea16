# The figures of `./run bench`; not installed, and never run by `make check` but with small counts.
noinst_PROGRAMS += hsmlet-bench
hsmlet_bench_SOURCES = tests/bench/bench.c tests/bench/bench.h tests/bench/connect.c tests/bench/memory.c \
	tests/bench/p11.c tests/bench/p11_side.c tests/bench/p11_side.h tests/bench/sign.c tests/bench/speed.c
hsmlet_bench_LDADD = libhlclient.la libhl.la -lpthread

# How fast a PKCS#11 module is; it has nothing of the provider in it but the header.
noinst_PROGRAMS += hsmlet-bench-p11
hsmlet_bench_p11_SOURCES = tests/bench/p11_player.c tests/bench/p11_player.h tests/bench/p11_measure.c \
	tests/bench/p11_work.c
hsmlet_bench_p11_LDADD = libhl.la -ldl -lpthread
