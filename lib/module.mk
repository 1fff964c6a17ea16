# The ground floor, in two libraries. libhl: all that a client links. libhlos: what daemons need besides.
noinst_LTLIBRARIES += libhl.la
libhl_la_SOURCES = \
	lib/auth/credential.c lib/auth/credential.h \
	lib/base/bytes.c lib/base/bytes.h \
	lib/base/core.c lib/base/core.h \
	lib/base/env.c lib/base/env.h \
	lib/base/err.c lib/base/err.h \
	lib/base/map.c lib/base/map.h \
	lib/base/point.h \
	lib/base/secret.c lib/base/secret.h \
	lib/base/step.c lib/base/step.h \
	lib/wire/frame.c lib/wire/frame.h \
	lib/wire/messages.c lib/wire/messages.h \
	lib/wire/msg.c lib/wire/msg.h \
	lib/wire/numbers.h
libhl_la_LIBADD = $(SSL_LIBS) $(CRYPTO_LIBS) $(CONFIG_LIBS)
