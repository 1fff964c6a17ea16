# The figures of `./run bench`; not installed, and never run by `make check` but with small counts.
noinst_PROGRAMS += hsmlet-bench
hsmlet_bench_SOURCES = tests/bench/bench.c tests/bench/bench.h tests/bench/connect.c tests/bench/memory.c \
	tests/bench/sign.c tests/bench/speed.c
hsmlet_bench_LDADD = libhlclient.la libhl.la -lpthread
