# What the simulator is made of. Whoever links it links libhsm.la and libhl.la too.
noinst_LTLIBRARIES += libhlsim.la
libhlsim_la_SOURCES = scenarios/memstore.c scenarios/memstore.h
# What a simulated world is made of.
noinst_LTLIBRARIES += libhlsim.la
libhlsim_la_SOURCES =
libhlsim_la_SOURCES += scenarios/dir_memory.c scenarios/dir_memory.h
