/* world.h - a whole service in the simulator: one directory, proxies, HSMs, one tenant, clients. */
#pragma once

#include "client/link.h"
#include "directory/core.h"
#include "hsm/core.h"
#include "lib/auth/credential.h"
#include "proxy/core.h"
#include "scenarios/dir_memory.h"
#include "scenarios/memstore.h"
#include "scenarios/sim.h"

#define WORLD_PROXIES 4
#define WORLD_HSMS 4
#define WORLD_CLIENTS 8
#define WORLD_POOL "pool.hsmlet.test"

struct world_client {
	struct world *world;
	struct sim_node *node;
	struct client *core;
	struct client_conf_link conf; /* its views are of the copies below */
	char partition[HL_NAME_TEXT + 1], service_user[HL_NAME_TEXT + 1];
	struct hl_secret password, secret;
	uint8_t identity[32];
};

struct world_options {
	uint64_t seed;
	size_t proxies, hsms;
	bool master_any; /* new keys need no master */
	bool lab;        /* the tenant's partition has that profile, its token is labelled "test" */
	bool blank;      /* and is not initialised */
	bool dev;        /* the tenant's secrets are those of `hsmlet up --dev`: what is recorded tells nobody anything new */
};

struct world;
/* What an HSM has in its hand of the lock that makes it master. */
struct world_seat {
	struct world *world;
	size_t hsm;
};

struct world {
	struct sim *sim;
	size_t proxies, hsms, clients;
	bool master_any;
	const struct world_seat *master; /* who took the lock last; it is held while that HSM is alive */
	/* stores outlive the cores above them */
	struct dir_memory *dir_store;
	struct sim_memstore *hsm_store;
	struct hsm_page *page;
	struct hsm_seal *seal;
	uint8_t link_key[WORLD_PROXIES + WORLD_HSMS][32];
	struct dir_peer peer[WORLD_PROXIES + WORLD_HSMS];
	struct {
		struct sim_node *node;
		struct dir *core;
	} directory;
	struct {
		struct sim_node *node;
		struct proxy *core;
		char name[32];
	} proxy[WORLD_PROXIES];
	struct {
		struct sim_node *node;
		struct hsm *core;
		char name[32];
		struct world_seat seat;
	} hsm[WORLD_HSMS];
	struct world_client client[WORLD_CLIENTS];
	/* what the tenant got: the two files, as read back from their texts */
	struct hl_credential service, user;
	char texts[2][4096];
	struct sim_node *admin;
	struct world_admin *admin_core;
};

/** Start everything and wait until every member is up; provision tenant `acme`, service user
 * `acmeservice`, partition `ACMEPARTONE`. HL_E_TIMEOUT where that does not come about. */
HL_CHECKED hl_err world_new(uint64_t seed, size_t proxies, size_t hsms, struct world **out);
HL_CHECKED hl_err world_new_as(const struct world_options *options, struct world **out);
void world_free(struct world *w);

/** SIGKILL: what it had under way never comes back to it, what it has committed stays. */
void world_kill_hsm(struct world *w, size_t i);
/** Start it again after that, and wait until its link to the directory stands. HL_E_TIMEOUT, or as hsm_new(). */
HL_CHECKED hl_err world_restart_hsm(struct world *w, size_t i);

/** One more tenant, as the front command would ask for it; its files are left in service and user. */
HL_CHECKED hl_err world_provision(struct world *w, const char *tenant, const char *service_user,
	const char *partition, const char *allowed);

/** A client of the partition that was provisioned last, with the setup password. */
HL_CHECKED hl_err world_setup_client(struct world *w, struct world_client **out);
/** A client with the user secret: fetches it first over a setup channel. */
HL_CHECKED hl_err world_user_client(struct world *w, struct world_client **out);
/** Begin a client with this configuration, which is copied. */
HL_CHECKED hl_err world_client(
	struct world *w, const struct client_conf_link *conf, struct world_client **out);

/** Open, and wait for how that ends. */
HL_CHECKED hl_err world_open(struct world_client *c);
/** One request and its answer, decoded into `reply` (expect->size bytes; views into call->frame). */
HL_CHECKED hl_err world_call(struct world_client *c, const struct hl_msg *msg, const void *body,
	const struct hl_msg *expect, void *reply, struct client_call *call);
void world_client_free(struct world_client *c);
