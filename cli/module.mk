# The front command: libhlcli is all of it but its main.
noinst_LTLIBRARIES += libhlcli.la
libhlcli_la_SOURCES = \
	cli/admin.c cli/admin.h \
	cli/advice.c \
	cli/block.c \
	cli/cli.h \
	cli/client.c cli/client.h \
	cli/command.c \
	cli/completion.c \
	cli/conf_text.c cli/conf_text.h \
	cli/config.c \
	cli/config_check.c \
	cli/config_show.c \
	cli/cred.c \
	cli/curve.c \
	cli/doctor.c cli/doctor.h \
	cli/doctor_client.c \
	cli/doctor_world.c \
	cli/down.c \
	cli/draw.c cli/draw.h \
	cli/env.c cli/variables.h \
	cli/explain.c cli/explain.h \
	cli/fidelity.c \
	cli/help.c \
	cli/import.c \
	cli/judge.c cli/judge.h \
	cli/key.c cli/keys.h \
	cli/key_export.c \
	cli/key_file.c cli/key_file.h \
	cli/key_import.c \
	cli/key_read.c \
	cli/key_show.c \
	cli/last_words.c \
	cli/life.c cli/life.h \
	cli/lines.c cli/lines.h \
	cli/out.c \
	cli/member.c cli/members.h \
	cli/objects.c \
	cli/options.c cli/options.h \
	cli/partition.c cli/partitions.h \
	cli/process.c cli/process.h \
	cli/program.c \
	cli/raise.c cli/raise.h \
	cli/reset.c \
	cli/run.c \
	cli/say.c cli/say.h \
	cli/proxy_password.c \
	cli/secret_add.c \
	cli/secret_in.c \
	cli/secret_list.c \
	cli/secret_remove.c \
	cli/secret_test.c \
	cli/secrets.c cli/secrets.h \
	cli/session.c \
	cli/status.c \
	cli/tenant.c \
	cli/trace.c cli/trace.h \
	cli/try.c \
	cli/up.c \
	cli/verbs.c \
	cli/version.c \
	cli/wait.c \
	cli/world.c cli/world.h

libhlcli_la_CPPFLAGS = $(AM_CPPFLAGS) -DHL_PKCS11_DIR='"$(pkcs11dir)"'

# The vendor's tool for secrets, of the same verbs; numbers and return values are those of the provider.
bin_PROGRAMS += ppin
ppin_SOURCES = cli/ppin.c cli/ppin.h cli/ppin_main.c cli/ppin_fortinet.c cli/ppin_log.c
ppin_LDADD = libhlp11.la libhlcli.la libhlclient.la libhlos.la libhl.la $(JANSSON_LIBS) $(CRYPTO_LIBS) -lpthread

bin_PROGRAMS += hsmlet
hsmlet_SOURCES = cli/main.c
hsmlet_LDADD = libhlcli.la libhlclient.la libhlos.la libhl.la $(JANSSON_LIBS) $(CRYPTO_LIBS) -lpthread
