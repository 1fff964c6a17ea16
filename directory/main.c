/* main.c - hsmlet-directory: tenants, proofs, grants, credentials, and the pool's DNS name. */
#include <stdio.h>
#include <stdlib.h>

#include "directory/core.h"
#include "directory/shell.h"
#include "lib/os/listen.h"
#include "lib/os/log.h"
#include "lib/os/member.h"

static const struct hl_daemon_spec spec = {
	.program = "hsmlet-directory",
	.role = "directory",
	.what = "The directory: knows the tenants, checks proofs, grants, delivers credentials, answers DNS for the pool.",
	.example = { "hsmlet-directory --config etc/directory1.cfg",
		"hsmlet-directory --config etc/directory1.cfg --ready-fd 3 3>ready" },
};

static const char *const roles[] = { "proxy", "hsm", NULL };

struct peer {
	int role;
	const char *name, *secret, *address;
};

struct conf {
	struct hl_member_conf member;
	const char *realm, *cluster, *pool, *links, *dns, *admin, *store, *credentials;
	int64_t grant_valid_ms;
	struct hl_config_list peers;
};

static const struct hl_config_row peer_rows[] = {
	HL_CONFIG_WORD_ROW(struct peer, role, roles, 0, "what it is"),
	HL_CONFIG_TEXT_ROW(struct peer, name, 1, 64, NULL, "its name"),
	HL_CONFIG_PATH_ROW(struct peer, secret, true, "key shared with it, 32 bytes"),
	HL_CONFIG_TEXT_ROW(struct peer, address, 3, 63, NULL, "where it takes connections"),
};
static const struct hl_config_schema peer_schema = HL_CONFIG_SCHEMA(struct peer, peer_rows);

static const struct hl_config_row rows[] = {
	HL_MEMBER_ROWS(struct conf),
	HL_CONFIG_TEXT_ROW(struct conf, realm, 1, 64, "hsmlet", "realm of the SCRAM salts"),
	HL_CONFIG_TEXT_ROW(struct conf, cluster, 1, 64, NULL, "cluster of new partitions"),
	HL_CONFIG_TEXT_ROW(struct conf, pool, 1, 255, NULL, "name that the proxies are found under"),
	HL_CONFIG_TEXT_ROW(struct conf, links, 3, 63, NULL, "address for proxies and HSMs"),
	HL_CONFIG_TEXT_ROW(struct conf, dns, 3, 63, NULL, "address for DNS queries (UDP)"),
	HL_CONFIG_PATH_ROW(struct conf, admin, true, "socket of the front command"),
	HL_CONFIG_PATH_ROW(struct conf, store, true, "the directory's store"),
	HL_CONFIG_PATH_ROW(struct conf, credentials, true, "folder of credential files"),
	HL_CONFIG_INT_ROW(struct conf, grant_valid_ms, 1000, 3600000, 30000, "ms", "life of a ticket"),
	HL_CONFIG_LIST_ROW(struct conf, peers, peer_schema, 1, 64, "who may dial this directory"),
};
static const struct hl_config_schema schema = HL_CONFIG_SCHEMA(struct conf, rows);

#define PEERS 64

/* What the core stands on; freed after it. */
struct ground {
	struct dir_sqlite *store;
	struct dir_dns_shell *dns;
	struct dir_peer peer[PEERS];
	size_t peers;
	struct dir_member proxy[PEERS], hsm[PEERS];
	size_t proxies, hsms;
};

static hl_err take_peer(struct ground *g, const struct peer *p)
{
	bool proxy = p->role == 0;
	struct dir_peer *to = &g->peer[g->peers];
	struct dir_member *m = proxy ? &g->proxy[g->proxies] : &g->hsm[g->hsms];

	HL_TRY(hl_member_address("peers.address", p->address, &m->address));
	HL_TRY(hl_bytes_str(hl_text(p->name), m->name, sizeof m->name));
	HL_TRY(hl_bytes_str(hl_text(p->name), to->name, sizeof to->name));
	to->role = proxy ? HL_ROLE_PROXY : HL_ROLE_HSM;
	HL_TRY(hl_member_key(p->secret, HL_LINK_KEY, &to->secret));
	g->peers++;
	*(proxy ? &g->proxies : &g->hsms) += 1;
	return HL_OK;
}

static hl_err lay_ground(struct hl_member *m, const struct conf *conf, struct ground *g)
{
	const struct peer *peer = conf->peers.items;
	struct hl_addr dns;

	for (size_t i = 0; i < conf->peers.count; i++)
		HL_TRY(take_peer(g, &peer[i]));
	HL_TRY(hl_member_named(conf->store, dir_sqlite_open(conf->store, &g->store)));
	HL_TRY(dir_sqlite_set_cluster(g->store, conf->cluster, g->hsm, g->hsms));
	HL_TRY(dir_sqlite_set_pool(g->store, conf->pool, g->proxy, g->proxies));
	HL_TRY(hl_member_address("dns", conf->dns, &dns));
	return hl_member_named(
		conf->dns, dir_dns_shell_new(m->daemon.loop, &dns, conf->pool, g->proxy, g->proxies, &g->dns));
}

static void clear_ground(struct ground *g)
{
	dir_dns_shell_free(g->dns);
	dir_sqlite_close(g->store);
	for (size_t i = 0; i < g->peers; i++)
		hl_secret_clear(&g->peer[i].secret);
}

static hl_err start_core(struct hl_member *m, const struct conf *conf, struct ground *g, struct dir **out)
{
	struct dir_conf core = {
		.name = conf->member.name,
		.realm = conf->realm,
		.cluster = conf->cluster,
		.peer = g->peer,
		.mailbox = dir_folder_mailbox(conf->credentials),
		.grant_valid_ms = (uint32_t)conf->grant_valid_ms,
	};

	HL_TRY(lay_ground(m, conf, g));
	core.peers = g->peers;
	core.store = dir_sqlite_store(g->store);
	return dir_new(&m->env.env, &core, out);
}

static hl_err serve(struct hl_member *m, const struct conf *conf, struct dir *core)
{
	struct hl_addr at, real;
	int fd;

	HL_TRY(hl_member_shell(m, &dir_core, core));
	HL_TRY(hl_member_address("links", conf->links, &at));
	HL_TRY(hl_member_named(conf->links, hl_listen_tcp(&at, &fd, &real)));
	HL_TRY(hl_shell_listen(m->shell, fd, DIR_LISTEN_LINKS, 0));
	HL_TRY(hl_member_named(conf->admin, hl_listen_unix(conf->admin, &fd)));
	HL_TRY(hl_shell_listen(m->shell, fd, DIR_LISTEN_ADMIN, HL_LISTEN_SAME_USER));
	return hl_member_run(m, &conf->member, real.port);
}

int main(int argc, char **argv)
{
	struct hl_member m = { 0 };
	struct conf conf = { 0 };
	struct ground *ground = calloc(1, sizeof *ground);
	struct dir *core = NULL;
	hl_err err = ground ? hl_member_begin(&m, &spec, argc, argv, &schema, &conf, &conf.member) : HL_E_NOMEM;

	if (err == HL_OK)
		err = start_core(&m, &conf, ground, &core);
	if (err == HL_OK)
		err = serve(&m, &conf, core);
	hl_member_quiet(&m);
	dir_free(core);
	if (ground)
		clear_ground(ground);
	free(ground);
	return hl_member_end(&m, err);
}
