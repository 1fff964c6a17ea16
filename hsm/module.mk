# libhsmcore: the core and the engine, pure. libhsm: the files under them (store, guard, page, device key). Together
# they are all of the HSM but its main.
noinst_LTLIBRARIES += libhsmcore.la libhsm.la
libhsmcore_la_SOURCES = \
	hsm/admin.c \
	hsm/attribute.c hsm/attribute.h \
	hsm/birth.c \
	hsm/chain.c hsm/chain.h \
	hsm/change.c \
	hsm/cluster.c \
	hsm/conn.c \
	hsm/core.c hsm/core.h \
	hsm/effect.c \
	hsm/engine/aead.c \
	hsm/engine/agree.c \
	hsm/engine/block.c \
	hsm/engine/build.c hsm/engine/build.h \
	hsm/engine/constant.h \
	hsm/engine/create.c \
	hsm/engine/curve.c hsm/engine/curve.h \
	hsm/engine/derive.c \
	hsm/engine/describe.c \
	hsm/engine/digest.c \
	hsm/engine/ec.c \
	hsm/engine/edwards.c \
	hsm/engine/engine.h \
	hsm/engine/finish.c hsm/engine/finish.h \
	hsm/engine/generate.c \
	hsm/engine/kdf.c \
	hsm/engine/key.c \
	hsm/engine/mac.c \
	hsm/engine/mechanism.c \
	hsm/engine/pkcs8.c hsm/engine/pkcs8.h \
	hsm/engine/rsa.c \
	hsm/engine/rsa_cipher.c \
	hsm/engine/stream.c \
	hsm/engine/use.c \
	hsm/engine/wrap.c \
	hsm/engine/wrap_cipher.c \
	hsm/epoch.c \
	hsm/key.h \
	hsm/keys.c \
	hsm/line.c hsm/line.h \
	hsm/log.c \
	hsm/object.c hsm/object.h \
	hsm/op/cipher.c \
	hsm/op/create.c \
	hsm/op/derive.c \
	hsm/op/dispatch.c \
	hsm/op/generate.c \
	hsm/op/kept.c \
	hsm/op/link.c \
	hsm/op/log.c \
	hsm/op/login.c \
	hsm/op/mechanism.c \
	hsm/op/object.c \
	hsm/op/sign.c \
	hsm/op/stream.c \
	hsm/op/ticket.c \
	hsm/op/user.c \
	hsm/op/wrap.c \
	hsm/ossl.h \
	hsm/page.c hsm/shared.h \
	hsm/partition.c \
	hsm/pin.c hsm/pin.h \
	hsm/pins.c \
	hsm/proof.c hsm/proof.h \
	hsm/reset.c \
	hsm/rooms.h \
	hsm/row.c \
	hsm/seal.c hsm/seal.h \
	hsm/template.c \
	hsm/token.c \
	hsm/turn.c \
	hsm/work.c
libhsm_la_SOURCES = \
	hsm/check_store.c \
	hsm/commit_store.c \
	hsm/device_store.c hsm/device_store.h \
	hsm/master_store.c \
	hsm/guard_store.c hsm/guard_store.h \
	hsm/open_store.c \
	hsm/page_store.c \
	hsm/private_store.c hsm/private_store.h \
	hsm/sqlite.h \
	hsm/store.c hsm/store.h
libhsm_la_LIBADD = $(SQLITE_LIBS) $(CRYPTO_LIBS) -lpthread

bin_PROGRAMS += hsmlet-hsm
hsmlet_hsm_SOURCES = hsm/main.c
hsmlet_hsm_LDADD = libhsm.la libhsmcore.la libhlos.la libhl.la
