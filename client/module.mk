# What the client library, the front command and the tests share.
noinst_LTLIBRARIES += libhlclient.la
libhlclient_la_SOURCES = \
	client/account.c client/account.h \
	client/alive.c \
	client/blind.c client/blind.h \
	client/conf.c client/conf.h \
	client/conf_edit.c \
	client/edit.c client/edit.h \
	client/entry.c client/entry.h \
	client/hsmlet.c client/hsmlet.h \
	client/calls.c \
	client/link.c client/link.h client/link_impl.h \
	client/route.c client/route.h \
	client/parameter.c client/parameter.h \
	client/steps.c \
	client/os_blocking.c client/os_blocking.h \
	client/os_crew.c client/os_crew.h \
	client/os_dns.c client/os_dns.h \
	client/os_fd.c client/os_fd.h \
	client/os_files.c client/os_files.h \
	client/os_remote.c client/os_remote.h \
	client/os_secrets.c client/secrets.h
libhlclient_la_LIBADD = $(CARES_LIBS) $(CONFIG_LIBS)

# The same core on a libev loop, for programs of the service; libhsmlet.so has no libev.
noinst_LTLIBRARIES += libhlclientev.la
libhlclientev_la_SOURCES = client/os_ev.c client/os_ev.h

# The public library: nothing but hsmlet_* leaves it.
lib_LTLIBRARIES += libhsmlet.la
libhsmlet_la_SOURCES =
libhsmlet_la_LIBADD = libhlclient.la libhl.la -lpthread
libhsmlet_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,--version-script=$(top_srcdir)/client/hsmlet.map
libhsmlet_la_DEPENDENCIES = libhlclient.la libhl.la client/hsmlet.map
include_HEADERS += client/hsmlet.h
pkgconfig_DATA += client/hsmlet.pc
EXTRA_DIST += client/hsmlet.map
