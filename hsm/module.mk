# All of the HSM but its main(), so that tests and the simulator can link it. Whoever links it links
# libhl.la too.
noinst_LTLIBRARIES += libhsm.la
libhsm_la_SOURCES = \
	hsm/commit_store.c \
	hsm/device_store.c hsm/device_store.h \
	hsm/key.h \
	hsm/object.h \
	hsm/page.c hsm/shared.h \
	hsm/page_store.c \
	hsm/private_store.c hsm/private_store.h \
	hsm/row.c \
	hsm/seal.c hsm/seal.h \
	hsm/sqlite.h \
	hsm/store.c hsm/store.h
libhsm_la_LIBADD = $(SQLITE_LIBS) $(CRYPTO_LIBS) -lpthread
# hsm/module.mk
noinst_LTLIBRARIES += libhsm.la
libhsm_la_SOURCES = \
	hsm/attribute.c hsm/attribute.h \
	hsm/generate.c \
	hsm/key.c hsm/key.h \
	hsm/mechanism.c \
	hsm/object.c hsm/object.h \
	hsm/ossl.h \
	hsm/pkcs8.c hsm/pkcs8.h
libhsm_la_LIBADD = libhl.la $(CRYPTO_LIBS) $(SQLITE_LIBS)
