# The gateway: libproxy is all of it but its main.
noinst_LTLIBRARIES += libproxy.la
libproxy_la_SOURCES = \
	proxy/core.c proxy/core.h \
	proxy/gateway.c proxy/gateway.h
