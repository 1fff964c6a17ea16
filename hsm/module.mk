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
