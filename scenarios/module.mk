# The simulator: the four cores in one process, virtual time, a network in memory. Whoever links it links
# the rooms of the cores too.
noinst_LTLIBRARIES += libhlsim.la
libhlsim_la_SOURCES = \
	scenarios/dir_memory.c scenarios/dir_memory.h \
	scenarios/memstore.c scenarios/memstore.h \
	scenarios/rand.c scenarios/rand.h \
	scenarios/sim.c scenarios/sim.h scenarios/sim_impl.h \
	scenarios/sim_net.c
libhlsim_la_SOURCES += scenarios/world.c scenarios/world.h
