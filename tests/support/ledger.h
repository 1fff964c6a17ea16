/* ledger.h - what one thread asked a partition for and how it was answered, and whether the partition holds just that.
 *
 *	asked for          told: done       told: not done    nobody knows
 *	a pair             there, once      not there         whole or not at all, once
 *	an end of a key    gone             there             either */
#pragma once

#include <openssl/evp.h>

#include "client/hsmlet.h"
#include "lib/base/err.h"

enum fate { FATE_NO, FATE_MAYBE, FATE_YES };

#define LEDGER_LABEL 48
struct ledger_pair {
	char label[LEDGER_LABEL]; /* no other pair has it */
	enum fate made;
	struct {
		uint64_t handle; /* made FATE_YES */
		enum fate gone;
	} object[2];              /* the private key, the public key */
	EVP_PKEY *public_key;     /* once it was fetched */
};

struct ledger {
	struct ledger_pair *pair;
	size_t n, cap;
};

/** A new row; its label begins with `prefix`. It moves when the next one is added. Ends the process where memory does. */
struct ledger_pair *ledger_add(struct ledger *l, const char *prefix);
void ledger_clear(struct ledger *l);

/* What a partition holds, as somebody sees it. */
struct ledger_object {
	char label[LEDGER_LABEL];
	uint64_t handle;
	bool is_public;
};

/** Everything that was seen, each handle once, compared with all `n` ledgers, whose labels begin with `prefix`. How many
 * things are not as they must be, each printed. The objects are sorted by it. */
int ledger_judge(struct ledger_object *seen, size_t seen_n, const char *prefix, const struct ledger *l, size_t n);

/** The same with everything that a handle of the client library shows; -1: the partition could not be read. */
int ledger_audit(hsmlet *h, const char *prefix, const struct ledger *l, size_t n);
