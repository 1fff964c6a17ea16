# A load generator on the libev shell; not installed.
noinst_PROGRAMS += hsmlet-load
hsmlet_load_SOURCES = tests/load/load.c
hsmlet_load_LDADD = libhlclientev.la libhlclient.la libhlos.la libhl.la
