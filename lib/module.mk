# The ground floor, in two libraries. libhl: all that a client links. libhlos: what daemons need besides.
noinst_LTLIBRARIES += libhl.la
libhl_la_SOURCES = \
	lib/auth/link.c lib/auth/link.h \
	lib/auth/lockout.c lib/auth/lockout.h \
	lib/auth/setup.c lib/auth/setup.h \
	lib/auth/scram.c lib/auth/scram.h \
	lib/auth/scram_text.c lib/auth/scram_text.h \
	lib/auth/ticket.c lib/auth/ticket.h \
	lib/auth/channel.c lib/auth/channel.h lib/auth/channel_impl.h \
	lib/auth/channel_tls.c \
	lib/auth/identity.c lib/auth/identity.h \
	lib/auth/psk.c lib/auth/psk.h \
	lib/auth/credential.c lib/auth/credential.h \
	lib/base/bytes.c lib/base/bytes.h \
	lib/base/core.c lib/base/core.h \
	lib/base/date.c lib/base/date.h \
	lib/base/deadline.h \
	lib/base/der.c lib/base/der.h \
	lib/base/env.c lib/base/env.h \
	lib/base/err.c lib/base/err.h \
	lib/base/err_steps.c lib/base/err_steps.h \
	lib/base/map.c lib/base/map.h \
	lib/base/point.h \
	lib/base/secret.c lib/base/secret.h \
	lib/base/step.c lib/base/step.h \
	lib/wire/frame.c lib/wire/frame.h \
	lib/wire/messages.c lib/wire/messages.h \
	lib/wire/msg.c lib/wire/msg.h \
	lib/wire/numbers.h
libhl_la_LIBADD = $(SSL_LIBS) $(CRYPTO_LIBS) $(CONFIG_LIBS)
libhl_la_SOURCES += \
	lib/os/clock.c lib/os/clock.h \
	lib/os/config.c lib/os/config.h \
	lib/os/config_text.c lib/os/config_text.h \
	lib/os/env.c lib/os/env.h \
	lib/os/files.c lib/os/files.h \
	lib/os/log.c lib/os/log.h \
	lib/os/trace.c lib/os/trace.h

noinst_LTLIBRARIES += libhlos.la
libhlos_la_SOURCES = \
	lib/os/accept.c \
	lib/os/conn.c lib/os/conn.h \
	lib/os/daemon.c lib/os/daemon.h \
	lib/os/jobs.c lib/os/jobs.h \
	lib/os/listen.c lib/os/listen.h \
	lib/os/member.c lib/os/member.h \
	lib/os/relay.c \
	lib/os/shell.c lib/os/shell.h \
	lib/os/sqlite.h \
	lib/os/workers.c lib/os/workers.h
libhlos_la_LIBADD = $(EV_LIBS)
