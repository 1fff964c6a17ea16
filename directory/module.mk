# The directory: what it knows and how it answers. libdir is all of it but its main.
noinst_LTLIBRARIES += libdir.la
libdir_la_SOURCES = \
	directory/authorise.c \
	directory/change.c \
	directory/core.c directory/core.h \
	directory/dns.c directory/dns.h directory/ldns.h \
	directory/members.c \
	directory/provision.c \
	directory/range.c \
	directory/rooms.h \
	directory/store.c directory/store.h \
	directory/shell.c directory/shell.h \
	directory/store_sql.c directory/store_sql.h
libdir_la_LIBADD = $(SQLITE_LIBS) $(LDNS_LIBS)

bin_PROGRAMS += hsmlet-directory
hsmlet_directory_SOURCES = directory/main.c
hsmlet_directory_LDADD = libdir.la libhlos.la libhl.la
