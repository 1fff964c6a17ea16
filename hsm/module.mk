# libhsmcore: the core and the engine, pure. libhsm: the files under them (store, page, device key). Together
# they are all of the HSM but its main.
noinst_LTLIBRARIES += libhsmcore.la libhsm.la
libhsmcore_la_SOURCES = \
	hsm/attribute.c hsm/attribute.h \
	hsm/change.c \
	hsm/cipher.c \
	hsm/conn.c \
	hsm/core.c hsm/core.h \
	hsm/effect.c \
	hsm/generate.c \
	hsm/key.c hsm/key.h hsm/key_impl.h \
	hsm/keys.c \
	hsm/mechanism.c \
	hsm/object.c hsm/object.h \
	hsm/op/cipher.c \
	hsm/op/dispatch.c \
	hsm/op/generate.c \
	hsm/op/link.c \
	hsm/op/mechanism.c \
	hsm/op/object.c \
	hsm/op/sign.c \
	hsm/op/user.c \
	hsm/ossl.h \
	hsm/page.c hsm/shared.h \
	hsm/partition.c \
	hsm/pin.c hsm/pin.h \
	hsm/pkcs8.c hsm/pkcs8.h \
	hsm/rooms.h \
	hsm/seal.c hsm/seal.h \
	hsm/signature.c \
	hsm/token.c
libhsm_la_SOURCES = \
	hsm/commit_store.c \
	hsm/device_store.c hsm/device_store.h \
	hsm/page_store.c \
	hsm/private_store.c hsm/private_store.h \
	hsm/row.c \
	hsm/sqlite.h \
	hsm/store.c hsm/store.h
libhsm_la_LIBADD = $(SQLITE_LIBS) $(CRYPTO_LIBS) -lpthread

bin_PROGRAMS += hsmlet-hsm
hsmlet_hsm_SOURCES = hsm/main.c
hsmlet_hsm_LDADD = libhsm.la libhsmcore.la libhlos.la libhl.la
