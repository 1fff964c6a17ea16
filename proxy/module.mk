# The gateway: libproxy is all of it but its main.
noinst_LTLIBRARIES += libproxy.la
libproxy_la_SOURCES = \
	proxy/core.c proxy/core.h \
	proxy/gateway.c proxy/gateway.h

bin_PROGRAMS += hsmlet-proxy
hsmlet_proxy_SOURCES = proxy/main.c
hsmlet_proxy_LDADD = libproxy.la libhlos.la libhl.la
