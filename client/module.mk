# What the client library, the front command and the tests share.
noinst_LTLIBRARIES += libhlclient.la
libhlclient_la_SOURCES = \
	client/blind.c client/blind.h \
	client/conf.c client/conf.h \
	client/conf_edit.c \
	client/edit.c client/edit.h \
	client/entry.c client/entry.h \
	client/link.c client/link.h \
	client/os_dns.c client/os_dns.h \
	client/os_files.c client/os_files.h \
	client/os_secrets.c client/secrets.h
libhlclient_la_LIBADD = libhl.la $(CARES_LIBS) $(CONFIG_LIBS)
