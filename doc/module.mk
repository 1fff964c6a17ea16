# The documents. The tables of protocol.md are made by a program out of the tables that the code works with;
# `make update-protocol` writes them into the source tree, a test tells when that was forgotten.
noinst_PROGRAMS += doc/gen-protocol
doc_gen_protocol_SOURCES = \
	doc/gen.h \
	doc/gen-constants.c \
	doc/gen-names.c \
	doc/gen-protocol.c \
	doc/gen-sections.c
doc_gen_protocol_LDADD = libhsmcore.la libhl.la
EXTRA_DIST += doc/decisions.md doc/protocol.md

.PHONY: update-protocol
update-protocol: doc/gen-protocol$(EXEEXT)
	doc/gen-protocol $(srcdir)/doc/protocol.md > doc/protocol.md.new
	mv doc/protocol.md.new $(srcdir)/doc/protocol.md
CLEANFILES += doc/protocol.md.new

dist_man_MANS += \
	doc/hsmlet.1 \
	doc/hsmlet-directory.8 \
	doc/hsmlet-hsm.8 \
	doc/hsmlet-proxy.8 \
	doc/primus.cfg.5
