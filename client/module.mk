# What the client library, the front command and the tests share.
noinst_LTLIBRARIES += libhlclient.la
libhlclient_la_SOURCES = \
	client/blind.c client/blind.h \
	client/os_dns.c client/os_dns.h
libhlclient_la_LIBADD = libhl.la $(CARES_LIBS) $(CONFIG_LIBS)
