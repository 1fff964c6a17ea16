/* p11.h - the PKCS#11 provider in a test: loaded as applications load it, against a live world. */
#pragma once

#include "client/pkcs11/cryptoki.h"
#include "tests/support/live.h"

#define P11_SLOT 0

/* The functions of the provider, once p11_load() has succeeded. */
extern CK_FUNCTION_LIST_3_0 *p11_f;

/** dlopen() the provider of this build; again after p11_unload(). */
bool p11_load(const struct live *w);
void p11_unload(void);
/** A symbol of it; NULL: it has none such. */
void *p11_symbol(const char *name);

/** Have the provider use this client's files, and log into `c->log`: everything, and nowhere else. */
struct p11_client {
	struct live_client files;
	char log[PATH_MAX];
};
bool p11_client(struct live *w, const char *name, const struct live_account *account, struct p11_client *out);
/** The same for files that are there: c->files. */
bool p11_use(struct live *w, const char *name, struct p11_client *c);
/** Give a setting of its primus.cfg a value: "primus.connect_on_init", "false". */
bool p11_set(const struct p11_client *c, const char *setting, const char *value);
/** The hosts of its primus.cfg, all with the one slot: addresses and priorities, in the file's order. */
struct p11_host {
	const char *host;
	unsigned priority;
};
bool p11_hosts(const struct p11_client *c, const struct live_account *account, const struct p11_host *hosts, size_t n);
/** How many lines of its log contain `text`. */
int p11_logged(const struct p11_client *c, const char *text);
/** The connection that its log has told of last, in hex; false: none. */
bool p11_connection(const struct p11_client *c, char hex[33]);

/** Initialised, one read-write session, logged in with the account's PIN; 0: the test has failed. Like all below it
 * judges what comes back, so it may be called by tests alone, not while they are prepared. */
CK_SESSION_HANDLE p11_begin_logged_in(const struct live_account *account);
/** C_Finalize, which must succeed. */
void p11_over(void);

struct p11_pair {
	CK_OBJECT_HANDLE key, public_key;
};
/** A P-256 pair on the token. */
CK_RV p11_make_p256(CK_SESSION_HANDLE s, const char *label, struct p11_pair *out);
/** An AES-256 key on the token. */
CK_RV p11_make_aes(CK_SESSION_HANDLE s, const char *label, CK_OBJECT_HANDLE *out);
/** The objects with this label. */
CK_ULONG p11_find(CK_SESSION_HANDLE s, const char *label, CK_OBJECT_HANDLE *out, CK_ULONG max);
/** Those that are the provider's own and no token's: CKO_PROFILE. */
CK_ULONG p11_profiles(CK_SESSION_HANDLE s);
