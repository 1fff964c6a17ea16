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
	client/hsmlet.c client/hsmlet.h client/hsmlet_impl.h \
	client/hsmlet_crypto.c \
	client/hsmlet_log.c \
	client/hsmlet_objects.c \
	client/calls.c \
	client/kept.c \
	client/link.c client/link.h client/link_impl.h \
	client/pace.c client/pace.h \
	client/route.c client/route.h \
	client/parameter.c client/parameter.h \
	client/steps.c \
	client/ticket.c \
	client/uri.c client/uri.h \
	client/os_blocking.c client/os_blocking.h \
	client/os_crew.c client/os_crew.h \
	client/os_dns.c client/os_dns.h \
	client/os_fd.c client/os_fd.h \
	client/os_spin.c client/os_spin.h \
	client/os_files.c client/os_files.h \
	client/os_lane.c client/os_lane.h \
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

# The PKCS#11 provider: libhlp11 is all of it, so that tests can put another wire in the place of the network.
noinst_LTLIBRARIES += libhlp11.la
libhlp11_la_SOURCES = \
	client/pkcs11/cipher.c \
	client/pkcs11/ckr.c client/pkcs11/ckr.h \
	client/pkcs11/cryptoki.h \
	client/pkcs11/derivation.c \
	client/pkcs11/digest.c \
	client/pkcs11/dual.c \
	client/pkcs11/entry.c \
	client/pkcs11/find.c \
	client/pkcs11/hash.c \
	client/pkcs11/interface.c \
	client/pkcs11/key.c \
	client/pkcs11/length.c \
	client/pkcs11/library.c \
	client/pkcs11/log.c client/pkcs11/log.h \
	client/pkcs11/login.c \
	client/pkcs11/mechanism.c \
	client/pkcs11/message.c \
	client/pkcs11/module.h \
	client/pkcs11/object.c \
	client/pkcs11/operation.c \
	client/pkcs11/parameter.c \
	client/pkcs11/peek.c \
	client/pkcs11/profile.c \
	client/pkcs11/random.c \
	client/pkcs11/session.c \
	client/pkcs11/sign.c \
	client/pkcs11/slot.c \
	client/pkcs11/state.c \
	client/pkcs11/stream.c \
	client/pkcs11/template.c \
	client/pkcs11/text.h \
	client/pkcs11/token.c \
	client/pkcs11/wrap.c

pkcs11_LTLIBRARIES = libhsmlet-pkcs11.la
libhsmlet_pkcs11_la_SOURCES =
libhsmlet_pkcs11_la_LIBADD = libhlp11.la libhlclient.la libhl.la -lpthread
libhsmlet_pkcs11_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -Wl,--version-script=$(top_srcdir)/client/pkcs11/pkcs11.map
libhsmlet_pkcs11_la_DEPENDENCIES = libhlp11.la libhlclient.la libhl.la client/pkcs11/pkcs11.map
EXTRA_DIST += client/pkcs11/pkcs11.map
pkgconfig_DATA += client/pkcs11/hsmlet-pkcs11.pc
p11modulesdir = $(datadir)/p11-kit/modules
p11modules_DATA = client/pkcs11/hsmlet.module
client/pkcs11/hsmlet.module: $(top_srcdir)/client/pkcs11/hsmlet.module.in Makefile
	$(AM_V_GEN)$(MKDIR_P) client/pkcs11 && sed 's,[@]pkcs11dir[@],$(pkcs11dir),' $(top_srcdir)/client/pkcs11/hsmlet.module.in > $@
CLEANFILES += client/pkcs11/hsmlet.module
EXTRA_DIST += client/pkcs11/hsmlet.module.in
