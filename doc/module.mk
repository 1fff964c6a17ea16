# The documents. The tables of protocol.md are made by a program out of the tables that the code works with;
# `make update-protocol` writes them into the source tree, a test tells when that was forgotten.
noinst_PROGRAMS += doc/gen-protocol
doc_gen_protocol_SOURCES = \
	doc/gen.h \
	doc/gen-connection.c \
	doc/gen-constants.c \
	doc/gen-dump.c doc/gen-dump.h \
	doc/gen-names.c \
	doc/gen-protocol.c \
	doc/gen-sections.c \
	doc/record.c doc/record.h
doc_gen_protocol_LDADD = libhlp11.la libhsmcore.la libhlclient.la libhl.la -lpthread
EXTRA_DIST += doc/consumers.md doc/decisions.md doc/protocol.md

# The recorded connection: made once and kept, because OpenSSL's part of it is not the same in every version. It
# sees what goes into the channels by standing in front of the function that takes it.
noinst_PROGRAMS += doc/gen-recorded
doc_gen_recorded_SOURCES = doc/gen-recorded.c doc/record.c doc/record.h
doc_gen_recorded_LDADD = libhlsim.la libproxy.la libdir.la libhsm.la libhsmcore.la libhlclient.la libhl.la
doc_gen_recorded_LDFLAGS = -Wl,--wrap=hl_channel_send
EXTRA_DIST += doc/recorded.txt

.PHONY: update-protocol update-recorded
update-protocol: doc/gen-protocol$(EXEEXT)
	doc/gen-protocol $(srcdir)/doc/recorded.txt $(srcdir)/doc/protocol.md > doc/protocol.md.new
	mv doc/protocol.md.new $(srcdir)/doc/protocol.md
update-recorded: doc/gen-recorded$(EXEEXT)
	doc/gen-recorded > doc/recorded.txt.new
	mv doc/recorded.txt.new $(srcdir)/doc/recorded.txt
CLEANFILES += doc/protocol.md.new doc/recorded.txt.new

dist_man_MANS += \
	doc/hsmlet.1 \
	doc/hsmlet-directory.8 \
	doc/hsmlet-hsm.8 \
	doc/hsmlet-pkcs11.7 \
	doc/hsmlet-proxy.8 \
	doc/ppin.1 \
	doc/primus.cfg.5
