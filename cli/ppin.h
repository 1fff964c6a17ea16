/* ppin.h - the vendor's tool for secrets over our verbs: its options, its words, its numbers.
 *
 *	ppin_main.c  options, dispatch, errors      ppin.c  what each option does      ppin_fortinet.c  --fortinet
 *	ppin_log.c  --fetchlog */
#pragma once

#include "cli/secrets.h"
#include "client/pkcs11/ckr.h"

struct ppin_options {
	bool help, version, list, add, update, remove, proxy, proxy_remove, test, fetch_log, fortinet, reverse;
	const char *user, *hsm, *slot, *since, *out, *proxy_user, *proxy_password, *conf, *secrets;
	int64_t slot_id;
};

struct ppin {
	struct cli c; /* out is stdout; operands, and the words in `o`, are copies that main wipes */
	struct ppin_options o;
	struct cli_client k;
	struct client_conf conf;
	uint32_t number; /* of the error; 0: the one that belongs to it */
};

/** Gives `err`, and keeps its number. */
hl_err ppin_numbered(struct ppin *p, hl_err err, uint32_t number);

enum ppin_secret { PPIN_SETUP, PPIN_PIN, PPIN_PROXY };
/** It, of `user`, from operand `n`, or else asked for. An empty answer is an empty secret. */
HL_CHECKED hl_err ppin_secret(
	struct ppin *p, int n, enum ppin_secret which, const char *user, struct hl_secret *out);

typedef hl_err ppin_run(struct ppin *p);
ppin_run ppin_list, ppin_add, ppin_update, ppin_remove, ppin_proxy, ppin_proxy_remove, ppin_test, ppin_fetch_log;
ppin_run ppin_fortinet;

/** Exchange the setup password of `partition`, and store the secret. `failed` is the number where no number of its own
 * belongs to the error. */
HL_CHECKED hl_err ppin_exchange(
	struct ppin *p, const char *partition, const struct hl_secret *setup, uint32_t failed);
/** Log in with the stored secret and this PIN, for whoever mistypes it wants to hear of it now; it is kept nowhere. An
 * empty one is not tried. */
HL_CHECKED hl_err ppin_try_pin(struct ppin *p, const char *partition, const struct hl_secret *pin);
/** Ask the gateway, then store. */
HL_CHECKED hl_err ppin_take_password(struct ppin *p, const struct client_slot *slot, const struct hl_secret *password);
